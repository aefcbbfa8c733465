import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import { test, type Test } from 'tap'
import { redisRequirements, withRedis } from '../../lib/clients/redis.js'
import type { RedisSource } from '../../types/sources.js'
import { createHealth, defineCheck, type HealthRegistry } from '../../lib/index.js'
import { openSockets, until } from '../helpers/leaks.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { startRedis } from '../helpers/redis.js'
import { startRelay } from '../helpers/relay.js'
import type { Server } from '../helpers/server.js'

/** Milliseconds: for what must answer, and for what cannot. */
const ample = 20_000
const short = 300
const timedOut = `unavailable: timed out after ${short} ms`

const { log } = recordedLog()

type Use = Parameters<typeof withRedis>[2]

const ping: Use = async client => await client.ping()

function healthOf (t: Test, source: RedisSource, app: FastifyInstance, ...uses: Array<Use | { timeout: number, use: Use }>): HealthRegistry {
  const checks = uses.map((item, index) => {
    const { use, ...options } = typeof item === 'function' ? { use: item } : item
    return defineCheck({ identifier: `use ${index}`, ...options, async check (context) { await withRedis(context, source, use) } })
  })
  const health = createHealth({ timeout: ample, subsets: { s: checks } }, { app, log })
  t.teardown(async () => await health.close())
  return health
}

async function statuses (health: HealthRegistry, timeout = ample): Promise<string[]> {
  health.settings.timeout = timeout
  return (await health.run('s')).results.map(({ status }) => status)
}

function clientOf (t: Test, url: string, options: { lazyConnect?: boolean, maxRetriesPerRequest?: number, retryStrategy?: (times: number) => number | null } = {}): Redis {
  const client = new Redis(url, { retryStrategy: () => 20, ...options })
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  return client
}

function appOver (client: Redis): FastifyInstance {
  const app = Fastify()
  app.decorate('redis', client as never)
  return app
}

/** The connections of all but this question's own. */
async function serverSide (t: Test, { url }: Server): Promise<number> {
  const admin = new Redis(url)
  try {
    const list = String(await admin.call('CLIENT', 'LIST'))
    return list.trim().split('\n').length - 1
  } finally {
    admin.disconnect()
  }
}

test('withRedis', async t => {
  const server = await startRedis(t)
  const { url } = server
  const relay = await startRelay(t, server.port)
  const relayed = `redis://127.0.0.1:${relay.port}`

  const freeze = (t: Test) => {
    server.freeze()
    t.teardown(() => server.thaw())
  }
  const silence = async (t: Test) => {
    t.teardown(async () => await relay.pass())
    await relay.silence()
  }

  t.beforeEach(async () => await until(() => openSockets() === 0))

  await t.test('over the client of the app', async t => {
    await t.test('asks one that is not connected yet, in its time', async t => {
      for (const options of [{}, { lazyConnect: true }]) {
        const client = clientOf(t, url, options)
        t.equal(client.status, options.lazyConnect ? 'wait' : 'connecting')
        t.same(await statuses(healthOf(t, {}, appOver(client), ping)), ['working'])
      }
    })

    await t.test('says at once what is wrong with one that does not connect, and queues nothing in it', async t => {
      t.teardown(async () => await relay.pass())
      await relay.refuse()
      for (const options of [{}, { lazyConnect: true }, { retryStrategy: () => ample }]) {
        const client = clientOf(t, relayed, options)
        const health = healthOf(t, {}, appOver(client), ping)
        for (let probe = 0; probe < 3; probe++) t.same(await statuses(health), ['unavailable: connection refused'])
        t.same(queued(client), { commands: 0, offline: 0 })
      }
    })

    await t.test('says that one which waits long before it connects again is not connected', async t => {
      const client = clientOf(t, relayed, { retryStrategy: () => ample })
      const health = healthOf(t, {}, appOver(client), ping)
      t.same(await statuses(health), ['working'])
      await relay.refuse()
      await relay.pass()
      await until(() => client.status === 'reconnecting')
      t.same(await statuses(health, short), ['unavailable: client is not connected'])
      t.same(queued(client), { commands: 0, offline: 0 })
    })

    await t.test('says that one which the app has closed is closed, and does not open it again', async t => {
      const client = clientOf(t, url)
      const health = healthOf(t, {}, appOver(client), ping)
      t.same(await statuses(health), ['working'])
      await client.quit()
      await until(() => client.status === 'end')
      t.same(await statuses(health), ['unavailable: client is closed'])
      t.equal(client.status, 'end')
    })

    await t.test('says that one which gives up while it is waited for is closed', async t => {
      const client = clientOf(t, relayed, { retryStrategy: times => times === 1 ? 1500 : null })
      const health = healthOf(t, {}, appOver(client), ping)
      t.teardown(async () => await relay.pass())
      t.same(await statuses(health), ['working'])
      await relay.refuse()
      await until(() => client.status === 'reconnecting')
      await relay.pass()
      const { accepted } = relay
      const run = statuses(health)
      await until(() => relay.accepted > accepted && relay.connections === 0)
      await relay.refuse()
      t.same(await run, ['unavailable: client is closed'])
    })

    await t.test('asks one that connects to a silent server nothing, and leaves nothing in it', async t => {
      await silence(t)
      const client = clientOf(t, relayed)
      t.match(await statuses(healthOf(t, {}, appOver(client), ping), short), [/timed out after|not connected/])
      t.not(client.status, 'ready')
      t.notOk(commandsOf(client).includes('ping'))
      t.equal(queued(client).offline, 0)
      await until(() => relay.connections === 1)
      t.pass('what looked on the side is gone')
    })

    await t.test('has one question open at most while the server is frozen', async t => {
      const client = clientOf(t, url)
      let asked = 0
      const health = healthOf(t, {}, appOver(client), async client => {
        asked++
        return await client.ping()
      })
      t.same(await statuses(health), ['working'])
      freeze(t)
      for (let probe = 0; probe < 4; probe++) t.same(await statuses(health, short), [timedOut])
      t.equal(asked, 2)
      t.same(queued(client), { commands: 1, offline: 0 })
      server.thaw()
      t.same(await statuses(health), ['working'])
      t.equal(asked, 3)
      t.same(queued(client), { commands: 0, offline: 0 })
    })

    await t.test('two checks have one question open each at most, whoever gives up first', async t => {
      const client = clientOf(t, url)
      const health = healthOf(t, {}, appOver(client), { timeout: 150, use: ping }, { timeout: 250, use: ping })
      t.same(await statuses(health), ['working', 'working'])
      freeze(t)
      for (let probe = 0; probe < 3; probe++) t.match(await statuses(health), [/timed out/, /timed out/])
      t.same(queued(client), { commands: 2, offline: 0 })
      server.thaw()
      await until(() => queued(client).commands === 0)
    })

    await t.test('leaves the commands of the app alone', async t => {
      const client = clientOf(t, url)
      const health = healthOf(t, {}, appOver(client), ping)
      t.same(await statuses(health), ['working'])
      freeze(t)
      const before = client.set('shop:open', 'yes')
      t.same(await statuses(health, short), [timedOut])
      const after = client.get('shop:open')
      server.thaw()
      t.equal(await before, 'OK')
      t.equal(await after, 'yes')
      await client.del('shop:open')
    })

    await t.test('answers though the connection is lost in the middle of a question, if it comes back', async t => {
      const client = clientOf(t, relayed)
      let asked = 0
      const health = healthOf(t, {}, appOver(client), async client => {
        if (asked++ > 0) return await client.ping()
        t.teardown(async () => await relay.pass())
        await relay.silence()
        const answer = client.ping()
        setTimeout(() => { relay.pass() }, 50)
        return await answer
      })
      t.same(await statuses(health), ['working'])
      t.equal(relay.accepted > 1, true)
    })

    await t.test('says so when the app has no patience with lost connections', async t => {
      const client = clientOf(t, relayed, { maxRetriesPerRequest: 0 })
      const health = healthOf(t, {}, appOver(client), ping)
      t.teardown(async () => await relay.pass())
      t.same(await statuses(health), ['working'])
      await relay.cut(1)
      t.same(await statuses(health), ['unavailable: connection lost'])
      await relay.pass()
      t.same(await statuses(health), ['working'])
    })

    await t.test('asks a cluster, too, and opens nothing on its side', async t => {
      const client = clientOf(t, relayed, { retryStrategy: () => ample })
      await until(() => client.status === 'ready')
      Object.assign(client, { isCluster: true, duplicate () { throw new Error('a cluster is duplicated in another way') } })
      const health = healthOf(t, {}, appOver(client), ping)
      t.same(await statuses(health), ['working'])
      await relay.refuse()
      await relay.pass()
      await until(() => client.status === 'reconnecting')
      t.same(await statuses(health, short), ['unavailable: client is not connected'])
    })

    await t.test('200 probes leave no connection and no listener', async t => {
      const client = clientOf(t, url)
      const health = healthOf(t, {}, appOver(client), ping)
      t.same(await statuses(health), ['working'])
      const before = await serverSide(t, server)
      const listeners = client.eventNames().map(event => client.listenerCount(event))
      for (let probe = 0; probe < 200; probe++) t.same(await statuses(health), ['working'])
      t.equal(await serverSide(t, server), before)
      t.same(client.eventNames().map(event => client.listenerCount(event)), listeners)
      await health.close()
      t.equal(client.status, 'ready', 'and closing the registry leaves it open')
    })

    await t.test('12 uses at once are no leak to Node', async t => {
      const warnings: Error[] = []
      const onWarning = (warning: Error) => { warnings.push(warning) }
      process.on('warning', onWarning)
      t.teardown(() => process.off('warning', onWarning))
      const client = clientOf(t, url)
      const before = client.listenerCount('close')
      t.same(new Set(await statuses(healthOf(t, {}, appOver(client), ...Array.from({ length: 12 }, () => ping)))), new Set(['working']))
      t.same(warnings, [])
      t.equal(client.listenerCount('close'), before)
    })

    await t.test('50 failing probes leave no connection and no listener', async t => {
      const client = clientOf(t, relayed)
      const health = healthOf(t, {}, appOver(client), ping)
      t.same(await statuses(health), ['working'])
      const listeners = () => ['close', 'ready', 'end', 'error'].map(event => client.listenerCount(event))
      const before = listeners()
      await silence(t)
      for (let probe = 0; probe < 50; probe++) t.match(await statuses(health, 20), [/timed out|not connected/])
      t.same(listeners(), before)
      t.equal(relay.connections, 1)
    })
  })

  await t.test('over a client that is not there at all, says so (E007)', async t => {
    t.same(await statuses(healthOf(t, {}, Fastify(), ping)), ['unknown error: E007 app.redis is not there'])
  })

  await t.test('over a client and a URL at once, says so (E007)', async t => {
    t.same(await statuses(healthOf(t, { namespace: 'jobs', url }, Fastify(), ping)), ['unknown error: E007 both `namespace` and `url` are given'])
  })

  await t.test('over a connection of its own', async t => {
    await t.test('200 probes leave one connection on the server, and closing none', async t => {
      const before = await serverSide(t, server)
      const health = healthOf(t, { url }, Fastify(), ping, ping)
      for (let probe = 0; probe < 200; probe++) t.same(await statuses(health), ['working', 'working'])
      t.equal(await serverSide(t, server), before + 1)
      await health.close()
      await until(async () => await serverSide(t, server) === before)
    })

    await t.test('asks again where the connection was lost since the last run, and nobody had noticed', async t => {
      const health = healthOf(t, { url: relayed }, Fastify(), ping)
      t.same(await statuses(health), ['working'])
      // Not a moment for the client to hear of it.
      await relay.refuse()
      const run = statuses(health)
      await relay.pass()
      t.same(await run, ['working'])
    })

    await t.test('asks no third time', async t => {
      let asked = 0
      const health = healthOf(t, { url }, Fastify(), async client => {
        if (asked++ > 0) client.stream.destroy()
        return await client.ping()
      })
      t.same(await statuses(health), ['working'])
      t.same(await statuses(health), ['unavailable: connection lost'])
      t.equal(asked, 3)
    })

    await t.test('gives up its socket when it hangs', async t => {
      const health = healthOf(t, { url }, Fastify(), ping)
      t.same(await statuses(health), ['working'])
      freeze(t)
      for (let probe = 0; probe < 3; probe++) t.same(await statuses(health, short), [timedOut])
      await until(() => openSockets() === 0, { timeout: 1000 })
    })

    await t.test('does not take it from a check that has more time', async t => {
      const health = healthOf(t, { url: relayed }, Fastify(), { timeout: 200, use: ping }, { timeout: ample, use: ping })
      t.teardown(async () => await relay.pass())
      t.same(await statuses(health), ['working', 'working'])
      await relay.delay(600)
      const accepted = relay.accepted
      t.same(await statuses(health), ['unavailable: timed out after 200 ms', 'working'])
      t.equal(relay.accepted, accepted)
      await until(() => relay.connections === 0, { timeout: 1000 })
      await relay.pass()
      t.same(await statuses(health), ['working', 'working'])
      t.equal(relay.accepted, accepted + 1)
    })

    await t.test('does not let a check wait that comes to one whose connecting hangs', async t => {
      await silence(t)
      const guarded = relayed.replace('://', '://:canary@')
      const health = healthOf(t, { url: guarded }, Fastify(), { timeout: ample, use: ping }, { timeout: 200, use: ping })
      const run = health.run('s')
      const begun = Date.now()
      await until(() => relay.connections === 1)
      await sleep(400)
      await health.close()
      t.same((await run).results.map(({ status }) => status), ['unavailable: closing', 'unavailable: timed out after 200 ms'])
      t.ok(Date.now() - begun < 5000)
      await until(() => relay.connections === 0, { timeout: 1000 })
    })

    await t.test('does not ask for a check whose time was over before it connected', async t => {
      let asked = 0
      const late: Use = async client => {
        asked++
        return await client.ping()
      }
      // With a password, connecting takes an answer.
      const guarded = relayed.replace('://', '://default:canary@')
      const health = healthOf(t, { url: guarded }, Fastify(), { timeout: 100, use: late }, { timeout: ample, use: ping })
      t.teardown(async () => await relay.pass())
      await relay.delay(400)
      t.match(await statuses(health), ['unavailable: timed out after 100 ms', /./])
      t.equal(asked, 0)
    })

    await t.test('closing a registry ends within a second while the server is frozen, and leaves no socket', async t => {
      const health = healthOf(t, { url }, Fastify(), ping)
      t.same(await statuses(health), ['working'])
      freeze(t)
      const begun = Date.now()
      await health.close()
      t.ok(Date.now() - begun < 1000)
      await until(() => openSockets() === 0, { timeout: 1000 })
    })

    await t.test('closing a registry that waits for a frozen server ends within a second, and leaves no socket', async t => {
      freeze(t)
      const health = healthOf(t, { url }, Fastify(), ping)
      const run = statuses(health)
      await sleep(50)
      const begun = Date.now()
      await health.close()
      t.ok(Date.now() - begun < 1000)
      t.same(await run, ['unavailable: closing'])
      await until(() => openSockets() === 0, { timeout: 1000 })
    })
  })
})

interface Queue {
  length: number
  toArray (): Array<{ command: { name: string } }>
}

function queuesOf (client: Redis) {
  return client as unknown as Record<'commandQueue' | 'offlineQueue', Queue>
}

/** What the client has sent and heard no answer to, and what it has kept back. */
function queued (client: Redis) {
  const { commandQueue, offlineQueue } = queuesOf(client)
  return { commands: commandQueue.length, offline: offlineQueue.length }
}

function commandsOf (client: Redis): string[] {
  return queuesOf(client).commandQueue.toArray().map(({ command }) => command.name)
}

test('redisRequirements', async t => {
  const { settings } = createHealth()
  const missing = async (source: RedisSource, app: object) => await redisRequirements(source, { app: app as FastifyInstance, settings })
  const client = new Redis({ lazyConnect: true })

  await t.test('are met by a client under the decorator, or by a connection of its own', async t => {
    t.same(await missing({}, { redis: client }), [])
    t.same(await missing({ namespace: 'jobs' }, { redis: { jobs: client } }), [])
    t.same(await missing({ url: 'redis://cache' }, {}), [])
  })

  await t.test('are not met without a client, or where it is not clear which', async t => {
    t.match(await missing({}, {}), [{ message: 'app.redis is not there', hint: /app\.register\(import\('@fastify\/redis'\)\)/ }])
    t.match(await missing({}, { redis: { jobs: client } }), [{ message: 'app.redis is an object, and not a client of ioredis' }])
    t.match(await missing({ namespace: 'jobs' }, { redis: {} }), [{ message: 'app.redis.jobs is not there', hint: /namespace: 'jobs'/ }])
    t.match(await missing({ namespace: 'jobs', url: 'redis://cache' }, {}), [{ message: 'both `namespace` and `url` are given' }])
  })
})
