import fastifyPostgres, { type PostgresPluginOptions } from '@fastify/postgres'
import Fastify, { type FastifyInstance } from 'fastify'
import pg from 'pg'
import { test, type Test } from 'tap'
import DatabaseHeartbeatCheck from '../../lib/checks/postgres.js'
import type { PostgresSource } from '../../types/sources.js'
import { createHealth, type HealthRegistry } from '../../lib/index.js'
import { startPostgres } from '../helpers/postgres.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { startRelay } from '../helpers/relay.js'

/** Milliseconds: for what must answer, and for what cannot. */
const ample = 20_000
const short = 300
/** What a run may take that is given up after `short`, on a machine that does much else. */
const inTime = short + 1000

const { log, lines } = recordedLog()

function healthOf (t: Test, options: PostgresSource, app: FastifyInstance = Fastify()): HealthRegistry {
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

test('the configuration', async t => {
  const faults = async (options: object, app?: FastifyInstance) =>
    (await healthOf(t, options as PostgresSource, app).systemChecks()).map(({ id, message, hint }) => `${id} ${message}. ${hint}`)

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
