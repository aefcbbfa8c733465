import { ServiceReturnedUnexpectedResult } from '../../errors.js'

export interface ChangeSet {
  readonly id: string
  readonly author: string
  /** The table holds this text instead of the path of the file. */
  readonly logicalFilePath: string | undefined
  /** `true` means that an update may skip the change set: it has a context or labels, is ignored, or is for other databases. */
  readonly isOptional: boolean
}

/** The attributes of a change set or of its changelog. */
type Attributes = Readonly<Record<string, unknown>>

/** The functions that read the change sets of a changelog, by the ending of its file. They find none in a file that is no changelog. */
export const changeSetsIn: Readonly<Record<string, (text: string, file: string) => ChangeSet[]>> = {
  '.sql': inSql,
  '.xml': inXml,
  '.json': inJson,
  '.yaml': inYaml,
  '.yml': inYaml,
}

/** Reads formatted SQL: https://docs.liquibase.com/concepts/changelogs/sql-format.html */
function inSql (text: string, file: string): ChangeSet[] {
  const lines = text.split(/\r\n|[\r\n]/)
  const header = lines.find(line => line.trim() !== '') ?? ''
  if (!/^\s*--\s*liquibase\s*formatted/i.test(header)) return []
  const changelog = { logicalFilePath: sqlAttribute(header, 'logicalFilePath') }
  const found: ChangeSet[] = []
  let passedOver = 0
  for (const line of lines) {
    const [, ignored] = /^--\s*ignoreLines:(\w+)$/i.exec(line) ?? []
    if (passedOver > 0) {
      passedOver = passedOver === Infinity && ignored === 'end' ? 0 : passedOver - 1
    } else if (ignored !== undefined) {
      passedOver = ignored === 'start' ? Infinity : Number(ignored)
    } else {
      const [, author, id] = /^\s*--\s*changeset\s+("[^"]+"|[^:]+):("[^"]+"|\S+)/i.exec(line) ?? []
      if (author === undefined || id === undefined) continue
      const attributes = Object.fromEntries(attributesOfChangeSets.map(name => [name, sqlAttribute(line, name)]))
      found.push(changeSet({ ...attributes, id: unquoted(id), author: unquoted(author) }, changelog, file))
    }
  }
  return found
}

// Comments, CDATA and processing instructions may hold what looks like a tag.
const startTags = /<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(?:[\w.-]+:)?([\w.-]+)((?:"[^"]*"|'[^']*'|[^"'>])*)>/gs

function inXml (text: string, file: string): ChangeSet[] {
  const found: ChangeSet[] = []
  let changelog: Attributes | undefined
  for (const [, name, attributes = ''] of text.matchAll(startTags)) {
    if (name === 'databaseChangeLog') changelog = xmlAttributes(attributes)
    else if (name === 'changeSet' && changelog !== undefined) found.push(changeSet(xmlAttributes(attributes), changelog, file))
  }
  return found
}

function inJson (text: string, file: string): ChangeSet[] {
  if (!text.includes('databaseChangeLog')) return []
  let entries: Attributes[]
  try {
    const { databaseChangeLog } = JSON.parse(text) as { databaseChangeLog: Iterable<Attributes> }
    entries = [...databaseChangeLog].map(entry => ({ ...entry }))
  } catch (error) {
    throw new ServiceReturnedUnexpectedResult(`the changelog ${file} cannot be parsed`, { cause: error })
  }
  const changelog: Attributes = Object.assign({}, ...entries)
  const changeSets = entries.map(entry => entry['changeSet']).filter(found => found !== undefined)
  return changeSets.map(found => changeSet({ ...found as Attributes }, changelog, file))
}

/** Fails if a changelog in YAML has change sets, since the package has no parser of YAML. One that only includes others has none. */
function inYaml (text: string, file: string): ChangeSet[] {
  if (!/\bdatabaseChangeLog\b/.test(text) || !/^[^#\n]*\bchangeSet["']?\s*:/m.test(text)) return []
  throw new ServiceReturnedUnexpectedResult(`the changelog ${file} holds change sets in YAML, which this check does not read`)
}

const attributesOfChangeSets = ['logicalFilePath', 'contextFilter', 'context', 'labels', 'dbms', 'ignore']

function changeSet (attributes: Attributes, changelog: Attributes, file: string): ChangeSet {
  const { id, author, logicalFilePath = changelog['logicalFilePath'], labels, dbms, ignore } = attributes
  if (!isFilled(id) || !isFilled(author)) {
    throw new ServiceReturnedUnexpectedResult(`a change set of the changelog ${file} has no id or no author`)
  }
  const contexts = [attributes, changelog].flatMap(({ contextFilter, context }) => [contextFilter, context])
  return {
    id: String(id),
    author: String(author),
    logicalFilePath: isFilled(logicalFilePath) ? String(logicalFilePath) : undefined,
    isOptional: [...contexts, labels].some(isFilled) || String(ignore) === 'true' || (isFilled(dbms) && !isOfPostgres(String(dbms))),
  }
}

function isFilled (value: unknown): boolean {
  return value !== undefined && value !== null && String(value).trim() !== ''
}

function isOfPostgres (dbms: string): boolean {
  const names = dbms.toLowerCase().split(',').map(name => name.trim())
  if (names.includes('all')) return true
  if (names.includes('none') || names.includes('!postgresql')) return false
  return names.includes('postgresql') || names.every(name => name.startsWith('!'))
}

function sqlAttribute (line: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}:("[^"]*"|\\S*)`, 'i').exec(line)?.[1]
  return value === undefined ? undefined : unquoted(value)
}

function unquoted (text: string): string {
  return text.replace(/^"(.*)"$/, '$1')
}

function xmlAttributes (text: string): Attributes {
  const pairs = text.matchAll(/([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)
  return Object.fromEntries([...pairs].map(([, name, double, single]) => [name, withoutReferences((double ?? single) as string)]))
}

const entities = new Map([['amp', '&'], ['lt', '<'], ['gt', '>'], ['quot', '"'], ['apos', "'"]])

function withoutReferences (text: string): string {
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (reference, hex, decimal, name) => {
    if (name !== undefined) return entities.get(name) ?? reference
    return String.fromCodePoint(hex === undefined ? Number(decimal) : parseInt(hex, 16))
  })
}
