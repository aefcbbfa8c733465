import { isAbsolute, resolve } from 'node:path'
import { abortable } from '../time/abortable.js'
import { interruptionOf } from '../time/stop-signal.js'
import { HealthCheck } from '../check.js'
import { wordsFor } from '../clients/driver-errors.js'
import { isHealthCheckError, lacking, ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { func, oneOf, rule, withoutNul } from '../values/rules.js'
import type { CheckContext, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'
import type { PostgresSource } from '../../types/sources.js'
import type { Comparison } from './migrations/standing.js'
import { recordedRows } from './migrations/table.js'
import { migrationTool, migrationToolNames, type MigrationToolName } from './migrations/tools.js'
import { postgresRequirements, postgresRules } from '../clients/postgres.js'

/** Names of migrations. */
export type MigrationNames = Iterable<string> | Promise<Iterable<string>>

/** The options for the migrations of a tool that the check does not know. */
export interface OwnMigrations {
  /** Returns the names of the applied migrations. */
  applied: (context: CheckContext) => MigrationNames
  /** Returns the names of the migrations of this release. */
  onDisk: (context: CheckContext) => MigrationNames
}

/** The options for the migrations of a tool that the check knows, in PostgreSQL. */
export interface ToolMigrations extends PostgresSource {
  /** The tool that applies the migrations. It need not be installed. */
  tool: MigrationToolName
  /** The folder of the migrations. A relative path is resolved against the setting `baseDir`. */
  dir: string
  /** The source of a regular expression. Files and folders in the folder whose name it matches are no migrations. */
  ignore?: string
  /**
   * The extensions of the files that are migrations, if the app sets `loadExtensions` of knex.
   *
   * @default ['.co', '.coffee', '.eg', '.iced', '.js', '.cjs', '.litcoffee', '.ls', '.ts']
   */
  loadExtensions?: readonly string[]
  /**
   * The table of the applied migrations.
   *
   * @default that of the tool
   */
  table?: string
  /**
   * The schema of that table.
   *
   * @default that of the tool, and for Prisma the `?schema=` of `connectionString`
   */
  schema?: string
}

type Neither<Options> = { readonly [name in keyof Options]?: never }

export type MigrationsOptions = (ToolMigrations & Neither<OwnMigrations>) | (OwnMigrations & Neither<ToolMigrations>)

const noneOfThem = 'the folder of migrations holds none of those that are applied'
const pending = 'There are migrations to apply'
const namesShown = 5
const optionsOfTools = ['ignore', 'loadExtensions', 'table', 'schema', ...Object.keys(postgresRules)]

const pattern = rule('the source of a regular expression that compiles', value =>
  typeof value === 'string' && value !== '' && compiles(value))
const endings = rule("a list of endings such as '.mjs'", value =>
  Array.isArray(value) && value.length > 0 && value.every(ending => typeof ending === 'string' && /^\.[^.]+$/.test(ending)))
const identifier = withoutNul('a name that PostgreSQL can have')

/**
 * Passes if no migration on disk is pending. An applied migration that is not on disk is no fault, since a newer release may be rolling
 * out. A run costs one SELECT and one listing of the folder. For Flyway and Liquibase it reads files of the folder as well.
 */
export class MigrationsCheck extends HealthCheck<MigrationsOptions> {
  static override readonly rules = {
    tool: oneOf(migrationToolNames),
    dir: withoutNul('the path of a folder'),
    applied: func(),
    onDisk: func(),
    ignore: pattern,
    loadExtensions: endings,
    table: identifier,
    schema: identifier,
    ...postgresRules,
  } satisfies RulesOf<MigrationsOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext): Promise<Requirement[]> {
    const incomplete = this.#incomplete()
    if (incomplete !== undefined) return [incomplete]
    if (this.options.applied !== undefined) return []
    const misgiven = this.options.loadExtensions !== undefined && this.options.tool !== 'knex'
      ? [{ message: `\`loadExtensions\` is given, and the tool is ${this.options.tool}`, hint: 'Leave it out: it is of knex.' }]
      : []
    return [...misgiven, ...await postgresRequirements(this.#tool, context), ...await this.#folderRequirements(context)]
  }

  #incomplete (): Requirement | undefined {
    const { tool, dir, applied, onDisk } = this.options as Partial<ToolMigrations & OwnMigrations>
    const given = Object.entries({ tool, dir, applied, onDisk })
      .filter(([, value]) => value !== undefined)
      .map(([name]) => `\`${name}\``)
      .join(' and ')
    if (given === '`tool` and `dir`') return undefined
    if (given === '`applied` and `onDisk`') {
      const ignored = optionsOfTools.find(name => (this.options as object as Record<string, unknown>)[name] !== undefined)
      return ignored === undefined
        ? undefined
        : { message: `\`${ignored}\` is given with \`applied\``, hint: 'Leave it out: the functions know what to ask.' }
    }
    return {
      message: given === ''
        ? 'none of `tool`, `dir`, `applied` and `onDisk` is given'
        : `${given} ${given.includes(' and ') ? 'are' : 'is'} given`,
      hint: 'Give `tool` and `dir` for a tool that the check knows, or `applied` and `onDisk`, two functions that return names, for any ' +
        'other.',
    }
  }

  override async check (context: CheckContext) {
    const incomplete = this.#incomplete()
    if (incomplete !== undefined) throw lacking([incomplete])
    if (this.options.applied !== undefined) await this.#compareNames(context, this.options)
    else await this.#compareTables(context)
  }

  async #compareNames (context: CheckContext, { applied, onDisk }: OwnMigrations): Promise<void> {
    const signal = interruptionOf(context)
    const [done, names] = await abortable(
      Promise.all([askForNames('applied', applied, context), askForNames('onDisk', onDisk, context)]),
      signal
    )
    const recorded = new Set(done)
    if (recorded.size > 0 && !names.some(name => recorded.has(name))) this.addError(new ServiceReturnedUnexpectedResult(noneOfThem))
    this.#report(pending, names.filter(name => !recorded.has(name)))
  }

  async #compareTables (context: CheckContext): Promise<void> {
    const listing = this.#onDisk(context)
    // The listing is awaited after the rows, so its failure must not be unhandled until then.
    listing.catch(() => {})
    const rows = await recordedRows(context, this.#tool, warning => this.addError(warning))
    const compareWith = await listing
    // Only migrations on disk are reported, since a migration of a newer release may be running now.
    const standing = compareWith(rows)
    if (standing.isForeign) this.addError(new ServiceReturnedUnexpectedResult(noneOfThem))
    this.#report('Migrations failed', standing.failed)
    this.#report('Migrations failed, or are still running', standing.unfinished)
    this.#report(pending, standing.pending)
  }

  get #tool (): ToolMigrations {
    return this.options as ToolMigrations
  }

  #report (what: string, names: readonly string[]) {
    if (names.length === 0) return
    this.addError(new ServiceUnavailable(`${what}: ${list([...names].sort())}`))
  }

  async #onDisk ({ settings }: RequirementsContext): Promise<Comparison> {
    const { tool, dir, ignore, loadExtensions } = this.#tool
    const ignored = ignore === undefined ? () => false : (name: string) => new RegExp(ignore).test(name)
    try {
      return await migrationTool(tool).list(resolve(settings.baseDir, dir), ignored, loadExtensions)
    } catch (error) {
      if (isHealthCheckError(error)) throw error
      const words = wordsFor(error)
      if (words === undefined) throw error
      throw new ServiceUnavailable(`The folder of migrations cannot be read: ${words}`, { cause: error })
    }
  }

  async #folderRequirements (context: RequirementsContext): Promise<Requirement[]> {
    try {
      await this.#onDisk(context)
      return []
    } catch (error) {
      const { tool, dir } = this.#tool
      // A message may be sent to clients. A hint is shown only at boot and by the command.
      const [where, which] = isAbsolute(dir) ? ['', ` (now '${dir}')`] : [` in '${dir}'`, '']
      return [{
        message: `the migrations${where} cannot be listed (${isHealthCheckError(error) ? error.message : 'unknown error'})`,
        hint: `Set \`dir\`${which} to the folder that ${tool} reads, and ship that folder with the app; a relative one is resolved ` +
          'against `baseDir`. Files that are no migrations go by `ignore`.',
      }]
    }
  }
}

async function askForNames (option: string, ask: (context: CheckContext) => MigrationNames, context: CheckContext): Promise<string[]> {
  const found: unknown = await ask(context)
  const names: unknown[] = typeof found === 'object' && found !== null && Symbol.iterator in found
    ? [...found as Iterable<unknown>]
    : [undefined]
  if (names.every(name => typeof name === 'string')) return names
  throw new ServiceReturnedUnexpectedResult(`\`${option}\` returned no list of names`)
}

function compiles (source: string): boolean {
  try {
    return new RegExp(source) instanceof RegExp
  } catch {
    return false
  }
}

function list (names: readonly string[]): string {
  const more = names.length - namesShown
  return more > 0 ? `${names.slice(0, namesShown).join(', ')} and ${more} more` : names.join(', ')
}

export default MigrationsCheck
