import { once } from 'node:events'
import fs, { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path, { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fastifyPostgres from '@fastify/postgres'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as drizzleMigrate } from 'drizzle-orm/node-postgres/migrator'
import Fastify from 'fastify'
import { Migrator as MikroOrmMigrator } from '@mikro-orm/migrations'
import { MikroORM } from '@mikro-orm/postgresql'
import createKnex from 'knex'
import { FileMigrationProvider, Kysely, Migrator, NO_MIGRATIONS, PostgresDialect } from 'kysely'
import { runner as nodePgMigrate } from 'node-pg-migrate'
import pg from 'pg'
import Postgrator from 'postgrator'
import { Sequelize, type QueryInterface } from 'sequelize'
import { test } from 'tap'
import { DataSource } from 'typeorm'
import { SequelizeStorage, Umzug } from 'umzug'
import { createHealth } from '../../lib/index.js'
import type { MigrationsOptions } from '../../lib/checks/migrations.js'
import { until } from '../helpers/leaks.js'
import {
  databasesOf, fixtures, flywayRow, flywayTable, folder, healthOf, liquibaseRow, liquibaseTable, pending, status, withClient, type Options,
} from '../helpers/migrations.js'
import { startPostgres } from '../helpers/postgres.js'

const { log } = Fastify()

/** Runs a tool for real. */
interface Tool {
  /** What the check calls its three migrations. */
  names: [string, string, string]
  /** Applies the first `count` of them; with 0, it only makes its table. */
  up (url: string, dir: string, count: number): Promise<unknown>
  /** Takes the last one back. */
  down (url: string, dir: string): Promise<unknown>
}

const nodePg = (url: string, dir: string, options: { direction: 'up' | 'down', count: number }) =>
  nodePgMigrate({ databaseUrl: url, dir, migrationsTable: 'pgmigrations', logger: log, ...options })

async function withKnex (url: string, directory: string, use: (knex: ReturnType<typeof createKnex>) => Promise<unknown>) {
  const knex = createKnex({ client: 'pg', connection: url, migrations: { directory }, log })
  try {
    await use(knex)
  } finally {
    await knex.destroy()
  }
}

async function withDrizzle (url: string, dir: string, count: number) {
  const some = await folderWithout(dir, count)
  const pool = new pg.Pool({ connectionString: url })
  try {
    await drizzleMigrate(drizzle(pool), { migrationsFolder: some })
  } finally {
    await pool.end()
    await rm(some, { recursive: true })
  }
}

async function withKysely (url: string, migrationFolder: string, use: (migrator: Migrator) => Promise<{ error?: unknown }>) {
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }) })
  const migrator = new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder }) })
  try {
    const { error } = await use(migrator)
    if (error !== undefined) throw error
  } finally {
    await db.destroy()
  }
}

async function withUmzug (url: string, dir: string, use: (umzug: Umzug<QueryInterface>) => Promise<unknown>) {
  const sequelize = new Sequelize(url, { logging: false })
  const umzug = new Umzug({
    migrations: { glob: ['*.js', { cwd: dir }] },
    context: sequelize.getQueryInterface(),
    storage: new SequelizeStorage({ sequelize }),
    logger: undefined,
  })
  try {
    await use(umzug)
  } finally {
    await sequelize.close()
  }
}

async function withTypeOrm (url: string, dir: string, count: number, use: (source: DataSource) => Promise<unknown>) {
  const classes = []
  for (const file of (await readdir(dir)).sort().slice(0, count)) {
    classes.push(...Object.values(await import(pathToFileURL(join(dir, file)).href)))
  }
  const source = new DataSource({ type: 'postgres', url, migrations: classes as Function[] })
  await source.initialize()
  try {
    await use(source)
  } finally {
    await source.destroy()
  }
}

async function withMikroOrm (url: string, dir: string, use: (migrator: MikroOrmMigrator) => Promise<unknown>) {
  const orm = await MikroORM.init({
    clientUrl: url,
    entities: [],
    discovery: { warnWhenNoEntities: false },
    extensions: [MikroOrmMigrator],
    migrations: { path: dir, pathTs: dir, glob: '*.js', snapshot: false },
    logger () {},
  })
  try {
    await use(orm.getMigrator() as MikroOrmMigrator)
  } finally {
    await orm.close()
  }
}

const postgrator = async (url: string, dir: string, version: string) => await withClient(url, async client =>
  await new Postgrator({ migrationPattern: join(dir, '*'), driver: 'pg', execQuery: async query => await client.query(query) }).migrate(version))

// As documented in prisma-engines, schema-engine/ARCHITECTURE.md; Prisma's own engine is a download of its own.
const prismaTable = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`
const prismaRow = (name: string, finished: string, rolledBack: string) => `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, rolled_back_at)
  VALUES (gen_random_uuid(), 'none', '${name}', ${finished}, ${rolledBack})`

const tools: Record<string, Tool> = {
  'node-pg-migrate': {
    names: ['1700000000001_authors', '1700000000002_books', '1700000000003_loans'],
    up: async (url, dir, count) => await nodePg(url, dir, { direction: 'up', count }),
    down: async (url, dir) => await nodePg(url, dir, { direction: 'down', count: 1 }),
  },
  knex: {
    names: ['20230101000000_authors', '20230102000000_books', '20230103000000_loans'],
    up: async (url, dir, count) => await withKnex(url, dir, async knex => {
      await knex.migrate.list()
      for (let applied = 0; applied < count; applied++) await knex.migrate.up()
    }),
    down: async (url, dir) => await withKnex(url, dir, async knex => await knex.migrate.down()),
  },
  drizzle: {
    names: ['0000_authors', '0001_books', '0002_loans'],
    up: withDrizzle,
    // It cannot roll back; who does so by hand also deletes the row.
    down: async url => await withClient(url, async client => {
      await client.query('DROP TABLE loans')
      await client.query('DELETE FROM drizzle.__drizzle_migrations WHERE created_at = (SELECT max(created_at) FROM drizzle.__drizzle_migrations)')
    }),
  },
  kysely: {
    names: ['2023-01-01_authors', '2023-01-02_books', '2023-01-03_loans'],
    up: async (url, dir, count) => await withKysely(url, dir, async migrator =>
      await migrator.migrateTo(count === 0 ? NO_MIGRATIONS : tools['kysely']!.names[count - 1]!)),
    down: async (url, dir) => await withKysely(url, dir, async migrator => await migrator.migrateDown()),
  },
  umzug: {
    names: ['2023.01.01T00.00.00.authors', '2023.01.02T00.00.00.books', '2023.01.03T00.00.00.loans'],
    up: async (url, dir, count) => await withUmzug(url, dir, async umzug => {
      const pending = await umzug.pending()
      await umzug.up({ migrations: pending.slice(0, count).map(({ name }) => name) })
    }),
    down: async (url, dir) => await withUmzug(url, dir, async umzug => await umzug.down()),
  },
  typeorm: {
    names: ['1672531200001-Authors', '1672531200002-Books', '1672531200003-Loans'],
    up: async (url, dir, count) => await withTypeOrm(url, dir, count, async source => {
      await source.showMigrations()
      await source.runMigrations()
    }),
    down: async (url, dir) => await withTypeOrm(url, dir, 3, async source => await source.undoLastMigration()),
  },
  'mikro-orm': {
    names: ['Migration20230101000000_authors', 'Migration20230102000000_books', 'Migration20230103000000_loans'],
    up: async (url, dir, count) => await withMikroOrm(url, dir, async migrator => {
      await migrator.getPendingMigrations()
      if (count > 0) await migrator.up({ to: tools['mikro-orm']!.names[count - 1]! })
      // Its first versions stored the extension as well.
      await withClient(url, async client => await client.query("UPDATE mikro_orm_migrations SET name = name || '.ts' WHERE name LIKE '%authors'"))
    }),
    down: async (url, dir) => await withMikroOrm(url, dir, async migrator => await migrator.down()),
  },
  postgrator: {
    names: ['001.do.authors', '002.do.books', '003.do.loans'],
    up: async (url, dir, count) => await postgrator(url, dir, String(count)),
    down: async (url, dir) => await postgrator(url, dir, '2'),
  },
  prisma: {
    names: ['20230101000000_authors', '20230102000000_books', '20230103000000_loans'],
    up: async (url, _dir, count) => await withClient(url, async client => {
      await client.query(prismaTable)
      const { rows } = await client.query('SELECT migration_name FROM _prisma_migrations')
      for (const name of tools['prisma']!.names.slice(rows.length, count)) await client.query(prismaRow(name, 'now()', 'NULL'))
    }),
    down: async url => await withClient(url, async client =>
      await client.query("UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name LIKE '%loans'")),
  },
  // Flyway and Liquibase run in Java: their tables are made and filled as their sources do it.
  flyway: {
    names: ['V1_1__authors', 'V1_2__books', 'V2__loans'],
    up: async (url, _dir, count) => await withClient(url, async client => {
      await client.query(flywayTable)
      const { rows } = await client.query('SELECT version FROM flyway_schema_history')
      const versions = ['1.1', '1.2', '2'].slice(rows.length, count)
      for (const [index, version] of versions.entries()) await client.query(flywayRow({ rank: rows.length + index + 1, version }))
    }),
    down: async url => await withClient(url, async client => await client.query(flywayRow({ rank: 4, version: '2', type: 'UNDO_SQL' }))),
  },
  liquibase: {
    names: ['1-authors.sql ann:1', '2-books.xml bob:2', '3-loans.json cyd:3'],
    up: async (url, _dir, count) => await withClient(url, async client => {
      await client.query(liquibaseTable)
      const { rows } = await client.query('SELECT id FROM databasechangelog')
      const changeSets = ['1-authors.sql::1::ann', '2-books.xml::2::bob', '3-loans.json::3::cyd'].slice(rows.length, count)
      for (const changeSet of changeSets) await client.query(liquibaseRow(`db/changelog/${changeSet}`))
    }),
    down: async url => await withClient(url, async client => await client.query("DELETE FROM databasechangelog WHERE id = '3'")),
  },
}

/** A copy of a folder of migrations with only the first `count` of them. */
async function folderWithout (dir: string, count: number): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'fastify-health-migrations-'))
  await cp(dir, copy, { recursive: true })
  const files = await readdir(copy)
  for (const name of ['authors', 'books', 'loans'].slice(count)) {
    for (const file of files.filter(file => file.toLowerCase().includes(name))) await rm(join(copy, file), { recursive: true })
  }
  if (files.includes('meta')) {
    const path = join(copy, 'meta/_journal.json')
    const journal = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...journal, entries: journal.entries.slice(0, count) }))
  }
  return copy
}

test('migrations', async t => {
  const postgres = await startPostgres(t)
  const database = databasesOf(postgres)

  for (const [tool, { names, up, down }] of Object.entries(tools)) {
    await t.test(`the books of ${tool} are read as it writes them`, async t => {
      const connectionString = await database()
      const dir = join(fixtures, tool)
      const options = { tool: tool as NonNullable<MigrationsOptions['tool']>, dir: tool, connectionString }

      t.equal(await status(t, options), pending(...names), 'without its table, all are pending')
      await up(connectionString, dir, 0)
      t.equal(await status(t, options), pending(...names), 'with its table empty, all are pending')
      await up(connectionString, dir, 1)
      t.equal(await status(t, options), pending(names[1], names[2]), 'those not applied are pending')
      await up(connectionString, dir, 3)
      t.equal(await status(t, options), 'working', 'none is pending')

      const older = await folderWithout(dir, 2)
      t.teardown(async () => await rm(older, { recursive: true }))
      t.equal(await status(t, { ...options, dir: older }), 'working', 'one of a newer release, applied and not on disk, is fine')

      await down(connectionString, dir)
      t.equal(await status(t, options), pending(names[2]), 'one that is rolled back is pending')
    })
  }

  await t.test('Sequelize is another name of umzug', async t => {
    const connectionString = await database()
    const { names, up } = tools['umzug']!
    await up(connectionString, join(fixtures, 'umzug'), 2)
    t.equal(await status(t, { tool: 'sequelize', dir: 'umzug', connectionString }), pending(names[2]))
  })

  await t.test('what drizzle and postgrator never run, because it was merged late, is pending', async t => {
    const url = await database(
      'CREATE SCHEMA drizzle',
      'CREATE TABLE drizzle.__drizzle_migrations (id serial, hash text, created_at bigint)',
      "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('a', 1672531200001), ('c', 1672531200003)",
      'CREATE TABLE schemaversion (version bigint PRIMARY KEY)',
      'INSERT INTO schemaversion VALUES (0), (1), (3)'
    )
    await tools['drizzle']!.up(url, join(fixtures, 'drizzle'), 3)
    await tools['postgrator']!.up(url, join(fixtures, 'postgrator'), 3)
    t.equal(await status(t, { tool: 'drizzle', dir: 'drizzle', connectionString: url }), pending('0001_books'))
    t.equal(await status(t, { tool: 'postgrator', dir: 'postgrator', connectionString: url }), pending('002.do.books'))
  })

  await t.test("Prisma's migrations that did not finish are told from those that are pending", async t => {
    const [authors, books, loans] = tools['prisma']!.names
    const failed = await database(prismaTable, prismaRow(authors, 'now()', 'NULL'), prismaRow(books, 'NULL', 'NULL'), prismaRow('20990101000000_newer', 'NULL', 'NULL'))
    t.equal(await status(t, { tool: 'prisma', dir: 'prisma', connectionString: failed }),
      `unavailable: Migrations failed, or are still running: ${books}\n${pending(loans)}`, 'that of a newer release, not on disk, is its own business')

    const resolved = await database(prismaTable, prismaRow(authors, 'now()', 'NULL'), prismaRow(books, 'NULL', 'now()'), prismaRow(loans, 'now()', 'NULL'))
    t.equal(await status(t, { tool: 'prisma', dir: 'prisma', connectionString: resolved }), pending(books), 'resolved as rolled back')
    await withClient(resolved, async client => await client.query(prismaRow(books, 'now()', 'NULL')))
    t.equal(await status(t, { tool: 'prisma', dir: 'prisma', connectionString: resolved }), 'working', 'and applied again')
  })

  await t.test('the schema in a URL of Prisma is where its table is looked for', async t => {
    const [authors, books, loans] = tools['prisma']!.names
    const url = await database('CREATE SCHEMA shop', 'SET search_path = shop', prismaTable, ...[authors, books].map(name => prismaRow(name, 'now()', 'NULL')))
    const options: Options = { tool: 'prisma', dir: 'prisma', connectionString: `${url}?schema=shop` }
    t.equal(await status(t, options), pending(loans))
    t.equal(await status(t, { ...options, schema: 'public' }), pending(authors, books, loans), 'an option goes before it')
    t.equal(await status(t, { ...options, connectionString: url }), pending(authors, books, loans))
    t.equal(await status(t, { ...options, tool: 'knex', dir: 'knex', table: '_prisma_migrations' }), pending(...tools['knex']!.names), 'it is of no other tool')
  })

  await t.test('a table and a schema of any name are found, and never run as SQL', async t => {
    const table = 'x"; DROP TABLE knex_migrations; --'
    const quoted = '"x""; DROP TABLE knex_migrations; --"'
    const connectionString = await database(
      'CREATE TABLE knex_migrations (name text)',
      'CREATE SCHEMA "o\'dd ""schema"""',
      `CREATE TABLE "o'dd ""schema""".${quoted} (name text)`,
      `INSERT INTO "o'dd ""schema""".${quoted} VALUES ('20230101000000_authors.js'), ('20230103000000_loans.js')`
    )
    const options: Options = { tool: 'knex', dir: 'knex', connectionString }
    t.equal(await status(t, { ...options, schema: 'o\'dd "schema"', table }), pending('20230102000000_books'))
    t.equal(await status(t, { ...options, table }), pending(...tools['knex']!.names), 'in the search path there is none')
    t.equal(await status(t, { ...options, schema: 'nowhere' }), pending(...tools['knex']!.names), 'nor in a schema that does not exist')
    await withClient(connectionString, async client => t.equal((await client.query('SELECT * FROM knex_migrations')).rowCount, 0))
  })

  await t.test('pending ones are sorted, and a long list of them is cut', async t => {
    const connectionString = await database()
    const dir = await folder(t, ...'hgfedcba'.split('').map(letter => `${letter}.sql`))
    t.equal(await status(t, { tool: 'umzug', dir, connectionString }), `${pending('a', 'b', 'c', 'd', 'e')} and 3 more`)
    const journal = await folder(t, 'meta/')
    await writeFile(join(journal, 'meta/_journal.json'), JSON.stringify({ entries: [{ when: 1, tag: 'b' }, { when: 2, tag: 'a' }] }))
    t.equal(await status(t, { tool: 'drizzle', dir: journal, connectionString }), pending('a', 'b'))
  })

  await t.test('only migrations are counted', async t => {
    const connectionString = await database()
    const dir = await folder(t, 'README.md', '.eslintrc.cjs', 'types.d.ts', 'types.d.mts', 'folder.js/', '001.do.sql', '002.undo.sql', 'v3.do.js', 'index.js')
    await symlink(join(dir, '001.do.sql'), join(dir, '004.do.sql'))
    t.equal(await status(t, { tool: 'postgrator', dir, connectionString }), pending('001.do', '004.do'), 'postgrator')
    t.equal(await status(t, { tool: 'node-pg-migrate', dir, connectionString }), pending('001.do', '002.undo', '004.do', 'index', 'v3.do'), 'node-pg-migrate')
    t.equal(await status(t, { tool: 'kysely', dir, connectionString }), pending('v3.do'), 'kysely')
    t.equal(await status(t, { tool: 'prisma', dir, connectionString }), pending('folder.js'), 'prisma')
    t.equal(await status(t, { tool: 'typeorm', dir: await folder(t, 'index.ts', '1672531200001-Authors.ts'), connectionString }), pending('1672531200001-Authors'), 'typeorm')
    t.equal(await status(t, { tool: 'umzug', dir: await folder(t, '1.up.sql', '1.down.sql', '2.sql'), connectionString }), pending('1.up', '2'), 'umzug')
    t.equal(await status(t, { tool: 'knex', dir: await folder(t), connectionString }), 'working', 'an empty folder')
  })

  await t.test('what is ignored is no migration of any tool', async t => {
    const connectionString = await database()
    const dir = await folder(t, '_helpers.js', '1672531200001-Authors.js')
    for (const tool of ['knex', 'kysely', 'typeorm', 'umzug', 'node-pg-migrate'] as const) {
      t.equal(await status(t, { tool, dir, connectionString, ignore: '^_' }), pending('1672531200001-Authors'), tool)
    }
    t.equal(await status(t, { tool: 'postgrator', dir: 'postgrator', connectionString, ignore: 'loans' }), pending('001.do.authors', '002.do.books'))
    t.equal(await status(t, { tool: 'flyway', dir: 'flyway', connectionString, ignore: '^V1' }), pending('V2__loans'))
    t.equal(await status(t, { tool: 'liquibase', dir: 'liquibase', connectionString, ignore: 'json$' }), pending('1-authors.sql ann:1', '2-books.xml bob:2'))
    t.equal(await status(t, { tool: 'prisma', dir: 'prisma', connectionString, ignore: '_(authors|books)$' }), pending('20230103000000_loans'))
    t.equal(await status(t, { tool: 'drizzle', dir: 'drizzle', connectionString, ignore: '^0000' }), pending('0001_books', '0002_loans'))
  })

  await t.test('what kysely passes over is ignored here by its name', async t => {
    const connectionString = await database()
    const dir = await folderWithout(join(fixtures, 'kysely'), 3)
    t.teardown(async () => await rm(dir, { recursive: true }))
    await writeFile(join(dir, 'package.json'), '{"type":"module"}')
    for (const file of ['index.js', '_helpers.js']) await writeFile(join(dir, file), 'export const names = []')
    await withKysely(connectionString, dir, async migrator => await migrator.migrateToLatest())
    t.equal(await status(t, { tool: 'kysely', dir, connectionString }), pending('_helpers'))
    t.equal(await status(t, { tool: 'kysely', dir, connectionString, ignore: '^_' }), 'working')
  })

  await t.test('a folder that cannot be listed is told at boot, and at each run', async t => {
    const connectionString = await database()
    const options = { tool: 'knex', connectionString } as const

    const missing = healthOf(t, { ...options, dir: 'ghost' })
    t.equal(await missing.status(), 'unavailable: The folder of migrations cannot be read: no such file or folder')
    t.match(await missing.faults(), [/^E007 .*migrations in 'ghost' cannot be listed \(The folder of migrations cannot be read: no such file or folder\).*`dir`/])

    t.equal(await status(t, { ...options, dir: 'knex/20230101000000_authors.js' }), 'unavailable: The folder of migrations cannot be read: not a folder')
    t.equal(await status(t, { ...options, tool: 'drizzle', dir: 'knex' }), 'unavailable: The folder of migrations cannot be read: no such file or folder', 'drizzle without its journal')
    t.equal(await status(t, { ...options, dir: 'long'.repeat(2000) }), 'unavailable: The folder of migrations cannot be read: name too long')

    const circle = join(await folder(t), 'circle')
    await symlink(circle, circle)
    t.equal(await status(t, { ...options, dir: circle }), 'unavailable: The folder of migrations cannot be read: too many symbolic links')

    const odd = await folder(t, 'meta/')
    const socket = createServer().listen(join(odd, 'meta/_journal.json'))
    t.teardown(() => socket.close())
    await once(socket, 'listening')
    const unforeseen = healthOf(t, { ...options, tool: 'drizzle', dir: odd })
    t.equal(await unforeseen.status(), 'unknown error: E007 the migrations cannot be listed (unknown error)', 'for a reason that nobody foresaw, and without an absolute path')
    t.ok((await unforeseen.faults()).join().includes(`(now '${odd}')`), 'which the hint shows')

    const journal = await folder(t, 'meta/', 'meta/_journal.json')
    for (const content of ['', 'null', '{}', '{"entries":[{}]}', '{"entries":[{"when":"1","tag":"a"}]}', '{"entries":[{"when":1}]}']) {
      await writeFile(join(journal, 'meta/_journal.json'), content)
      t.equal(await status(t, { ...options, tool: 'drizzle', dir: journal }), "unexpected result: drizzle's meta/_journal.json is not a journal", content)
    }
    const unnumbered = healthOf(t, { ...options, tool: 'typeorm', dir: await folder(t, 'users.js') })
    t.equal(await unnumbered.status(), 'unexpected result: no timestamp of 13 digits in the name of the migration users.js')
    t.match(await unnumbered.faults(), [/^E007 .*no timestamp of 13 digits/])

    t.same(await healthOf(t, { ...options, dir: 'knex' }).faults(), [])
  })

  await t.test('options that cannot be are told at boot', async t => {
    const faults = async (options: object) => await healthOf(t, { connectionString: postgres.url, ...options } as Options).faults()
    t.match(await faults({}), [/^E007 none of `tool`, `dir`, `applied` and `onDisk` is given/])
    t.match(await faults({ tool: 'knex' }), [/^E007 `tool` is given/])
    t.match(await faults({ tool: 'knex', onDisk: () => [] }), [/^E007 `tool` and `onDisk` are given/])
    t.match(await faults({ tool: 'rake', dir: 'x' }), [/^E008 .*'tool' is 'rake'.*'node-pg-migrate', 'knex', 'drizzle', 'kysely', 'umzug', 'typeorm', 'mikro-orm', 'postgrator', 'prisma', 'flyway', 'liquibase', 'sequelize'/])
    t.match(await healthOf(t, { applied: () => [], onDisk: () => [], table: 'x' } as never).faults(), [/^E007 `table` is given with `applied`/])
    t.match(await faults({ tool: 'knex', dir: 'a\0b' }), [/^E008 .*'dir' is /])
    t.match(await faults({ tool: 'dbmate', dir: '' }), [/^E008 .*'tool' is 'dbmate'\. .*'dir' is ''/])
    t.match(await faults({ tool: 'knex', dir: 'knex', table: 'a\0b', schema: 3 }), [/^E008 .*'table' is .*'schema' is 3/])
    for (const ignore of ['', '(', /x/]) t.match(await faults({ tool: 'knex', dir: 'knex', ignore }), [/^E008 .*'ignore' is .*the source of a regular expression that compiles/])
    t.match(await healthOf(t, { tool: 'knex', dir: 'knex' }, Fastify()).faults(), [/^E007 .*app\.pg is not there.*@fastify\/postgres/])
  })

  await t.test('a table of something else, and one that may not be read, are told from a missing one', async t => {
    const connectionString = await database('CREATE TABLE migrations (id int)', 'CREATE TABLE knex_migrations (name text)')
    await withClient(connectionString, async client => await client.query("CREATE ROLE guest LOGIN PASSWORD 'guest'"))
    t.equal(await status(t, { tool: 'typeorm', dir: 'typeorm', connectionString }), 'unexpected result: the table of migrations is not one of typeorm')
    const guest = Object.assign(new URL(connectionString), { username: 'guest', password: 'guest' }).href
    t.equal(await status(t, { tool: 'knex', dir: 'knex', connectionString: guest }), 'unavailable: The table of migrations cannot be read: permission denied')
    await withClient(connectionString, async client => await client.query(`REVOKE CONNECT ON DATABASE ${new URL(connectionString).pathname.slice(1)} FROM PUBLIC`))
    t.equal(await status(t, { tool: 'knex', dir: 'knex', connectionString: guest }), 'unavailable: Database is not ready: permission denied', 'the database, not the table')
  })

  await t.test("the app's own pool is used, and neither grows nor loses a connection", async t => {
    const connectionString = await database('CREATE SCHEMA app', 'CREATE TABLE app.knex_migrations (name text)')
    const app = Fastify()
    t.teardown(async () => await app.close())
    await app.register(fastifyPostgres, { connectionString })
    let connections = 0
    app.pg.pool.on('connect', () => { connections++ })
    const found = healthOf(t, { tool: 'knex', dir: 'knex', schema: 'app' }, app)
    const missing = healthOf(t, { tool: 'knex', dir: 'knex' }, app)
    for (let probe = 0; probe < 20; probe++) {
      t.equal(await found.status(), pending(...tools['knex']!.names))
      t.equal(await missing.status(), pending(...tools['knex']!.names))
    }
    t.equal(await healthOf(t, { tool: 'prisma', dir: 'prisma' }, app).status(), pending(...tools['prisma']!.names))
    t.equal(connections, 1)
    t.equal(app.pg.pool.idleCount, 1)
  })

  await t.test('a folder that holds none of what is applied is told apart from one with migrations to apply', async t => {
    const none = 'unexpected result: the folder of migrations holds none of those that are applied'
    for (const [tool, { up }] of Object.entries(tools)) {
      const connectionString = await database()
      const options = { tool: tool as NonNullable<MigrationsOptions['tool']>, connectionString }
      const empty = await folderWithout(join(fixtures, tool), 0)
      t.teardown(async () => await rm(empty, { recursive: true }))
      t.equal(await status(t, { ...options, dir: empty }), 'working', `${tool}, before its first run`)
      await up(connectionString, join(fixtures, tool), 3)
      t.equal(await status(t, { ...options, dir: empty }), none, tool)
    }
    const connectionString = await database('CREATE TABLE "SequelizeMeta" (name text)', 'INSERT INTO "SequelizeMeta" VALUES (\'of-another-app.js\')')
    t.equal(await status(t, { tool: 'umzug', dir: await folder(t, 'a.js'), connectionString }), `${none}\n${pending('a')}`)
    const begun = await database(prismaTable, prismaRow('20990101000000_newer', 'NULL', 'NULL'))
    t.equal(await status(t, { tool: 'prisma', dir: await folder(t), connectionString: begun }), none, 'begun is recorded, too')
  })

  await t.test('knex is asked for what it would run, by its own loadExtensions or those of the app', async t => {
    const connectionString = await database()
    const dir = await folder(t, '1_a.mjs', '2_b.js', '3_c.sql')
    t.equal(await status(t, { tool: 'knex', dir, connectionString }), pending('2_b'))
    t.equal(await status(t, { tool: 'knex', dir, connectionString, loadExtensions: ['.mjs', '.sql'] }), pending('1_a', '3_c'))
    await withClient(connectionString, async () => {
      const knex = createKnex({ client: 'pg', connection: connectionString, migrations: { directory: dir }, log })
      try {
        const [, waiting] = await knex.migrate.list() as [unknown, Array<{ file: string }>]
        t.same(waiting.map(({ file }) => file), ['2_b.js'], 'as knex itself says')
      } finally {
        await knex.destroy()
      }
    })
    const faults = async (options: object) => await healthOf(t, { dir, connectionString, ...options } as Options).faults()
    t.match(await faults({ tool: 'umzug', loadExtensions: ['.js'] }), [/^E007 `loadExtensions` is given, and the tool is umzug/])
    for (const loadExtensions of [[], ['js'], [1], '.js']) t.match(await faults({ tool: 'knex', loadExtensions }), [/^E008 .*'loadExtensions' is /])
    t.same(await faults({ tool: 'knex', loadExtensions: ['.mjs'] }), [])
  })

  await t.test('a pool that is exhausted is what `whenExhausted` says, and the books are read all the same', async t => {
    const connectionString = await database('CREATE TABLE knex_migrations (name text)')
    const pool = new pg.Pool({ connectionString, max: 1 })
    t.teardown(async () => await pool.end())
    const busy = await pool.connect()
    const exhausted = async (whenExhausted?: 'fail' | 'warn' | 'pass') =>
      await status(t, { tool: 'knex', dir: 'knex', client: pool, timeout: 1000, ...(whenExhausted && { whenExhausted }) })
    const waiting = pending(...tools['knex']!.names)
    t.equal(await exhausted(), 'unavailable: Database is not ready: connection pool exhausted')
    t.equal(await exhausted('pass'), waiting)
    t.equal(await exhausted('warn'), `warning: connection pool exhausted; the database answers\n${waiting}`)
    busy.release()
    t.equal(await exhausted('warn'), waiting)
  })

  await t.test('a lock on the table holds up no other check, and leaves nobody waiting', async t => {
    const connectionString = await database('CREATE TABLE knex_migrations (name text)')
    await withClient(connectionString, async client => {
      await client.query('BEGIN; LOCK TABLE knex_migrations')
      const health = createHealth({
        baseDir: fixtures,
        subsets: {
          s: [
            ['fastify-health/checks/migrations', { tool: 'knex', dir: 'knex', connectionString, timeout: 300 }],
            ['fastify-health/checks/postgres', { connectionString }],
          ],
        },
      }, { log })
      t.teardown(async () => await health.close())
      const { results } = await health.run('s')
      t.same(results.map(({ status }) => status), ['working', 'unavailable: timed out after 300 ms'])
      await until(async () => (await client.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).rows.length === 0, { timeout: 60_000 })
    })
  })

  await t.test('of several hosts, the schema in a URL of Prisma is found as well', async t => {
    const [authors, ...others] = tools['prisma']!.names
    const url = new URL(await database('CREATE SCHEMA shop', 'SET search_path = shop', prismaTable, prismaRow(authors, 'now()', 'NULL')))
    const connectionString = `postgres://${url.username}:${url.password}@127.0.0.1:1,${url.host}${url.pathname}?schema=shop`
    t.equal(await status(t, { tool: 'prisma', dir: 'prisma', connectionString }), pending(...others))
  })

  await t.test('a database that cannot be reached is not ready, and is asked anew once it is back', async t => {
    const connectionString = await database()
    await tools['knex']!.up(connectionString, join(fixtures, 'knex'), 3)
    const health = healthOf(t, { tool: 'knex', dir: 'knex', connectionString, timeout: 500 })
    t.equal(await health.status(), 'working')

    await postgres.stop()
    t.match(await health.status(), /^unavailable: Database is not ready: connection (refused|lost)$/)
    t.equal(await health.status(), 'unavailable: Database is not ready: connection refused')
    await postgres.start()
    t.equal(await health.status(), 'working')

    postgres.freeze()
    const begun = performance.now()
    t.equal(await health.status(), 'unavailable: timed out after 500 ms')
    t.ok(performance.now() - begun < 700)
    postgres.thaw()
    t.equal(await health.status(), 'working')

    const wrong = Object.assign(new URL(connectionString), { password: 'wrong' }).href
    t.equal(await status(t, { tool: 'knex', dir: 'knex', connectionString: wrong }), 'unavailable: Database is not ready: authentication failed')
  })
})

test('migrations of any other tool are told by two functions', async t => {
  let applied: unknown = ['one']
  let onDisk: unknown = ['one', 'two']
  const { status, faults } = healthOf(t, { applied: async () => applied as string[], onDisk: () => onDisk as string[] })
  t.same(await faults(), [])
  t.equal(await status(), 'unavailable: There are migrations to apply: two')
  applied = new Set(['one', 'two', 'three of a newer release'])
  t.equal(await status(), 'working')
  onDisk = []
  t.equal(await status(), 'unexpected result: the folder of migrations holds none of those that are applied')
  applied = []
  t.equal(await status(), 'working')
  for (const wrong of [undefined, 'one', [1], {}]) {
    onDisk = wrong
    t.equal(await status(), 'unexpected result: `onDisk` returned no list of names')
  }
  const hanging = healthOf(t, { applied: async () => await new Promise<never>(() => {}), onDisk: () => [], timeout: 100 })
  t.equal(await hanging.status(), 'unavailable: timed out after 100 ms')
  t.equal(await healthOf(t, { tool: 'knex' } as never).status(), 'unknown error: E007 `tool` is given')
})
