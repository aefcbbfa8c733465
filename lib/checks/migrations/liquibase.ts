import { readFile } from 'node:fs/promises'
import { extname, join, posix } from 'node:path'
import { ServiceReturnedUnexpectedResult } from '../../errors.js'
import { changeSetsIn } from './liquibase-changelogs.js'
import { filesBelow } from './files-below.js'
import { standingOf, type Comparison, type MigrationState, type Row } from './standing.js'

/** https://docs.liquibase.com/concepts/tracking-tables/databasechangelog-table.html */
export const liquibaseColumns = ['id', 'author', 'filename', 'exectype']

const done = ['EXECUTED', 'RERAN', 'MARK_RAN']

interface ChangeSetOnDisk {
  /** The file, author and id. The form of Liquibase, `file::id::author`, can look like an IPv6 address, which would be redacted. */
  readonly name: string
  readonly identity: string
  /** Returns whether the table means this file. */
  readonly isIn: (filename: string) => boolean
  readonly isOptional: boolean
}

export async function listLiquibase (dir: string, ignored: (name: string) => boolean): Promise<Comparison> {
  const found: ChangeSetOnDisk[] = []
  let changelogs = 0
  for (const path of await filesBelow(dir, ignored)) {
    const read = changeSetsIn[extname(path).toLowerCase()]
    if (read === undefined) continue
    changelogs++
    for (const { id, author, logicalFilePath, isOptional } of read(await readChangelog(join(dir, path)), path)) {
      // A path in the table starts in the search path of Liquibase, and `dir` is a folder there.
      const isIn = logicalFilePath === undefined
        ? (filename: string) => `/${filename}`.endsWith(`/${path}`)
        : (filename: string) => filename === normalized(logicalFilePath)
      found.push({ name: `${path} ${author}:${id}`, identity: changeSetIdentity(id, author), isIn, isOptional })
    }
  }
  if (changelogs > 0 && found.length === 0) {
    throw new ServiceReturnedUnexpectedResult('the folder of migrations holds no change set of Liquibase in formatted SQL, XML or JSON')
  }
  return rows => compareChangeSets(found, rows)
}

function compareChangeSets (onDisk: readonly ChangeSetOnDisk[], rows: readonly Row[]) {
  const recorded = new Map<string, Array<{ filename: string, type: string }>>()
  for (const row of rows) {
    const identity = changeSetIdentity(row['id'], row['author'])
    const others = recorded.get(identity) ?? []
    recorded.set(identity, [...others, { filename: normalized(String(row['filename'])), type: String(row['exectype']) }])
  }
  return standingOf(onDisk, rows.length > 0, ({ identity, isIn, isOptional }): MigrationState => {
    const types = recorded.get(identity)?.filter(({ filename }) => isIn(filename)).map(({ type }) => type) ?? []
    if (types.some(type => done.includes(type))) return 'applied'
    if (types.includes('FAILED')) return 'failed'
    return isOptional ? 'skipped' : 'pending'
  })
}

function changeSetIdentity (id: unknown, author: unknown): string {
  return JSON.stringify([String(id), String(author)])
}

/** Older versions of Liquibase stored paths as they were given. */
function normalized (path: string): string {
  return posix.normalize(path.replaceAll('\\', '/').replace(/^classpath:/, '').replace(/^[a-z]:/i, '').replace(/^\/+/, ''))
}

async function readChangelog (file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replace(/^\uFEFF/, '')
}
