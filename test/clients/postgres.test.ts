import { once } from 'node:events'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fastifyPostgres, { type PostgresPluginOptions } from '@fastify/postgres'
import Fastify, { type FastifyInstance } from 'fastify'
import pg from 'pg'
import { test, type Test } from 'tap'
import { postgresRequirements, withPostgres } from '../../lib/clients/postgres.js'
import type { PostgresSource } from '../../types/sources.js'
import { createHealth, defineCheck, type HealthRegistry } from '../../lib/index.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startPostgres } from '../helpers/postgres.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { startRelay } from '../helpers/relay.js'

/** Milliseconds: for what must answer, and for what cannot. */
const ample = 20_000
const short = 300

const { log } = recordedLog()

type Use = Parameters<typeof withPostgres>[2]

const select: Use = async client => await client.query('SELECT 1')

function healthOf (t: Test, source: PostgresSource, app: FastifyInstance, ...uses: Use[]): HealthRegistry {
  const checks = uses.map((use, index) => defineCheck({
    identifier: `use ${index}`,
    async check (context) { await withPostgres(context, source, use) },
  }))
  const health = createHealth({ timeout: ample, subsets: { s: checks } }, { app, log })
  t.teardown(async () => await health.close())
  return health
}

async function statuses (health: HealthRegistry, timeout = ample): Promise<string[]> {
  health.settings.timeout = timeout
  return (await health.run('s')).results.map(({ status }) => status)
}

async function appWith (t: Test, options: PostgresPluginOptions): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(async () => await app.close())
  await app.register(fastifyPostgres, { ...options })
  return app
}

const counts = ({ pg: { pool } }: FastifyInstance) => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount })

test('withPostgres', async t => {
  const server = await startPostgres(t)
  const connectionString = server.url
  const timedOut = `unavailable: timed out after ${short} ms`

  const freeze = (t: Test) => {
    server.freeze()
    t.teardown(() => server.thaw())
  }

  /** The connections that the server has, but for this question's own. */
  const serverSide = async (application?: string): Promise<number> => {
    const client = new pg.Client({ connectionString })
    await client.connect()
    try {
      const { rows } = await client.query(`SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND ($1::text IS NULL OR application_name = $1)`, [application])
      return rows[0].count
    } finally {
      await client.end()
    }
  }

  await t.test('over a pool of the app that is exhausted', async t => {
    await t.test('says so, and leaves nothing in the queue', async t => {
      const app = await appWith(t, { connectionString, max: 2 })
      const busy = [await app.pg.connect(), await app.pg.connect()]
      const health = healthOf(t, {}, app, select)
      for (let probe = 0; probe < 2; probe++) {
        t.same(await statuses(health, short), ['unavailable: connection pool exhausted'])
        t.same(counts(app), { total: 2, idle: 0, waiting: 0 })
      }
      for (const client of busy) client.release()
      t.same(await statuses(health), ['working'])
      t.same(counts(app), { total: 2, idle: 2, waiting: 0 })
    })

    await t.test('never stands in line, neither before nor among the queries of the app', async t => {
      const app = await appWith(t, { connectionString, max: 1 })
      const busy = await app.pg.connect()
      const queries = [1, 2, 3].map(async n => (await app.pg.query(`SELECT ${n} AS n`)).rows[0].n)
      const health = healthOf(t, {}, app, select)
      t.same(await statuses(health, short), ['unavailable: connection pool exhausted'])
      t.equal(counts(app).waiting, 3)
      const run = statuses(health)
      busy.release()
      t.same(await Promise.all(queries), [1, 2, 3])
      t.same(await run, ['working'], 'and has its turn once there is room')
    })

    await t.test('two checks of one pool do not push each other into the queue', async t => {
      const app = await appWith(t, { connectionString, max: 1 })
      let most = 0
      const watch: Use = async client => {
        most = Math.max(most, app.pg.pool.waitingCount)
        await client.query('SELECT pg_sleep(0.02)')
        most = Math.max(most, app.pg.pool.waitingCount)
      }
      t.same(await statuses(healthOf(t, {}, app, watch, watch, watch)), ['working', 'working', 'working'])
      t.equal(most, 0)
    })

    await t.test('passes where the pool is only busy: full, and with requests waiting, whenever it is looked at', async t => {
      const app = await appWith(t, { connectionString, max: 2 })
      const ended = new AbortController()
      const load = [1, 2, 3, 4].map(async () => { while (!ended.signal.aborted) await app.pg.query('SELECT pg_sleep(0.005)') })
      const health = healthOf(t, {}, app, select, select)
      for (let probe = 0; probe < 4; probe++) t.same(await statuses(health, 1000), ['working', 'working'])
      ended.abort()
      await Promise.all(load)
      t.same(counts(app), { total: 2, idle: 2, waiting: 0 })
    })

    await t.test('says so where the pool lends no longer, and takes back its request', async t => {
      const app = await appWith(t, { connectionString, max: 1 })
      const busy = await app.pg.connect()
      const next = app.pg.connect()
      const health = healthOf(t, {}, app, select)
      const run = statuses(health, short)
      await sleep(20)
      busy.release()
      const last = await next
      await until(() => counts(app).waiting === 1)
      t.same(await run, ['unavailable: connection pool exhausted'])
      t.same(counts(app), { total: 1, idle: 0, waiting: 0 })
      last.release()
      t.same(await statuses(health), ['working'])
    })

    await t.test('takes back its request at once when the registry closes', async t => {
      const app = await appWith(t, { connectionString, max: 1 })
      const busy = await app.pg.connect()
      const next = app.pg.connect()
      const health = healthOf(t, {}, app, select)
      const run = statuses(health)
      await sleep(20)
      busy.release()
      const last = await next
      await until(() => counts(app).waiting === 1)
      await health.close()
      t.same(await run, ['unavailable: closing'])
      t.same(counts(app), { total: 1, idle: 0, waiting: 0 })
      last.release()
    })

    await t.test('gives up at once when the registry closes', async t => {
      const app = await appWith(t, { connectionString, max: 1 })
      const busy = await app.pg.connect()
      const health = healthOf(t, {}, app, select)
      const run = statuses(health)
      await sleep(50)
      await health.close()
      t.same(await run, ['unavailable: closing'])
      t.same(counts(app), { total: 1, idle: 0, waiting: 0 })
      busy.release()
    })
  })

  await t.test('over a pool of the app whose server is frozen', async t => {
    await t.test('gives up the connection that it was lent, and its socket', async t => {
      await until(() => openSockets() === 0)
      const app = await appWith(t, { connectionString })
      const health = healthOf(t, {}, app, select)
      t.same(await statuses(health), ['working'])
      t.same(counts(app), { total: 1, idle: 1, waiting: 0 })
      freeze(t)
      t.same(await statuses(health, short), [timedOut])
      t.same(counts(app), { total: 0, idle: 0, waiting: 0 })
      await until(() => openSockets() === 0)
    })

    await t.test('gives up the connection that it had the pool make, and its socket', async t => {
      await until(() => openSockets() === 0)
      const app = await appWith(t, { connectionString })
      const health = healthOf(t, {}, app, select)
      freeze(t)
      t.same(await statuses(health, short), [timedOut])
      await until(() => openSockets() === 0 && app.pg.pool.totalCount === 0)
      t.same(counts(app), { total: 0, idle: 0, waiting: 0 })
    })

    await t.test('gives up a connection between two queries, and its socket', async t => {
      await until(() => openSockets() === 0)
      const app = await appWith(t, { connectionString })
      const health = healthOf(t, {}, app, async client => {
        await client.query('SELECT 1')
        freeze(t)
        await new Promise(() => {})
      })
      t.same(await statuses(health, short), [timedOut])
      await until(() => openSockets() === 0)
      t.same(counts(app), { total: 0, idle: 0, waiting: 0 })
    })

    await t.test('leaves the connections of the app alone', async t => {
      const app = await appWith(t, { connectionString })
      const own = await app.pg.connect()
      const health = healthOf(t, {}, app, select)
      freeze(t)
      const query = own.query('SELECT 7 AS n')
      t.same(await statuses(health, short), [timedOut])
      server.thaw()
      t.equal((await query).rows[0].n, 7)
      t.equal(counts(app).total, 1)
      own.release()
      t.same(await statuses(health), ['working'])
    })

    await t.test('lends a connection that comes too late to nobody', async t => {
      let late = () => {}
      const verified = new Promise<void>(resolve => { late = resolve })
      // The connection is there, and the pool keeps it back.
      const app = await appWith(t, { connectionString, verify: (_client: unknown, done: () => void) => { verified.then(done) } } as PostgresPluginOptions)
      const health = healthOf(t, {}, app, select)
      t.same(await statuses(health, short), [timedOut])
      late()
      await until(() => app.pg.pool.totalCount === 0)
    })
  })

  await t.test('over a pool of the app that loses its connections', async t => {
    await t.test('the process survives, though nobody listens to the pool', async t => {
      const app = await appWith(t, { connectionString })
      t.equal(app.pg.pool.listenerCount('error'), 0)
      const health = healthOf(t, {}, app, select)
      t.same(await statuses(health), ['working'])
      t.equal(counts(app).idle, 1)
      await server.restart()
      await until(() => counts(app).total === 0)
      t.same(await statuses(health), ['working'])
    })

    await t.test('listens once, and not where the app does itself', async t => {
      const app = await appWith(t, { connectionString })
      const health = healthOf(t, {}, app, select)
      for (let probe = 0; probe < 5; probe++) await statuses(health)
      t.equal(app.pg.pool.listenerCount('error'), 1)

      const listening = await appWith(t, { connectionString })
      const lost: Error[] = []
      listening.pg.pool.on('error', error => { lost.push(error) })
      t.same(await statuses(healthOf(t, {}, listening, select)), ['working'])
      t.equal(listening.pg.pool.listenerCount('error'), 1)
      await server.restart()
      await until(() => lost.length === 1)
    })

    await t.test('no listener is left on a connection', async t => {
      const app = await appWith(t, { connectionString, max: 1 })
      const health = healthOf(t, {}, app, select)
      for (let probe = 0; probe < 20; probe++) await statuses(health)
      const client = await app.pg.connect()
      t.equal(client.listenerCount('error'), 0)
      client.release()
    })

    await t.test('one that is lost while it is lent is a connection lost', async t => {
      const app = await appWith(t, { connectionString })
      const health = healthOf(t, {}, app, async client => {
        const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
        await app.pg.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
        await client.query('SELECT 1')
      }, async client => {
        // It is idle when it is lost.
        const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
        const gone = new Promise(resolve => { client.once('end', resolve) })
        await app.pg.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
        await gone
        await client.query('SELECT 1')
      })
      t.same(await statuses(health), ['unavailable: connection lost', 'unavailable: connection lost'])
      await until(() => counts(app).total === counts(app).idle)
      t.equal(counts(app).waiting, 0)
    })
  })

  await t.test('asks again where a connection was lost while it was idle, and nobody had noticed', async t => {
    const relay = await startRelay(t, server.port)
    const app = await appWith(t, { connectionString: connectionString.replace(String(server.port), String(relay.port)) })
    const health = healthOf(t, {}, app, select)
    const clients = await Promise.all([1, 2, 3].map(async () => await app.pg.connect()))
    for (const client of clients) client.release()
    t.equal(counts(app).idle, 3)
    // Not a moment for the pool to hear of it.
    await relay.refuse()
    const run = statuses(health)
    await relay.pass()
    t.same(await run, ['working'])
  })

  await t.test('asks no third time', async t => {
    const app = await appWith(t, { connectionString, max: 1 })
    let asked = 0
    const health = healthOf(t, {}, app, async client => {
      if (asked++ > 0) await client.query('SELECT pg_terminate_backend(pg_backend_pid())')
    })
    t.same(await statuses(health), ['working'])
    t.same(await statuses(health), ['unavailable: connection lost'])
    t.equal(asked, 3)
  })

  await t.test('over a pool that is not there at all, says so (E007)', async t => {
    t.same(await statuses(healthOf(t, {}, Fastify(), select)), ['unknown error: E007 app.pg is not there'])
  })

  await t.test('with two sources, says so before it asks (E007)', async t => {
    t.same(await statuses(healthOf(t, { name: 'reports', connectionString }, Fastify(), select)), ['unknown error: E007 both `name` and `connectionString` are given'])
  })

  await t.test('over a pool that the app has ended, says so', async t => {
    const app = await appWith(t, { connectionString })
    const health = healthOf(t, {}, app, select)
    await app.close()
    t.same(await statuses(health), ['unavailable: connection pool closed'])
  })

  await t.test('over a server that is none of PostgreSQL, says so', async t => {
    const other = createServer(socket => { socket.on('error', () => {}).resume().end('-ERR unknown command\r\n') })
    t.teardown(() => other.close())
    await once(other.listen(0, '127.0.0.1'), 'listening')
    const health = healthOf(t, { connectionString: `postgres://127.0.0.1:${(other.address() as AddressInfo).port}/shop` }, Fastify(), select)
    t.same(await statuses(health), ['unavailable: what answers does not speak PostgreSQL'])
  })

  await t.test('200 probes leave one connection on the server, whoever owns it', async t => {
    const app = await appWith(t, { connectionString, application_name: 'shop' })
    const overPool = healthOf(t, {}, app, select)
    const overOwn = healthOf(t, { connectionString }, app, select)
    for (let probe = 0; probe < 200; probe++) t.same([...await statuses(overPool), ...await statuses(overOwn)], ['working', 'working'])
    t.equal(await serverSide('shop'), 1)
    t.equal(await serverSide('fastify-health'), 1)
    await overOwn.close()
    await until(async () => await serverSide('fastify-health') === 0)
    t.equal(await serverSide('shop'), 1, 'closing leaves those of the app')
  })

  await t.test('a failing query leaves no connection in a state of its own', async t => {
    const app = await appWith(t, { connectionString, max: 1 })
    const health = healthOf(t, {}, app, async client => await client.query('BEGIN; SELECT ghost'))
    t.match(await statuses(health), ['unavailable: column does not exist'])
    t.same((await app.pg.query('SELECT 1 AS one')).rows, [{ one: 1 }])
  })

  await t.test('closing a registry', async t => {
    // Seen from the other end: idle connections do not keep the process alive, and so do not count as open here.
    const relay = await startRelay(t, server.port)
    const throughRelay = connectionString.replace(String(server.port), String(relay.port))
    const over = (t: Test, ...uses: Use[]) => healthOf(t, { connectionString: throughRelay }, Fastify(), ...uses)

    await t.test('says goodbye to the server, and leaves no connection', async t => {
      const health = over(t, select)
      t.same(await statuses(health), ['working'])
      t.equal(relay.connections, 1)
      await health.close()
      await until(() => relay.connections === 0)
      t.notMatch(server.log().split('\n').slice(-3).join(), 'unexpected EOF on client connection')
    })

    await t.test('whose server is frozen ends within a second, and leaves no socket', async t => {
      const health = healthOf(t, { connectionString }, Fastify(), select)
      t.same(await statuses(health), ['working'])
      t.equal(await socketsTo(server.port), 1)
      freeze(t)
      const begun = Date.now()
      await health.close()
      t.ok(Date.now() - begun < 1000)
      t.equal(await socketsTo(server.port), 0)
    })

    await t.test('that waits for a frozen server ends within a second, and leaves no connection', async t => {
      const health = over(t, select, select, select)
      t.same(await statuses(health), ['working', 'working', 'working'])
      freeze(t)
      const run = statuses(health)
      await sleep(50)
      const begun = Date.now()
      await health.close()
      t.ok(Date.now() - begun < 1000)
      t.same(await run, ['unavailable: closing', 'unavailable: closing', 'unavailable: closing'])
      await until(() => relay.connections === 0)
    })

    await t.test('that connects to a frozen server ends within a second, and leaves no connection', async t => {
      const health = over(t, select)
      freeze(t)
      const run = statuses(health)
      await until(() => relay.connections === 1)
      const begun = Date.now()
      await health.close()
      t.ok(Date.now() - begun < 1000)
      t.same(await run, ['unavailable: closing'])
      await until(() => relay.connections === 0)
    })
  })
})

/** The sockets of this process whose other end is a port of this host, idle ones included. */
async function socketsTo (port: number): Promise<number> {
  const files = await Promise.all((await readdir('/proc/self/fd')).map(async fd => await readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = (await readFile('/proc/self/net/tcp', 'utf8')).split('\n').map(row => row.trim().split(/\s+/))
  return rows.filter(row => row[2]?.endsWith(remote) && files.includes(`socket:[${row[9]}]`)).length
}

test('postgresRequirements', async t => {
  const { settings } = createHealth()
  const missing = async (source: PostgresSource, app: object) => await postgresRequirements(source, { app: app as FastifyInstance, settings })

  await t.test('are met by a pool under the decorator, or by a connection of its own', async t => {
    const pool = { connect () {} }
    t.same(await missing({}, { pg: { pool } }), [])
    t.same(await missing({ name: 'reports' }, { pg: { reports: { pool } } }), [])
    t.same(await missing({ connectionString: 'postgres://db/shop' }, {}), [])
  })

  await t.test('are not met without a pool, or where it is not clear which', async t => {
    t.match(await missing({}, {}), [{ message: 'app.pg is not there', hint: /app\.register\(import\('@fastify\/postgres'\)\)/ }])
    t.match(await missing({}, { pg: { pool: {} } }), [{ message: 'app.pg is not there' }])
    t.match(await missing({ name: 'reports' }, { pg: {} }), [{ message: 'app.pg.reports is not there', hint: /name: 'reports'/ }])
    t.match(await missing({ client: 'db', connectionString: 'postgres://db/shop' }, {}), [{ message: 'both `client` and `connectionString` are given' }])
    t.match(await missing({ name: 'reports', client: 'db', connectionString: 'postgres://db/shop' }, {}), [{ message: /^`name` and `client` and `connectionString` are given/ }])
    t.match(await missing({ connectionString: 'postgres://db/shop', whenExhausted: 'warn' }, {}), [{ message: 'both `connectionString` and `whenExhausted` are given' }])
    t.match(await missing({ client: 'db' }, { db: { pool: {} } }), [{ message: 'app.db is an object, and not a pool of pg' }])
    t.match(await missing({ name: 'reports', connectionString: 'postgres://db/shop' }, {}), [{ message: 'both `name` and `connectionString` are given' }])
  })
})
