import { MikroORM } from '@mikro-orm/postgresql'
import { drizzle as drizzleMySQL } from 'drizzle-orm/mysql2'
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres'
import { Kysely, PostgresDialect } from 'kysely'
import knex from 'knex'
import mariadb from 'mariadb'
import callbacks from 'mysql2'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { Sequelize } from 'sequelize'
import { test, type Test } from 'tap'
import { DataSource } from 'typeorm'
import { MySQLCheck } from '../../lib/checks/mysql.js'
import { SQLCheck } from '../../lib/checks/sql.js'
import { sqlPoolOf } from '../../lib/clients/sql.js'
import { asking, faultsOf } from '../helpers/asking.js'
import { until } from '../helpers/leaks.js'
import { startMariaDB } from '../helpers/mariadb.js'
import { startPostgres } from '../helpers/postgres.js'
import { startRelay } from '../helpers/relay.js'

/** A client whose pool has one connection, and how an app holds that. */
interface Pooled {
  readonly client: object
  /** Resolves to what gives the connection back. */
  readonly hold: () => Promise<() => unknown>
  readonly end: () => unknown
}

const nothing = () => {}

type Make = (url: string) => Pooled | Promise<Pooled>

const holdPg = (pool: pg.Pool) => async () => {
  const client = await pool.connect()
  client.on('error', nothing)
  return () => client.release(true)
}

function pgPool (url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  pool.on('error', nothing)
  return pool
}

const poolsOfPostgres: Record<string, Make> = {
  pg (url) {
    const pool = pgPool(url)
    return { client: pool, hold: holdPg(pool), end: async () => await pool.end() }
  },
  'Drizzle over pg' (url) {
    const pool = pgPool(url)
    return { client: drizzlePg(pool), hold: holdPg(pool), end: async () => await pool.end() }
  },
  Knex: url => ofKnex(knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } })),
  TypeORM: async url => ofTypeORM(await new DataSource({ type: 'postgres', url, poolSize: 1 }).initialize()),
  Sequelize: url => ofSequelize(new Sequelize(url, { logging: false, pool: { max: 1 } })),
  async MikroORM (clientUrl) {
    const orm = await MikroORM.init({ clientUrl, entities: [], discovery: { warnWhenNoEntities: false }, pool: { min: 0, max: 1 } })
    return {
      client: orm,
      hold: async () => {
        const em = orm.em.fork()
        await em.begin()
        return () => { em.rollback().catch(nothing) }
      },
      end: async () => await orm.close(),
    }
  },
}

const holdMySQL2 = (pool: mysql.Pool) => async () => {
  const connection = await pool.getConnection()
  connection.on('error', nothing)
  return () => connection.destroy()
}

const poolsOfMySQL: Record<string, Make> = {
  'mysql2/promise' (url) {
    const pool = mysql.createPool({ uri: url, connectionLimit: 1 })
    return { client: pool, hold: holdMySQL2(pool), end: async () => await pool.end() }
  },
  mysql2 (url) {
    const pool = callbacks.createPool({ uri: url, connectionLimit: 1 })
    return { client: pool, hold: holdMySQL2(pool.promise()), end: async () => await pool.promise().end() }
  },
  'Drizzle over mysql2' (url) {
    const pool = mysql.createPool({ uri: url, connectionLimit: 1 })
    return { client: drizzleMySQL({ client: pool }), hold: holdMySQL2(pool), end: async () => await pool.end() }
  },
  Knex: url => ofKnex(knex({ client: 'mysql2', connection: url, pool: { min: 0, max: 1 } })),
  TypeORM: async url => ofTypeORM(await new DataSource({ type: 'mysql', url, connectorPackage: 'mysql2', extra: { connectionLimit: 1 } } as never).initialize()),
  Sequelize: url => ofSequelize(new Sequelize(url, { logging: false, dialect: 'mysql', pool: { max: 1 } })),
}

function ofKnex (query: knex.Knex): Pooled {
  return {
    client: query,
    hold: async () => {
      const connection = await query.client.acquireConnection()
      return () => query.client.releaseConnection(connection)
    },
    end: async () => await query.destroy(),
  }
}

function ofTypeORM (source: DataSource): Pooled {
  return {
    client: source,
    hold: async () => {
      const runner = source.createQueryRunner()
      await runner.connect()
      return () => { runner.release().catch(nothing) }
    },
    end: async () => await source.destroy(),
  }
}

function ofSequelize (sequelize: Sequelize): Pooled {
  return {
    client: sequelize,
    hold: async () => {
      const transaction = await sequelize.transaction()
      return () => { transaction.rollback().catch(nothing) }
    },
    end: async () => await sequelize.close(),
  }
}

const exhausted = 'unavailable: connection pool exhausted'
const warning = 'warning: connection pool exhausted; the database answers'

async function isTold (t: Test, server: { readonly url: string, readonly port: number }, make: Make): Promise<void> {
  const relay = await startRelay(t, server.port)
  const { client, hold, end } = await make(server.url.replace(String(server.port), String(relay.port)))
  const over = (whenExhausted?: 'fail' | 'warn' | 'pass') => asking(t, [SQLCheck, { client, timeout: 2000, ...(whenExhausted && { whenExhausted }) }])
  const [fail, warn, pass] = [over(), over('warn'), over('pass')]
  t.equal(await fail(), 'working')
  const release = await hold()
  t.equal(await fail(), exhausted)
  t.equal(await fail(), exhausted, 'though the first request still waits')
  for (let probe = 0; probe < 2; probe++) {
    t.equal(await warn(), warning)
    t.equal(await pass(), 'working')
  }
  t.equal(relay.connections, 3, 'that of the pool, and one kept for each registry')
  await Promise.all([warn, pass].map(async ({ health }) => await health.close()))
  await until(() => relay.connections === 1)
  release()
  await until(async () => await fail() === 'working', { timeout: 30_000 })
  await fail.health.close()
  await end()
  await until(() => relay.connections === 0)
}

for (const [dialect, start, pools] of [['PostgreSQL', startPostgres, poolsOfPostgres], ['MySQL', startMariaDB, poolsOfMySQL]] as const) {
  test(`a pool of ${dialect} that is exhausted is what \`whenExhausted\` says`, async t => {
    const server = await start(t)
    t.jobs = 4
    await Promise.all(Object.entries(pools).map(async ([name, make]) => await t.test(name, { buffered: true }, async t => await isTold(t, server, make))))
  })
}

test('a database that does not answer past an exhausted pool fails as ever', async t => {
  const server = await startPostgres(t)
  const relay = await startRelay(t, server.port)
  const { client, hold, end } = ofKnex(knex({ client: 'pg', connection: server.url.replace(String(server.port), String(relay.port)), pool: { min: 0, max: 1 } }))
  const release = await hold()
  await relay.silence()
  const ask = asking(t, [SQLCheck, { client, timeout: 2000, whenExhausted: 'pass' }])
  t.equal(await ask(), 'unavailable: timed out after 2000 ms')
  await ask.health.close()
  await relay.pass()
  release()
  await end()
})

test('a pool of mariadb says that it is exhausted, and shows no options to connect with', async t => {
  const server = await startMariaDB(t)
  const client = mariadb.createPool({ host: '127.0.0.1', port: server.port, user: server.user, password: server.password, database: 'shop', connectionLimit: 1 })
  t.after(async () => await client.end())
  const ask = asking(t, [SQLCheck, { client, timeout: 2000 }])
  t.equal(await ask(), 'working')
  const held = await client.getConnection()
  t.equal(await ask(), exhausted)
  t.equal(await asking(t, [SQLCheck, { client, timeout: 2000, whenExhausted: 'pass' }])(), exhausted)
  await held.release()
  t.equal(await ask(), 'working')
  t.strictSame(await faultsOf(t, [SQLCheck, { client, whenExhausted: 'warn' }]), ["E007 `whenExhausted` is 'warn', and the client does not show the options of its pool"])
  t.strictSame(await faultsOf(t, [MySQLCheck, { client, whenExhausted: 'pass' }]), ["E007 `whenExhausted` is 'pass', and the client does not show the options of its pool"])
  t.strictSame(await faultsOf(t, [SQLCheck, { client, whenExhausted: 'fail' }]), [])
})

// The pool of each library waits for this many milliseconds.
const short = 200
// A pool of mariadb does not show its limit, so the check does not know that all are lent.
const late = 'unavailable: no connection of the pool came in time'

test('a pool that gives up before the run does is exhausted as well', async t => {
  const [postgres, maria] = await Promise.all([startPostgres(t), startMariaDB(t)])
  const ofPg = (pool: pg.Pool): Pooled => ({ client: pool, hold: holdPg(pool), end: async () => await pool.end() })
  const ofMySQL2 = (pool: mysql.Pool): Pooled => ({ client: pool, hold: holdMySQL2(pool), end: async () => await pool.end() })
  const ofMariaDB = (pool: ReturnType<typeof mariadb.createPool>): Pooled => ({
    client: pool,
    hold: async () => {
      const connection = await pool.getConnection()
      return async () => await connection.release()
    },
    end: async () => await pool.end(),
  })
  for (const [name, { client, hold, end }] of Object.entries({
    pg: ofPg(new pg.Pool({ connectionString: postgres.url, max: 1, connectionTimeoutMillis: short })),
    Knex: ofKnex(knex({ client: 'pg', connection: postgres.url, acquireConnectionTimeout: short, pool: { min: 0, max: 1 } })),
    Sequelize: ofSequelize(new Sequelize(postgres.url, { logging: false, pool: { max: 1, acquire: short } })),
    'mysql2 that does not wait': ofMySQL2(mysql.createPool({ uri: maria.url, connectionLimit: 1, waitForConnections: false })),
    'mysql2 whose queue is full': ofMySQL2(mysql.createPool({ uri: maria.url, connectionLimit: 1, queueLimit: 1 })),
    mariadb: ofMariaDB(mariadb.createPool({ host: '127.0.0.1', port: maria.port, user: maria.user, password: maria.password, database: 'shop', connectionLimit: 1, acquireTimeout: short })),
  })) {
    const ask = asking(t, [SQLCheck, { client, timeout: 20_000 }])
    t.equal(await ask(), 'working', name)
    const release = await hold()
    const waiting = name.includes('queue') ? (client as mysql.Pool).query('SELECT 1') : undefined
    t.equal(await ask(), name === 'mariadb' ? late : exhausted, name)
    await release()
    await waiting
    t.equal(await ask(), 'working', name)
    await ask.health.close()
    await end()
  }
})

test('a pool of mssql says that it is exhausted, once it is connected', async t => {
  const state = { connected: true, borrowed: 2, available: 0, pending: 1 }
  const methods = { request: nothing, transaction: nothing }
  t.ok(sqlPoolOf({ ...methods, ...state })?.isExhausted())
  for (const change of [{ connected: false }, { borrowed: 0 }, { available: 1 }, { pending: 0 }]) t.notOk(sqlPoolOf({ ...methods, ...state, ...change })?.isExhausted())
})

test('`mysql` asks past an exhausted pool, too', async t => {
  const server = await startMariaDB(t)
  const pool = mysql.createPool({ uri: server.url, connectionLimit: 1 })
  t.after(async () => await pool.end())
  const ask = asking(t, [MySQLCheck, { client: pool, timeout: 2000, whenExhausted: 'warn' }])
  t.equal(await ask(), 'working')
  const held = await pool.getConnection()
  t.equal(await ask(), warning)
  held.release()
  t.equal(await ask(), 'working')
  t.strictSame(await faultsOf(t, [MySQLCheck, { url: server.url, whenExhausted: 'warn' }]), ['E007 both `url` and `whenExhausted` are given'])
})

test('a client that is missing is told at the run, too', async t => {
  t.equal(await asking(t, [SQLCheck, { client: 'ghost' }])(), 'unknown error: E007 app.ghost is not there')
})

test('a client that shows no pool has none', async t => {
  const pool = new pg.Pool()
  // Knex over a driver that makes no connection by itself, as that of SQLite.
  const overSQLite = { raw () {}, transaction () {}, client: { pool: { numFree: () => 0 }, driver: class {}, connectionSettings: {} } }
  for (const client of [{}, { pool: 7 }, new Kysely({ dialect: new PostgresDialect({ pool }) }), new pg.Client(), mysql, { em: { getConnection: () => ({}) } }, overSQLite]) {
    t.equal(sqlPoolOf(client)?.own, undefined)
  }
  await pool.end()
})
