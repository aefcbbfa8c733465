import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fastifyPostgres from '@fastify/postgres'
import { MikroORM } from '@mikro-orm/postgresql'
import { drizzle as drizzleMySQL } from 'drizzle-orm/mysql2'
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres'
import { drizzle as drizzlePostgresJS } from 'drizzle-orm/postgres-js'
import Fastify from 'fastify'
import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import knex from 'knex'
import mariadb from 'mariadb'
import callbacks from 'mysql2'
import mysql from 'mysql2/promise'
import pg from 'pg'
import postgres from 'postgres'
import { Sequelize } from 'sequelize'
import { test, type Test } from 'tap'
import { DataSource } from 'typeorm'
import SQLCheckByDefault, { SQLCheck, type SQLOptions } from '../../lib/checks/sql.js'
import { createHealth } from '../../lib/index.js'
import type { EntryOptions } from '../../types/check.js'
import { root, runToEnd, temporaryFolder } from '../helpers/example.js'
import { startMariaDB } from '../helpers/mariadb.js'
import { startPostgres } from '../helpers/postgres.js'
import { recordedLog } from '../helpers/recorded-log.js'

const { log } = recordedLog()

function asking (t: Test, options: SQLOptions & EntryOptions, app = Fastify()) {
  const health = createHealth({ subsets: { shop: [[SQLCheck, { timeout: 20_000, ...options }]] } }, { app, log })
  t.after(async () => await health.close())
  return async () => (await health.run('shop')).results[0]?.status
}

/** By the name of its library, a client and how to end it. */
type Clients = Record<string, { readonly client: object, readonly end: () => unknown }>

async function clientsOfPostgres (url: string): Promise<Clients> {
  // Three libraries share it, and none of them may use it up for the others.
  const pool = new pg.Pool({ connectionString: url, max: 6 })
  pool.on('error', () => {})
  const sql = postgres(url, { max: 1, onnotice () {} })
  const query = knex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } })
  const kysely = new Kysely<object>({ dialect: new PostgresDialect({ pool }) })
  const source = await new DataSource({ type: 'postgres', url }).initialize()
  const sequelize = new Sequelize(url, { logging: false })
  const orm = await MikroORM.init({ clientUrl: url, entities: [], discovery: { warnWhenNoEntities: false }, pool: { min: 0, max: 2 } })
  const nothing = () => {}
  return {
    'postgres.js': { client: sql, end: async () => await sql.end() },
    Knex: { client: query, end: async () => await query.destroy() },
    Kysely: { client: kysely, end: nothing },
    TypeORM: { client: source, end: async () => await source.destroy() },
    Sequelize: { client: sequelize, end: async () => await sequelize.close() },
    MikroORM: { client: orm, end: async () => await orm.close() },
    'Drizzle over pg': { client: drizzlePg(pool), end: nothing },
    'Drizzle over postgres.js': { client: drizzlePostgresJS(sql), end: nothing },
    pg: { client: pool, end: async () => await pool.end() },
  }
}

/** Prisma writes its client for a schema. */
async function prisma (t: Test, connectionString: string): Promise<Clients[string]> {
  const folder = temporaryFolder(t)
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'schema.prisma'), `generator client {
    provider = "prisma-client-js"
    output = "./generated"
  }
  datasource db {
    provider = "postgresql"
  }
  model Order {
    id Int @id
  }`)
  // Writing a client needs none of the engine that Prisma would fetch for it.
  const env = { PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' }
  const { status, out, err } = await runToEnd([join(root, 'node_modules/.bin/prisma'), 'generate', '--schema', 'schema.prisma'], { cwd: folder, env })
  if (status !== 0) throw new Error(out + err)
  const { PrismaClient } = await import(pathToFileURL(join(folder, 'generated/index.js')).href)
  const { PrismaPg } = await import('@prisma/adapter-pg')
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString, max: 2 }) })
  return { client, end: async () => await client.$disconnect() }
}

async function clientsOfMySQL (url: string): Promise<Clients> {
  const pool = mysql.createPool(url)
  const withCallbacks = callbacks.createPool(url)
  const connector = mariadb.createPool(url.replace('mysql:', 'mariadb:'))
  const query = knex({ client: 'mysql2', connection: url, pool: { min: 0, max: 2 } })
  const kysely = new Kysely<object>({ dialect: new MysqlDialect({ pool: withCallbacks }) })
  const source = await new DataSource({ type: 'mysql', url, connectorPackage: 'mysql2' } as never).initialize()
  const sequelize = new Sequelize(url, { logging: false, dialect: 'mysql' })
  const nothing = () => {}
  return {
    mariadb: { client: connector, end: async () => await connector.end() },
    Knex: { client: query, end: async () => await query.destroy() },
    Kysely: { client: kysely, end: nothing },
    TypeORM: { client: source, end: async () => await source.destroy() },
    Sequelize: { client: sequelize, end: async () => await sequelize.close() },
    'Drizzle over mysql2': { client: drizzleMySQL({ client: pool }), end: nothing },
    mysql2: { client: withCallbacks, end: async () => await withCallbacks.promise().end() },
    'mysql2/promise': { client: pool, end: async () => await pool.end() },
  }
}

async function isAsked (t: Test, clients: Clients, setReadOnly: (isReadOnly: boolean) => Promise<unknown>): Promise<void> {
  const asks = Object.entries(clients).map(([name, { client }]) => ({
    name,
    plainly: asking(t, { client }),
    writable: asking(t, { client, writable: true }),
    wrongly: asking(t, { client, query: 'SELECT FROM WHERE' }),
    elsewhere: asking(t, { client, query: 'SELECT 1 FROM no_such_table' }),
    beside: asking(t, { client, query: 'SELECT no_such_column' }),
  }))
  for (const { name, plainly, writable, wrongly, elsewhere, beside } of asks) {
    t.equal(await plainly(), 'working', name)
    t.equal(await writable(), 'working', `${name}: writable`)
    t.equal(await wrongly(), 'unavailable: query has a syntax error', name)
    t.equal(await elsewhere(), 'unavailable: table does not exist', name)
    t.equal(await beside(), 'unavailable: column does not exist', name)
  }
  await setReadOnly(true)
  for (const { name, plainly, writable } of asks) {
    t.equal(await plainly(), 'working', `${name}: read only`)
    t.equal(await writable(), 'unavailable: read only', `${name}: not writable`)
  }
  await setReadOnly(false)
}

test('PostgreSQL, over whatever the app has', async t => {
  const server = await startPostgres(t)
  const clients = { ...await clientsOfPostgres(server.url), Prisma: await prisma(t, server.url) }
  await isAsked(t, clients, async isReadOnly => {
    const admin = new pg.Client(server.url)
    await admin.connect()
    await admin.query(`ALTER SYSTEM SET default_transaction_read_only = ${isReadOnly ? 'on' : 'off'}`)
    await admin.query('SELECT pg_reload_conf()')
    await admin.end()
  })
  const app = Fastify()
  await app.register(fastifyPostgres, { connectionString: server.url })
  t.equal(await asking(t, { client: 'pg', writable: true }, app)(), 'working', '@fastify/postgres')
  await app.close()

  await server.stop()
  for (const [name, { client }] of Object.entries(clients)) t.equal(await asking(t, { client })(), `unavailable: ${name === 'Prisma' ? 'server cannot be reached' : 'connection refused'}`, `${name}: stopped`)
  await server.start()
  for (const [name, { client }] of Object.entries(clients)) t.equal(await asking(t, { client })(), 'working', `${name}: back`)
  server.freeze()
  for (const [name, { client }] of Object.entries(clients)) t.equal(await asking(t, { client, timeout: 300 })(), 'unavailable: timed out after 300 ms', `${name}: frozen`)
  server.thaw()
  for (const [name, { client }] of Object.entries(clients)) t.equal(await asking(t, { client })(), 'working', `${name}: thawed`)
  for (const { end } of Object.values(clients)) await end()
})

test('MariaDB, over whatever the app has', async t => {
  const server = await startMariaDB(t)
  const clients = await clientsOfMySQL(server.url)
  await isAsked(t, clients, async isReadOnly => await server.admin(`SET GLOBAL read_only = ${isReadOnly ? 1 : 0}`))
  for (const { end } of Object.values(clients)) await end()
})

/** What cannot be installed, or run by every version of Node.js: as its documentation has it. test/package.test.ts asks node:sqlite. */
test('clients are known by their shape', async t => {
  const answers: Record<string, unknown[]> = {}
  const query = async (sql: string) => answers[sql] ?? [{ answer: 0 }]
  class Driver {}
  const shaped: Clients = {
    mssql: { client: { transaction () {}, request: () => ({ query: async (sql: string) => ({ recordset: await query(sql) }) }) }, end () {} },
    SQLite: { client: { exec () {}, prepare: (sql: string) => ({ all: () => answers[sql] ?? [{ answer: 0 }] }) }, end () {} },
    'Drizzle over SQLite': { client: { _: {}, $client: {}, dialect: new (class SQLiteSyncDialect extends Driver {})(), all: query }, end () {} },
    'Knex over SQLite': { client: { transaction () {}, raw: query, client: { dialect: 'sqlite3' } }, end () {} },
  }
  const readOnly = [
    "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS answer",
    'SELECT query_only AS answer FROM pragma_query_only',
    "SELECT CASE DATABASEPROPERTYEX(DB_NAME(), 'Updateability') WHEN 'READ_ONLY' THEN 1 ELSE 0 END AS answer",
  ]
  await t.test('all of them', async t => {
    for (const [name, { client }] of Object.entries(shaped)) {
      for (const sql of readOnly) answers[sql] = [{ answer: 0 }]
      t.equal(await asking(t, { client })(), 'working', name)
      t.equal(await asking(t, { client, writable: true })(), 'working', name)
      for (const sql of readOnly) answers[sql] = [{ answer: 1n }]
      t.equal(await asking(t, { client, writable: true })(), 'unavailable: read only', name)
      for (const sql of readOnly) answers[sql] = []
      t.match(await asking(t, { client, writable: true })(), /^unexpected result: the client does not say/, name)
    }
  })
  const nameless = { $queryRawUnsafe: query }
  t.equal(await asking(t, { client: nameless })(), 'working')
  t.equal(await asking(t, { client: nameless, writable: true })(), "unexpected result: the client does not say which database it is for, so 'writable' cannot be asked")
  t.equal(await asking(t, { client: { transaction () {}, raw: async () => 1, client: { dialect: 'postgresql' } }, writable: true })(), "unexpected result: the client does not say which database it is for, so 'writable' cannot be asked")
})

test('what is no client is refused, and what is not there is named', async t => {
  t.equal(SQLCheckByDefault, SQLCheck)
  const faults = async (options: object, app = Fastify()) => {
    const health = createHealth({ subsets: { s: [['fastify-health/checks/sql', options as SQLOptions]] } }, { app })
    t.after(async () => await health.close())
    return (await health.systemChecks()).filter(({ level }) => level === 'error').map(({ id, message }) => `${id} ${message.replace('fastify-health/checks/sql: ', '')}`)
  }
  t.strictSame(await faults({}), ["E008 'client' is missing"])
  t.strictSame(await faults({ client: 'db' }), ['E007 app.db is not there'])
  t.match(await faults({ client: () => ({ query () {} }) }), [/^E007 what `client` returned for the app is an object, and not a client of SQL \(pg, /])
  t.match(await faults({ client: 5 }), [/^E008 'client' is /])
})
