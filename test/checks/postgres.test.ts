import fastifyPostgres, { type PostgresPluginOptions } from '@fastify/postgres'
import Fastify, { type FastifyInstance } from 'fastify'
import pg from 'pg'
import { test, type Test } from 'tap'
import DatabaseHeartbeatCheck from '../../lib/checks/postgres.js'
import type { PostgresOptions } from '../../types/sources.js'
import { createHealth, type HealthRegistry } from '../../lib/index.js'
import { startAuthority } from '../helpers/certificates.js'
import { until } from '../helpers/leaks.js'
import { startPgBouncer } from '../helpers/pgbouncer.js'
import { startPostgres } from '../helpers/postgres.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { startRelay } from '../helpers/relay.js'

/** Milliseconds: for what must answer, and for what cannot. */
const ample = 20_000
const short = 300
/** What a run may take that is given up after `short`, on a machine that does much else. */
const inTime = short + 1000

const { log, lines } = recordedLog()

function healthOf (t: Test, options: PostgresOptions, app: FastifyInstance = Fastify()): HealthRegistry {
  const health = createHealth({ timeout: ample, subsets: { readiness: [[DatabaseHeartbeatCheck, { ...options }]] } }, { app, log })
  t.teardown(async () => await health.close())
  return health
}

async function status (health: HealthRegistry, timeout = ample): Promise<string> {
  health.settings.timeout = timeout
  return (await health.run('readiness')).results[0]!.status
}

async function appWith (t: Test, ...pools: PostgresPluginOptions[]): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(async () => await app.close())
  for (const pool of pools) await app.register(fastifyPostgres, { ...pool })
  return app
}

test('PostgreSQL', async t => {
  const server = await startPostgres(t)
  const relay = await startRelay(t, server.port)
  const url = (port: number, change: Partial<URL> = {}) => Object.assign(new URL(server.url), { port, ...change }).href

  const sources: Record<string, (t: Test, connectionString: string) => Promise<HealthRegistry>> = {
    'app.pg': async (t, connectionString) => healthOf(t, {}, await appWith(t, { connectionString })),
    'a named instance': async (t, connectionString) => healthOf(t, { name: 'reports' }, await appWith(t, { connectionString, name: 'reports' })),
    'a connection of its own': async (t, connectionString) => healthOf(t, { connectionString }),
  }

  for (const [name, over] of Object.entries(sources)) {
    await t.test(`over ${name}`, async t => {
      await t.test('is healthy when SELECT 1 answers', async t => {
        const report = await (await over(t, server.url)).run('readiness')
        t.match(report, { healthy: true, results: [{ identifier: 'DatabaseHeartbeatCheck', status: 'working', critical: true }] })
      })

      await t.test('is refused while the server is stopped, and healthy again once it is back', async t => {
        const health = await over(t, server.url)
        t.equal(await status(health), 'working')
        await server.stop()
        t.equal(await status(health), 'unavailable: connection refused')
        await server.start()
        t.equal(await status(health), 'working')
      })

      await t.test('is healthy in the first probe after a restart that no probe saw', async t => {
        const health = await over(t, server.url)
        t.equal(await status(health), 'working')
        await server.restart()
        t.equal(await status(health), 'working')
      })

      await t.test('answers in time while the server is frozen, and is healthy in the first probe after', async t => {
        const health = await over(t, server.url)
        t.equal(await status(health), 'working')
        server.freeze()
        t.teardown(() => server.thaw())
        for (let probe = 0; probe < 3; probe++) {
          const begun = Date.now()
          t.equal(await status(health, short), `unavailable: timed out after ${short} ms`)
          t.ok(Date.now() - begun < inTime)
        }
        server.thaw()
        t.equal(await status(health), 'working')
      })

      await t.test('answers in time when the network goes silent, and is healthy in the first probe after', async t => {
        const health = await over(t, url(relay.port))
        t.teardown(async () => await relay.pass())
        t.equal(await status(health), 'working')
        await relay.silence()
        t.equal(await status(health, short), `unavailable: timed out after ${short} ms`)
        t.equal(await status(health, short), `unavailable: timed out after ${short} ms`, 'on a new connection')
        await relay.pass()
        t.equal(await status(health), 'working')
      })

      await t.test('notices a connection that is cut in the middle of an answer', async t => {
        const health = await over(t, url(relay.port))
        t.teardown(async () => await relay.pass())
        t.equal(await status(health), 'working')
        await relay.cut(1)
        t.equal(await status(health), 'unavailable: connection lost')
        t.equal(await status(health), 'unavailable: connection lost', 'in the middle of a new connection')
        await relay.pass()
        t.equal(await status(health), 'working')
      })

      await t.test('says that the password is wrong, and says no more', async t => {
        const health = await over(t, url(server.port, { password: 'wrong-canary' }))
        t.equal(await status(health), 'unavailable: authentication failed')
      })

      await t.test('says that no password was given', async t => {
        t.equal(await status(await over(t, url(server.port, { password: '' }))), 'unavailable: authentication failed')
      })

      await t.test('says that the user does not exist', async t => {
        t.equal(await status(await over(t, url(server.port, { username: 'nobody' }))), 'unavailable: authentication failed')
      })

      await t.test('says that the database does not exist', async t => {
        t.equal(await status(await over(t, url(server.port, { pathname: '/ghost' }))), 'unavailable: database does not exist')
      })

      await t.test('says that the server does not speak TLS', async t => {
        const health = await over(t, url(server.port, { search: '?ssl=true' }))
        t.equal(await status(health), 'unavailable: TLS is not supported')
      })

      await t.test('says that the host does not exist', async t => {
        t.equal(await status(await over(t, 'postgres://health.invalid/shop')), 'unavailable: host not found')
      })

      await t.test('says that the server takes no more clients', async t => {
        await server.restart()
        const others = await Promise.all(Array.from({ length: 20 }, async () => {
          const client = new pg.Client({ connectionString: server.url })
          await client.connect()
          return client
        }))
        const health = await over(t, server.url)
        t.equal(await status(health), 'unavailable: too many connections')
        await Promise.all(others.map(async client => await client.end()))
        t.equal(await status(health), 'working')
      })
    })
  }

  await t.test('an answer other than 1 is unexpected', async t => {
    const app = await appWith(t, { connectionString: server.url, types: { getTypeParser: () => () => 2 } })
    t.equal(await status(healthOf(t, {}, app)), 'unexpected result: SELECT 1 did not answer 1')
  })

  await t.test('an app that has integers read as texts or BigInts is healthy', async t => {
    for (const parse of [String, BigInt]) {
      const app = await appWith(t, { connectionString: server.url, types: { getTypeParser: () => parse } })
      t.equal(await status(healthOf(t, {}, app)), 'working')
    }
  })

  await t.test('nothing of all this was unexpected', async t => {
    t.same(lines.filter(({ level }) => level === 'error'), [])
  })
})

test('a pool of the app that is exhausted is what `whenExhausted` says', async t => {
  const server = await startPostgres(t)
  const relay = await startRelay(t, server.port)
  const connectionString = Object.assign(new URL(server.url), { port: relay.port }).href
  const exhausted = 'unavailable: connection pool exhausted'
  const warning = 'warning: connection pool exhausted; the database answers'
  const pools: Record<string, pg.PoolConfig> = {
    'a URL': { connectionString },
    'options, its password among them': { host: '127.0.0.1', port: relay.port, user: server.user, password: server.password, database: server.database },
  }
  for (const [name, options] of Object.entries(pools)) {
    await t.test(`made from ${name}`, async t => {
      const pool = new pg.Pool({ ...options, max: 1 })
      t.teardown(async () => await pool.end())
      const busy = await pool.connect()
      busy.on('error', () => {})
      const over = (whenExhausted: 'fail' | 'warn' | 'pass') => healthOf(t, { client: pool, whenExhausted })
      const [fail, warn, pass] = [over('fail'), over('warn'), over('pass')]
      t.equal(await status(fail, 1000), exhausted)
      for (let probe = 0; probe < 3; probe++) {
        t.equal(await status(warn, 1000), warning)
        t.equal(await status(pass, 1000), 'working')
      }
      t.equal(relay.connections, 3, 'that of the pool, and one kept for each registry')
      t.equal(pool.waitingCount, 0)

      await relay.refuse()
      t.equal(await status(warn, 1000), 'unavailable: connection refused')
      t.equal(await status(pass, 1000), 'unavailable: connection refused')
      await relay.silence()
      t.equal(await status(pass, 1000), 'unavailable: timed out after 1000 ms')
      await relay.pass()
      t.equal(await status(warn, 1000), warning)
      busy.release(true)
      t.equal(await status(warn), 'working')
      for (const health of [fail, warn, pass]) await health.close()
      await until(() => relay.connections <= 1)
    })
  }
})

test('a pool of the app that is named, given by a function, or given itself', async t => {
  const server = await startPostgres(t)
  const pool = new pg.Pool({ connectionString: server.url })
  t.teardown(async () => await pool.end())
  const app = await appWith(t, { connectionString: server.url })
  app.decorate('databases', { orders: pool })
  app.decorate('client', new pg.Client())
  const clients = ['databases.orders', 'pg', 'pg.pool', pool, () => pool, async (app: FastifyInstance) => app.pg.pool]
  for (const client of clients as Array<NonNullable<PostgresOptions['client']>>) {
    t.equal(await status(healthOf(t, { client }, app)), 'working')
    t.same(await healthOf(t, { client }, app).systemChecks(), [])
  }
  const faults = async (client: unknown) => (await healthOf(t, { client } as PostgresOptions, app).systemChecks()).map(({ id, message }) => `${id} ${message}`)
  t.match(await faults('client'), [/^E007 app\.client is an instance of Client, and not a pool of pg$/])
  t.match(await faults('ghost.pool'), [/^E007 app\.ghost\.pool is not there$/])
  t.match(await faults(() => null), [/^E007 what `client` returned for the app is not there$/])
  t.match(await faults(7), [/^E008 .*'client'/])
  t.match(await faults(new pg.Client()), [/^E008 .*'client'/])
  t.equal(await status(healthOf(t, { client: 'client' }, app)), 'unknown error: E007 app.client is an instance of Client, and not a pool of pg')
})

test('what stands before PostgreSQL', async t => {
  const server = await startPostgres(t)

  await t.test('is pgbouncer, whose words are told from one another', async t => {
    const bouncer = await startPgBouncer(t, server, { default_pool_size: 1, query_wait_timeout: 1, max_client_conn: 4, server_login_retry: 1 })
    const of = (connectionString: string) => status(healthOf(t, { connectionString }))
    const own = healthOf(t, { connectionString: bouncer.url })
    t.equal(await status(own), 'working')
    t.equal(await of(bouncer.url.replace(/shop$/, 'ghost')), 'unavailable: database does not exist')

    await bouncer.admin('DISABLE shop')
    t.equal(await of(bouncer.url), 'unavailable: database is disabled')
    await bouncer.admin('ENABLE shop')

    const holder = new pg.Client({ connectionString: bouncer.url })
    await holder.connect()
    t.equal((await holder.query('SHOW statement_timeout')).rows[0].statement_timeout, '0', 'nothing of the check stays with the connection')
    await holder.query('BEGIN')
    t.equal(await status(own), 'unavailable: pgbouncer has no connection to the server to give')
    await holder.query('COMMIT')
    t.equal(await status(own), 'working')

    const others = await Promise.all([1, 2].map(async () => {
      const client = new pg.Client({ connectionString: bouncer.url })
      await client.connect()
      return client
    }))
    t.equal(await of(bouncer.url), 'unavailable: too many connections')
    await Promise.all([holder, ...others].map(async client => await client.end()))

    await server.stop()
    await until(async () => await status(own) === 'unavailable: pgbouncer cannot reach the server', { timeout: 60_000 })
    await server.start()
    await until(async () => await status(own) === 'working', { timeout: 60_000 })
  })

  await t.test('is a pool that gives up reading', async t => {
    const pool = new pg.Pool({ connectionString: server.url, query_timeout: 200 })
    t.teardown(async () => await pool.end())
    const health = healthOf(t, { client: pool })
    t.equal(await status(health), 'working')
    server.freeze()
    t.equal(await status(health), 'unavailable: timed out')
    server.thaw()
  })
})

test('who is let in', async t => {
  const root = await startAuthority(t)
  const certificate = await root.issue('shop')

  await t.test('nobody without a line of pg_hba.conf, with a right password or not', async t => {
    const server = await startPostgres(t, { access: 'host postgres health 127.0.0.1/32 scram-sha-256' })
    const of = (change: Partial<URL>) => status(healthOf(t, { connectionString: Object.assign(new URL(server.url), change).href }))
    t.equal(await of({}), 'working')
    t.equal(await of({ password: 'wrong' }), 'unavailable: authentication failed')
    t.equal(await of({ pathname: '/template1' }), 'unavailable: this client is not allowed in without TLS')
  })

  await t.test('over TLS only, it says so', async t => {
    const server = await startPostgres(t, { access: 'hostssl postgres all 127.0.0.1/32 scram-sha-256', certificate })
    const ca = `&sslrootcert=${root.certificate.certFile}`
    const of = (search: string, change: Partial<URL> = {}) => status(healthOf(t, { connectionString: Object.assign(new URL(server.url), { search, ...change }).href }))
    t.equal(await of(''), 'unavailable: this client is not allowed in without TLS')
    t.equal(await of('?sslmode=no-verify'), 'working')
    t.equal(await of('?sslmode=require'), 'unavailable: certificate not trusted')
    t.equal(await of(`?sslmode=verify-full${ca}`), 'working')
    t.equal(await of('?sslmode=no-verify', { pathname: '/template1' }), 'unavailable: this client is not allowed in (pg_hba.conf)')
    const before = server.processes().length
    for (let run = 0; run < 20; run++) t.equal(await of('?sslmode=no-verify', { password: '' }), 'unavailable: authentication failed')
    await until(() => server.processes().length <= before, { timeout: 60_000 })
    const bouncer = await startPgBouncer(t, server, {}, certificate)
    t.equal(await status(healthOf(t, { connectionString: bouncer.url })), 'unavailable: this client is not allowed in without TLS')
  })
})

test('the configuration', async t => {
  const faults = async (options: object, app?: FastifyInstance) =>
    (await healthOf(t, options as PostgresOptions, app).systemChecks()).map(({ id, message, hint }) => `${id} ${message}. ${hint}`)

  await t.test('without @fastify/postgres, says what to register (E007)', async t => {
    t.match(await faults({}), [/^E007 .*app\.pg is not there.*app\.register\(import\('@fastify\/postgres'\)\), or give the check a `connectionString`/])
  })

  await t.test('with a name that is not registered, says what to register (E007)', async t => {
    const app = await appWith(t, { name: 'shop' })
    t.match(await faults({ name: 'reports' }, app), [/^E007 .*app\.pg\.reports is not there.*app\.register\(import\('@fastify\/postgres'\), { name: 'reports', … }\)/])
    t.match(await faults({}, app), [/^E007 .*app\.pg is not there/], 'and there is none without a name')
    t.same(await faults({ name: 'shop' }, app), [])
  })

  await t.test('with @fastify/postgres has no fault', async t => {
    t.same(await faults({}, await appWith(t, {})), [])
  })

  await t.test('with a connection of its own does not touch the app', async t => {
    const untouchable = new Proxy({}, { get () { throw new Error('touched') } }) as FastifyInstance
    t.same(await faults({ connectionString: 'postgresql://db/shop' }, untouchable), [])
  })

  await t.test('with both a name and a connection string is told to choose (E007)', async t => {
    t.match(await faults({ name: 'shop', connectionString: 'postgres://canary@db/shop' }), [/^E007 .*both `name` and `connectionString` are given/])
  })

  await t.test('with options that do not fit says what they must be, and shows no secret (E008)', async t => {
    const found = await faults({ connectionString: 'mysql://canary:canary@db/shop' })
    t.match(found, [/^E008 .*'connectionString'.*It must be a URL that starts with postgres:\/\/ or postgresql:\/\//])
    t.notMatch(found.join(), 'canary')
    t.strictSame(await faults({ connectionString: 'postgres://u:100%@db/shop' }), [], 'the driver takes a bare % for itself')
    t.match(await faults({ name: '' }), [/^E008 .*'name' is ''/])
    t.match(await faults({ conectionString: 'postgres://db/shop' }), [/^E008 .*there is no option 'conectionString'.*Did you mean 'connectionString'/])
  })
})
