import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { ServiceReturnedUnexpectedResult } from '../../errors.js'
import { flywayColumns, listFlyway } from './flyway.js'
import { liquibaseColumns, listLiquibase } from './liquibase.js'
import { standingOf, type Listing, type Row } from './standing.js'

interface MigrationOnDisk {
  /** The name of the migration in the table of the tool. */
  readonly key: string
  /** The name for people. */
  readonly name: string
}

type FilesOfMigrations = (...listing: Parameters<Listing>) => Promise<MigrationOnDisk[]>
/** Returns the key of a row, or `undefined` if the row says something else. */
type KeyOfRow = (row: Row) => string | undefined

/** The way in which a tool records its migrations, with the defaults of a fresh installation. */
interface MigrationTool {
  readonly table: string
  /** The schema of the table. Without it, the search path of the connection finds the table. */
  readonly schema?: string
  readonly columns: readonly string[]
  readonly list: Listing
}

const scriptExtensions = ['.js', '.cjs', '.mjs', '.ts', '.cts', '.mts']
const nameOfRow = (row: Row) => String(row['name'])

export const migrationTools = {
  'node-pg-migrate': {
    table: 'pgmigrations',
    schema: 'public',
    columns: ['name'],
    list: byKeys(files([...scriptExtensions, '.sql'], withoutExtension), nameOfRow),
  },
  knex: {
    table: 'knex_migrations',
    columns: ['name'],
    // These are the default `loadExtensions` of knex, which never runs files with another extension.
    list: byKeys(files(['.co', '.coffee', '.eg', '.iced', '.js', '.cjs', '.litcoffee', '.ls', '.ts'], name => name), nameOfRow),
  },
  // drizzle runs only migrations that are newer than the newest row, and never one that was merged late. The check looks up each of them.
  drizzle: {
    table: '__drizzle_migrations',
    schema: 'drizzle',
    columns: ['created_at'],
    list: byKeys(drizzleJournal, row => String(row['created_at'])),
  },
  kysely: {
    table: 'kysely_migration',
    columns: ['name'],
    // The tool ignores modules without `up`, but only loading a module would show that.
    list: byKeys(files(['.js', '.mjs', '.ts', '.mts'], file => isBarrel(file) ? undefined : withoutExtension(file)), nameOfRow),
  },
  umzug: {
    table: 'SequelizeMeta',
    columns: ['name'],
    list: byKeys(files([...scriptExtensions, '.sql'], name => /\.down\.[^.]+$/.test(name) ? undefined : name), nameOfRow),
  },
  // The table has the name of the class, which only loading the file would show. Both names hold the same timestamp.
  typeorm: {
    table: 'migrations',
    columns: ['timestamp'],
    list: byKeys(files(scriptExtensions, timestampOf), row => String(row['timestamp'])),
  },
  // https://github.com/mikro-orm/mikro-orm/blob/master/packages/migrations/src/MigrationStorage.ts
  'mikro-orm': {
    table: 'mikro_orm_migrations',
    columns: ['name'],
    list: byKeys(files(['.js', '.ts', '.cjs'], withoutScriptExtension), row => withoutScriptExtension(nameOfRow(row))),
  },
  // Like drizzle, postgrator never runs a migration that was merged with a version below the highest row.
  postgrator: {
    table: 'schemaversion',
    columns: ['version'],
    list: byKeys(
      files(['.sql', '.js', '.mjs', '.cjs'], versionDone),
      // The first row of the table has version 0, and is no migration.
      row => Number(row['version']) === 0 ? undefined : String(row['version'])
    ),
  },
  // https://github.com/prisma/prisma-engines/blob/main/schema-engine/ARCHITECTURE.md#the-_prisma_migrations-table
  prisma: {
    table: '_prisma_migrations',
    schema: 'public',
    columns: ['migration_name', 'finished_at', 'rolled_back_at'],
    list: byKeys(
      folders,
      row => row['finished_at'] !== null && row['rolled_back_at'] === null ? String(row['migration_name']) : undefined,
      row => row['finished_at'] === null && row['rolled_back_at'] === null ? String(row['migration_name']) : undefined
    ),
  },
  flyway: { table: 'flyway_schema_history', columns: flywayColumns, list: listFlyway },
  liquibase: { table: 'databasechangelog', columns: liquibaseColumns, list: listLiquibase },
} satisfies Record<string, MigrationTool>

/** A tool whose table is known. Sequelize has the table of umzug. */
export type MigrationToolName = keyof typeof migrationTools | 'sequelize'

export const migrationToolNames = [...Object.keys(migrationTools), 'sequelize']

export function migrationTool (name: MigrationToolName): MigrationTool {
  return migrationTools[name === 'sequelize' ? 'umzug' : name]
}

/**
 * Compares migrations by their keys.
 *
 * @param unfinished - Returns the key of a row if its migration was begun, and neither finished nor given up.
 */
function byKeys (onDisk: FilesOfMigrations, applied: KeyOfRow, unfinished: KeyOfRow = () => undefined): Listing {
  return async (...listing) => {
    const found = await onDisk(...listing)
    return rows => {
      const done = keysOf(rows, applied)
      const begun = keysOf(rows, unfinished)
      return standingOf(found, done.size + begun.size > 0, ({ key }) => {
        if (begun.has(key)) return 'unfinished'
        return done.has(key) ? 'applied' : 'pending'
      })
    }
  }
}

function keysOf (rows: readonly Row[], keyOf: KeyOfRow): Set<string> {
  return new Set(rows.map(keyOf).filter(key => key !== undefined))
}

/** Lists the files of the folder for which `keyOf` returns a key. */
function files (usual: readonly string[], keyOf: (file: string) => string | undefined): FilesOfMigrations {
  return async (dir, ignored, extensions = usual) => {
    const found: MigrationOnDisk[] = []
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      // A mounted ConfigMap shows its files as symbolic links.
      if (!entry.isFile() && !entry.isSymbolicLink()) continue
      if (entry.name.startsWith('.') || !extensions.includes(extname(entry.name)) || /\.d\.[cm]?ts$/.test(entry.name) ||
        ignored(entry.name)) {
        continue
      }
      const key = keyOf(entry.name)
      if (key !== undefined) found.push({ key, name: withoutExtension(entry.name) })
    }
    return found
  }
}

async function folders (dir: string, ignored: (name: string) => boolean): Promise<MigrationOnDisk[]> {
  const entries = await readdir(dir, { withFileTypes: true })
  return entries.filter(entry => entry.isDirectory() && !ignored(entry.name)).map(({ name }) => ({ key: name, name }))
}

async function drizzleJournal (dir: string, ignored: (name: string) => boolean): Promise<MigrationOnDisk[]> {
  const text = await readFile(join(dir, 'meta', '_journal.json'), 'utf8')
  try {
    const { entries } = JSON.parse(text) as { entries: Array<{ when: unknown, tag: unknown }> }
    return entries.map(({ when, tag }) => {
      if (typeof when !== 'number' || typeof tag !== 'string') throw new TypeError('an entry has no moment or no name')
      return { key: String(when), name: tag }
    }).filter(({ name }) => !ignored(name))
  } catch (error) {
    throw new ServiceReturnedUnexpectedResult("drizzle's meta/_journal.json is not a journal", { cause: error })
  }
}

function withoutExtension (file: string): string {
  return file.slice(0, -extname(file).length)
}

/** Removes the extension, which the names of MikroORM had before version 5. */
function withoutScriptExtension (name: string): string {
  return name.replace(/\.[jt]s$/, '')
}

/** Returns whether a file only re-exports other files. */
function isBarrel (file: string): boolean {
  return withoutExtension(file) === 'index'
}

function timestampOf (file: string): string | undefined {
  if (isBarrel(file)) return undefined
  const timestamp = /\d{13}/.exec(file)?.[0]
  if (timestamp === undefined) throw new ServiceReturnedUnexpectedResult(`no timestamp of 13 digits in the name of the migration ${file}`)
  return timestamp
}

function versionDone (file: string): string | undefined {
  const [version, action] = file.split('.')
  return action === 'do' && !Number.isNaN(Number(version)) ? String(Number(version)) : undefined
}
