import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { crc32 } from 'node:zlib'
import { filesBelow } from './files-below.js'
import { standingOf, type Comparison, type MigrationState, type Row } from './standing.js'

/** A versioned migration, or a baseline migration, which stands for all versions up to its own in an empty database. */
interface Versioned {
  readonly name: string
  readonly version: string
  readonly isBaseline: boolean
}

/** A migration that runs again whenever its text has changed. */
interface Repeatable {
  readonly name: string
  readonly description: string
  /** It is `undefined` if only Flyway can compute it. */
  readonly checksum: number | undefined
}

interface FlywayRun {
  readonly succeeded: boolean
  readonly checksum: unknown
}

/** The migrations that Flyway has run, without those that it has undone or marked as deleted. */
interface FlywayHistory {
  readonly versions: ReadonlyMap<string, FlywayRun>
  readonly repeatables: ReadonlyMap<string, FlywayRun>
  readonly baseline: string | undefined
}

// Flyway's default prefixes, separator and suffix. A name of another form is no migration.
const nameForm = /^(?:(?<prefix>[VB])(?<version>\d+(?:[._]\d+)*)(?:__.*)?|R__(?<description>.*))\.[sS][qQ][lL]$/s

/** https://documentation.red-gate.com/fd/flyway-schema-history-table-273973417.html */
export const flywayColumns = ['installed_rank', 'version', 'description', 'type', 'checksum', 'success']

export async function listFlyway (dir: string, ignored: (name: string) => boolean): Promise<Comparison> {
  const versioned: Versioned[] = []
  const repeatables: Repeatable[] = []
  for (const path of await filesBelow(dir, ignored)) {
    const file = posix.basename(path)
    const { prefix, version, description } = nameForm.exec(file)?.groups ?? {}
    const name = file.slice(0, -'.sql'.length)
    if (version !== undefined) {
      versioned.push({ name, version: canonical(version), isBaseline: prefix === 'B' })
    } else if (description !== undefined) {
      const checksum = checksumOf(await readFile(join(dir, path)))
      repeatables.push({ name, description: description.replaceAll('_', ' '), checksum })
    }
  }
  const baselineOnDisk = versioned.filter(({ isBaseline }) => isBaseline).map(({ version }) => version).reduce(higher, undefined)

  return rows => {
    const history = historyOf(rows)
    const hasRecords = history.versions.size + history.repeatables.size > 0
    return standingOf([...versioned, ...repeatables], hasRecords, migration =>
      'version' in migration ? stateOfVersioned(migration, history, baselineOnDisk) : stateOfRepeatable(migration, history))
  }
}

function stateOfVersioned (
  migration: Versioned,
  { versions, baseline }: FlywayHistory,
  baselineOnDisk: string | undefined
): MigrationState {
  const { version, isBaseline } = migration
  const run = versions.get(version)
  if (run !== undefined) return run.succeeded ? 'applied' : 'failed'
  if (baseline !== undefined && compareVersions(version, baseline) <= 0) return 'applied'
  // In an empty database, Flyway begins with the highest baseline migration. In any other it runs none.
  const begins = versions.size === 0 && baseline === undefined ? baselineOnDisk : undefined
  if (begins === undefined) return isBaseline ? 'skipped' : 'pending'
  const distance = compareVersions(version, begins)
  return distance > 0 || (distance === 0 && isBaseline) ? 'pending' : 'skipped'
}

function stateOfRepeatable ({ description, checksum }: Repeatable, { repeatables }: FlywayHistory): MigrationState {
  const run = repeatables.get(description)
  if (run === undefined) return 'pending'
  if (!run.succeeded) return 'failed'
  return checksum === undefined || checksum === run.checksum ? 'applied' : 'outdated'
}

function historyOf (rows: readonly Row[]): FlywayHistory {
  const versions = new Map<string, FlywayRun>()
  const repeatables = new Map<string, FlywayRun>()
  let baseline: string | undefined
  for (const row of [...rows].sort((one, other) => Number(one['installed_rank']) - Number(other['installed_rank']))) {
    const type = String(row['type'])
    // Flyway notes here that it made a schema. This is no migration.
    if (type === 'SCHEMA') continue
    const version = row['version'] === null ? undefined : canonical(String(row['version']))
    const runs = version === undefined ? repeatables : versions
    const key = version ?? String(row['description'])
    const run = { succeeded: row['success'] === true, checksum: row['checksum'] }
    if (type === 'BASELINE' || /_(?:BASELINE|STATE_SCRIPT)$/.test(type)) baseline = higher(baseline, version)
    // `flyway baseline` runs no file.
    if (type === 'BASELINE') continue
    if (run.succeeded && (type === 'DELETE' || type.startsWith('UNDO_'))) runs.delete(key)
    else if (type !== 'DELETE') runs.set(key, run)
  }
  return { versions, repeatables, baseline }
}

/** Returns the same text for equal versions, such as `1_0`, `01` and `1`. */
function canonical (version: string): string {
  return version.split(/[._]/).map(part => String(BigInt(part))).join('.').replace(/(?:\.0)+$/, '')
}

function compareVersions (one: string, other: string): number {
  const left = one.split('.')
  const right = other.split('.')
  for (let part = 0; part < Math.max(left.length, right.length); part++) {
    const difference = BigInt(left[part] ?? 0) - BigInt(right[part] ?? 0)
    if (difference !== 0n) return difference > 0n ? 1 : -1
  }
  return 0
}

function higher (one: string | undefined, other: string | undefined): string | undefined {
  return one === undefined || (other !== undefined && compareVersions(other, one) > 0) ? other : one
}

/** Returns the CRC-32 of the lines, without their ends and without a byte order mark, as a signed number. */
function checksumOf (content: Buffer): number | undefined {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    return undefined
  }
  // Flyway takes the checksum of the text with the values of placeholders.
  return text.includes('${') ? undefined : crc32(text.replace(/[\r\n]+/g, '')) | 0
}
