import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { ServiceReturnedUnexpectedResult } from '../../errors.js'

export interface MigrationOnDisk {
  /** The name of the migration in the table of the tool. */
  readonly key: string
  /** The name for people. */
  readonly name: string
}

type Row = Readonly<Record<string, unknown>>

/** The way in which a tool records its migrations, with the defaults of a fresh installation. */
interface MigrationTool {
  readonly table: string
  /** The schema of the table. Without it, the search path of the connection finds the table. */
  readonly schema?: string
  readonly columns: readonly string[]
  /** Returns the migrations of the folder, without those whose file, folder or tag is `ignored`. `extensions` replace those of the tool. */
  readonly onDisk: (dir: string, ignored: (name: string) => boolean, extensions?: readonly string[]) => Promise<MigrationOnDisk[]>
  /** Returns the key of a row if its migration is applied. */
  readonly applied: (row: Row) => string | undefined
  /** Returns the key of a row if its migration was begun, and neither finished nor given up. */
  readonly unfinished?: (row: Row) => string | undefined
}

const scripts = ['.js', '.cjs', '.mjs', '.ts', '.cts', '.mts']
const byName = (row: Row) => String(row['name'])

export const migrationTools = {
  'node-pg-migrate': {
    table: 'pgmigrations',
    schema: 'public',
    columns: ['name'],
    onDisk: files([...scripts, '.sql'], withoutExtension),
    applied: byName,
  },
  knex: {
    table: 'knex_migrations',
    columns: ['name'],
    // These are the default `loadExtensions` of knex, which never runs files with another extension.
    onDisk: files(['.co', '.coffee', '.eg', '.iced', '.js', '.cjs', '.litcoffee', '.ls', '.ts'], name => name),
    applied: byName,
  },
  // drizzle runs only migrations that are newer than the newest row, so it never runs one that was merged late. Looking up each one finds
  // it.
  drizzle: {
    table: '__drizzle_migrations',
    schema: 'drizzle',
    columns: ['created_at'],
    onDisk: drizzleJournal,
    applied: row => String(row['created_at']),
  },
  kysely: {
    table: 'kysely_migration',
    columns: ['name'],
    // The tool ignores modules without `up`, but only loading a module would show that.
    onDisk: files(['.js', '.mjs', '.ts', '.mts'], file => isBarrel(file) ? undefined : withoutExtension(file)),
    applied: byName,
  },
  umzug: {
    table: 'SequelizeMeta',
    columns: ['name'],
    onDisk: files([...scripts, '.sql'], name => /\.down\.[^.]+$/.test(name) ? undefined : name),
    applied: byName,
  },
  // The table has the name of the class, which only loading the file would show. The timestamp at its end is also the start of the file
  // name.
  typeorm: {
    table: 'migrations',
    columns: ['timestamp'],
    onDisk: files(scripts, timestampOf),
    applied: row => String(row['timestamp']),
  },
  // https://github.com/mikro-orm/mikro-orm/blob/master/packages/migrations/src/MigrationStorage.ts
  'mikro-orm': {
    table: 'mikro_orm_migrations',
    columns: ['name'],
    onDisk: files(['.js', '.ts', '.cjs'], withoutScriptExtension),
    applied: row => withoutScriptExtension(byName(row)),
  },
  // Like drizzle, postgrator never runs a migration that was merged with a version below the highest row.
  postgrator: {
    table: 'schemaversion',
    columns: ['version'],
    onDisk: files(['.sql', '.js', '.mjs', '.cjs'], versionDone),
    // The first row has version 0, and is no migration.
    applied: row => Number(row['version']) === 0 ? undefined : String(row['version']),
  },
  // https://github.com/prisma/prisma-engines/blob/main/schema-engine/ARCHITECTURE.md#the-_prisma_migrations-table
  prisma: {
    table: '_prisma_migrations',
    schema: 'public',
    columns: ['migration_name', 'finished_at', 'rolled_back_at'],
    onDisk: folders,
    applied: row => row['finished_at'] !== null && row['rolled_back_at'] === null ? String(row['migration_name']) : undefined,
    unfinished: row => row['finished_at'] === null && row['rolled_back_at'] === null ? String(row['migration_name']) : undefined,
  },
} satisfies Record<string, MigrationTool>

/** A tool whose table is known. Sequelize has the table of umzug. */
export type MigrationToolName = keyof typeof migrationTools | 'sequelize'

export const migrationToolNames = [...Object.keys(migrationTools), 'sequelize']

export function migrationTool (name: MigrationToolName): MigrationTool {
  return migrationTools[name === 'sequelize' ? 'umzug' : name]
}

/** Makes a function that lists the files of a folder for which `keyOf` returns a key. */
function files (usual: readonly string[], keyOf: (file: string) => string | undefined): MigrationTool['onDisk'] {
  return async (dir, ignored, extensions = usual) => {
    const found: MigrationOnDisk[] = []
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      // A mounted ConfigMap shows its files as symbolic links.
      if (!entry.isFile() && !entry.isSymbolicLink()) continue
      if (entry.name.startsWith('.') || !extensions.includes(extname(entry.name)) || /\.d\.[cm]?ts$/.test(entry.name) || ignored(entry.name)) continue
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
