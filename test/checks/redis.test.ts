import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import fastifyRedis, { type FastifyRedis, type FastifyRedisPluginOptions } from '@fastify/redis'
import Fastify, { type FastifyInstance } from 'fastify'
import { Cluster, Redis } from 'ioredis'
import { createClient as createClient4, createCluster as createCluster4 } from 'redis-4'
import { createClient as createClient5, createClientPool, createCluster as createCluster5, createSentinel } from 'redis-5'
import { test, type Test } from 'tap'
import CacheCheck from '../../lib/checks/cache.js'
import RedisCheck from '../../lib/checks/redis.js'
import type { RedisOptions } from '../../types/sources.js'
import { createHealth, type HealthRegistry } from '../../lib/index.js'
import { until } from '../helpers/leaks.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { startRedis } from '../helpers/redis.js'
import { startCluster, startSentinel } from '../helpers/redis-topologies.js'
import { startRelay } from '../helpers/relay.js'
import { freePort } from '../helpers/server.js'

/** Milliseconds: for what must answer, and for what cannot. */
const ample = 20_000
const short = 300
/** What a run may take that is given up after `short`, on a machine that does much else. */
const inTime = short + 1000

const { log, lines } = recordedLog()

function healthOf (t: Test, options: RedisOptions, app: FastifyInstance = Fastify()): HealthRegistry {
  const health = createHealth({ timeout: ample, subsets: { readiness: [[RedisCheck, { ...options }]] } }, { app, log })
  t.teardown(async () => await health.close())
  return health
}

async function status (health: HealthRegistry, timeout = ample): Promise<string> {
  health.settings.timeout = timeout
  return (await health.run('readiness')).results[0]!.status
}

function ioredisOf (t: Test, url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => 20 })
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  return client
}

/** A client that reconnects at once. It is connected, as node-redis asks of an app. */
async function nodeRedisOf (t: Test, createClient: typeof createClient5 | typeof createClient4, url: string) {
  const client = (createClient as typeof createClient5)({ url, socket: { reconnectStrategy: 20 } })
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.isOpen && (client.disconnect() as unknown))
  return client
}

function withDecorator (t: Test, cache: object): FastifyInstance {
  const app = Fastify()
  t.teardown(async () => await app.close())
  return app.decorate('cache', cache as never)
}

/** With clients that reconnect at once, and that are not told goodbye: QUIT would wait for a server that hangs. */
async function appWith (t: Test, ...clients: FastifyRedisPluginOptions[]): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(async () => await app.close())
  for (const { url, namespace } of clients as Array<{ url: string, namespace?: string }>) {
    const client = ioredisOf(t, url)
    await app.register(fastifyRedis, { client, ...(namespace === undefined ? {} : { namespace }) })
  }
  return app
}

test('Redis', async t => {
  const server = await startRedis(t)
  const guarded = await startRedis(t, { password: 'correct-horse' })
  const relay = await startRelay(t, server.port)
  const relayed = `redis://127.0.0.1:${relay.port}`

  const sources: Record<string, (t: Test, url: string) => Promise<HealthRegistry>> = {
    'app.redis': async (t, url) => healthOf(t, {}, await appWith(t, { url })),
    'a namespace': async (t, url) => healthOf(t, { namespace: 'sessions' }, await appWith(t, { url, namespace: 'sessions' })),
    'a connection of its own': async (t, url) => healthOf(t, { url }),
    'a client of ioredis': async (t, url) => healthOf(t, { client: 'cache.redis' }, withDecorator(t, { redis: ioredisOf(t, url) })),
    'a client of node-redis 4': async (t, url) => healthOf(t, { client: await nodeRedisOf(t, createClient4, url) }),
    'a client of node-redis 5': async (t, url) => {
      const client = await nodeRedisOf(t, createClient5, url)
      return healthOf(t, { client: () => client }, withDecorator(t, {}))
    },
  }

  for (const [name, over] of Object.entries(sources)) {
    await t.test(`over ${name}`, async t => {
      await t.test('is healthy when PING answers', async t => {
        const report = await (await over(t, server.url)).run('readiness')
        t.match(report, { healthy: true, results: [{ identifier: 'RedisCheck', status: 'working', critical: true }] })
        t.equal(await status(await over(t, guarded.url)), 'working', 'with a password, too')
        t.equal(await status(await over(t, `${server.url}/3`)), 'working', 'and with a database')
      })

      await t.test('is refused while the server is stopped, and healthy again once it is back', async t => {
        const health = await over(t, server.url)
        t.equal(await status(health), 'working')
        await server.stop()
        t.equal(await status(health), 'unavailable: connection refused')
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
        const health = await over(t, relayed)
        t.teardown(async () => await relay.pass())
        t.equal(await status(health), 'working')
        await relay.silence()
        for (let probe = 0; probe < 2; probe++) t.equal(await status(health, short), `unavailable: timed out after ${short} ms`)
        await relay.pass()
        t.equal(await status(health), 'working')
      })

      await t.test('notices a connection that is cut in the middle of an answer', async t => {
        const health = await over(t, relayed)
        t.teardown(async () => await relay.pass())
        t.equal(await status(health), 'working')
        await relay.cut(1)
        for (let probe = 0; probe < 2; probe++) t.equal(await status(health), 'unavailable: connection lost')
        await relay.pass()
        t.equal(await status(health), 'working')
      })

      await t.test('is healthy however slow the answer is, within the timeout', async t => {
        const health = await over(t, relayed)
        t.teardown(async () => await relay.pass())
        await relay.delay(400)
        t.match(await status(health, 200), /^unavailable: (timed out after 200 ms|client is not connected)$/)
        t.equal(await status(health), 'working')
      })
    })
  }

  await t.test('says that the password is wrong', async t => {
    const wrong = guarded.url.replace('correct-horse', 'wrong-canary')
    t.equal(await status(healthOf(t, { url: wrong })), 'unavailable: authentication failed')
    t.equal(await status(healthOf(t, { url: `redis://127.0.0.1:${guarded.port}` })), 'unavailable: authentication failed', 'or that none is given')
    t.equal(await status(healthOf(t, { url: wrong.replace('://', '://nobody') })), 'unavailable: authentication failed', 'or the user')
  })

  await t.test('says that the password of the app is wrong, once it is', async t => {
    const changed = await startRedis(t)
    const app = await appWith(t, { url: changed.url })
    const health = healthOf(t, {}, app)
    t.equal(await status(health), 'working')
    const admin = new Redis(changed.url)
    t.teardown(() => admin.disconnect())
    await admin.config('SET', 'requirepass', 'changed')
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal')
    t.equal(await status(health), 'unavailable: authentication failed')
  })

  await t.test('says that the database does not exist, and says so at every run', async t => {
    const few = await startRedis(t, { databases: 4 })
    const health = healthOf(t, { url: `${few.url}/7` })
    for (let probe = 0; probe < 3; probe++) t.equal(await status(health), 'unavailable: database does not exist')
    t.equal(await status(healthOf(t, { url: `${few.url}?db=4` })), 'unavailable: database does not exist', 'however it is named')
    t.equal(await status(healthOf(t, { url: `${few.url}/3` })), 'working')
    const admin = new Redis(few.url)
    t.teardown(() => admin.disconnect())
    t.match(await admin.client('LIST'), /^(?!.*\bdb=[47]\b)/s)
  })

  await t.test('says that the user may not choose a database, and is healthy once it may', async t => {
    const admin = new Redis(server.url)
    t.teardown(async () => {
      await admin.acl('DELUSER', 'guest')
      admin.disconnect()
    })
    await admin.acl('SETUSER', 'guest', 'on', '>canary', '+@all', '-select')
    const health = healthOf(t, { url: `redis://guest:canary@127.0.0.1:${server.port}/3` })
    for (let probe = 0; probe < 2; probe++) t.equal(await status(health), 'unavailable: permission denied')
    await admin.acl('SETUSER', 'guest', '+select')
    t.equal(await status(health), 'working')
  })

  await t.test('says that the host does not exist', async t => {
    t.equal(await status(healthOf(t, { url: 'redis://health.invalid' })), 'unavailable: host not found')
  })

  await t.test('says that the server takes no more clients', async t => {
    const admin = new Redis(server.url)
    t.teardown(async () => {
      await admin.config('SET', 'maxclients', 1000)
      admin.disconnect()
    })
    await admin.config('SET', 'maxclients', 1)
    t.equal(await status(healthOf(t, { url: server.url })), 'unavailable: too many connections')
  })

  await t.test('an answer other than PONG is unexpected', async t => {
    const other = createServer(socket => { socket.on('error', () => {}).on('data', () => socket.write('+OK\r\n+OK\r\n')) })
    await once(other.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => other.close())
    const health = healthOf(t, { url: `redis://127.0.0.1:${(other.address() as AddressInfo).port}` })
    t.equal(await status(health), 'unexpected result: PING did not answer PONG')
  })

  await t.test('a server that is none of Redis is said to be that', async t => {
    const web = Fastify()
    t.teardown(async () => await web.close())
    const { host } = new URL(await web.listen({ port: 0, host: '127.0.0.1' }))
    const health = healthOf(t, { url: `redis://${host}` })
    t.equal(await status(health), 'unavailable: what answers does not speak Redis')
  })

  await t.test('nothing of all this was unexpected', async t => {
    t.same(lines.filter(({ level }) => level === 'error'), [])
  })
})

test('the configuration', async t => {
  const faults = async (options: object, app?: FastifyInstance) =>
    (await healthOf(t, options as RedisOptions, app).systemChecks()).map(({ id, message, hint }) => `${id} ${message}. ${hint}`)

  await t.test('without @fastify/redis, says what to register (E007)', async t => {
    t.match(await faults({}), [/^E007 .*app\.redis is not there.*app\.register\(import\('@fastify\/redis'\)\), or give the check a `url`/])
  })

  await t.test('with a namespace that is not registered, says what to register (E007)', async t => {
    const app = Fastify()
    app.decorate('redis', { sessions: new Redis({ lazyConnect: true }) } as never)
    t.match(await faults({ namespace: 'jobs' }, app), [/^E007 .*app\.redis\.jobs is not there.*app\.register\(import\('@fastify\/redis'\), { namespace: 'jobs', … }\)/])
    t.match(await faults({}, app), [/^E007 .*app\.redis is an object, and not a client of ioredis or of node-redis/], 'and there is none without a namespace')
    t.same(await faults({ namespace: 'sessions' }, app), [])
  })

  await t.test('with a client of another package is told so (E007)', async t => {
    const app = Fastify()
    app.decorate('redis', { ping () {}, isReady: true } as never)
    t.match(await faults({}, app), [/^E007 .*app\.redis is an object, and not a client of ioredis or of node-redis/])
  })

  await t.test('with a connection of its own does not touch the app', async t => {
    const untouchable = new Proxy({}, { get () { throw new Error('touched') } }) as FastifyInstance
    t.same(await faults({ url: 'rediss://cache/1' }, untouchable), [])
  })

  await t.test('with both a namespace and a URL is told to choose (E007)', async t => {
    t.match(await faults({ namespace: 'jobs', url: 'redis://:canary@cache' }), [/^E007 .*both `namespace` and `url` are given.*Give one of them/])
    t.match(await faults({ client: 'redis', namespace: 'jobs', url: 'redis://cache' }), [/^E007 .*`client` and `namespace` and `url` are given/])
  })

  await t.test('with a client that is none says what was found and what is taken (E007, E008)', async t => {
    const app = Fastify().decorate('caches', { redis: [], later: 5 } as never)
    t.match(await faults({ client: 'caches.redis' }, app), [/^E007 .*app\.caches\.redis is an instance of Array, and not a client of ioredis or of node-redis/])
    t.match(await faults({ client: () => 5 }, app), [/^E007 .*what `client` returned for the app is a number, and not a client of ioredis/])
    t.match(await faults({ client: 5 }, app), [/^E008 .*'client'.*It must be the name of a decorator, a function of the app, or a client of ioredis or of node-redis/])
  })

  await t.test('with options that do not fit says what they must be, and shows no secret (E008)', async t => {
    const found = await faults({ url: 'http://canary:canary@cache' })
    t.match(found, [/^E008 .*'url'.*It must be a URL that starts with redis:\/\/ or rediss:\/\//])
    t.notMatch(found.join(), 'canary')
    t.match(await faults({ url: 'redis://cache/canary' }), [/^E008 .*'url'.*whose path is empty or the number of a database/])
    t.match(await faults({ url: 'redis://:100%@cache' }), [/^E008 .*'url'.*a % that begins no escape is written %25/])
    t.match(await faults({ namespace: '' }), [/^E008 .*'namespace' is ''/])
    t.match(await faults({ uri: 'redis://cache' }), [/^E008 .*there is no option 'uri'.*Did you mean 'url'/])
  })
})

test('an app that writes', async t => {
  const server = await startRedis(t)
  const admin = new Redis(server.url)
  t.teardown(() => admin.disconnect())

  await t.test('is told so where Redis takes writes, and nothing is written', async t => {
    const health = healthOf(t, { url: server.url, writable: true })
    t.equal(await status(health), 'working')
    t.equal(await admin.dbsize(), 0)
  })

  const refusals: ReadonlyArray<readonly [state: string, words: string, args: string[]]> = [
    ['memory is full and nothing may be evicted', 'out of memory', ['--maxmemory', '1', '--maxmemory-policy', 'noeviction']],
    ['it has too few replicas', 'too few replicas', ['--min-replicas-to-write', '1']],
    ['it is a replica', 'read only', ['--replicaof', '127.0.0.1', String(server.port)]],
  ]
  for (const [state, words, args] of refusals) {
    await t.test(`is told where ${state}, and one that reads is not`, async t => {
      const { url } = await startRedis(t, { args })
      t.equal(await status(healthOf(t, { url, writable: true })), `unavailable: ${words}`)
      t.equal(await status(healthOf(t, { url })), 'working')
    })
  }

  await t.test('is told where the last snapshot failed, and so is one that reads', async t => {
    const { url, folder } = await startRedis(t, { args: ['--save', '3600 1'] })
    const admin = new Redis(url)
    t.teardown(() => admin.disconnect())
    const health = healthOf(t, { url, writable: true })
    mkdirSync(join(folder, 'dump.rdb', 'occupied'), { recursive: true })
    await admin.bgsave()
    await until(async () => /rdb_last_bgsave_status:err/.test(await admin.info('persistence')))
    t.equal(await status(health), 'unavailable: not able to persist')
    t.equal(await status(healthOf(t, { url })), 'unavailable: not able to persist', 'since Redis then refuses PING as well')
  })
})

test('a Redis Cluster is asked by its state', async t => {
  const { port } = await startRedis(t, {
    args: ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort()), '--cluster-announce-ip', '127.0.0.1'],
  })
  const node = new Redis(port, '127.0.0.1')
  t.teardown(() => node.disconnect())
  const state = async (state: string) => await until(async () => String(await node.cluster('INFO')).includes(`cluster_state:${state}`))
  await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await state('ok')
  const cluster = new Cluster([{ host: '127.0.0.1', port }], { clusterRetryStrategy: () => 20 })
  cluster.on('error', () => {})
  t.teardown(() => cluster.disconnect())
  const app = Fastify()
  t.teardown(async () => await app.close())
  app.decorate('redis', cluster as unknown as FastifyRedis)
  const health = healthOf(t, { writable: true }, app)
  t.equal(await status(health), 'working')
  await node.call('CLUSTER', 'DELSLOTS', '0')
  await state('fail')
  t.equal(await status(health), 'unavailable: cluster is down')
  await node.call('CLUSTER', 'ADDSLOTS', '0')
  await state('ok')
  t.equal(await status(health), 'working')
})

test('a Redis Cluster of three, over each client', async t => {
  const { nodes } = await startCluster(t)
  const roots = nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  const byIORedis = new Cluster(roots, { clusterRetryStrategy: () => 20 })
  byIORedis.on('error', () => {})
  t.teardown(() => byIORedis.disconnect())
  const byNodeRedis = async (createCluster: typeof createCluster4 | typeof createCluster5) => {
    const cluster = (createCluster as typeof createCluster5)({ rootNodes: roots.map(socket => ({ socket })), defaults: { socket: { reconnectStrategy: 20 } } })
    cluster.on('error', () => {})
    await cluster.connect()
    t.teardown(async () => await cluster.disconnect())
    return cluster
  }
  const healths = {
    ioredis: healthOf(t, { client: byIORedis as never, writable: true }),
    'node-redis 4': healthOf(t, { client: await byNodeRedis(createCluster4), writable: true }),
    'node-redis 5': healthOf(t, { client: await byNodeRedis(createCluster5), writable: true }),
  }
  const statuses = async (timeout?: number) => await Promise.all(Object.entries(healths).map(async ([name, health]) => `${name}: ${await status(health, timeout)}`))
  const all = (text: string) => Object.keys(healths).map(name => `${name}: ${text}`)

  t.same(await statuses(), all('working'))
  t.same(await statuses(), all('working'), 'once more')
  await Promise.all(nodes.map(async node => await node.stop()))
  await until(async () => (await statuses()).join() === all('unavailable: no node of the cluster can be reached').join(), { timeout: 10_000 })
  t.pass('all nodes down at once have words of their own')
})

test('a pool and a sentinel of node-redis 5', async t => {
  const { primary, sentinel } = await startSentinel(t)
  const pool = createClientPool({ url: primary.url })
  pool.on('error', () => {})
  await pool.connect()
  t.teardown(() => pool.destroy())
  t.equal(await status(healthOf(t, { client: pool, writable: true })), 'working')
  const bySentinel = createSentinel({ name: 'shop', sentinelRootNodes: [{ host: '127.0.0.1', port: sentinel.port }] })
  bySentinel.on('error', () => {})
  await bySentinel.connect()
  t.teardown(() => bySentinel.destroy())
  t.equal(await status(healthOf(t, { client: bySentinel, writable: true })), 'working')
})

/** A pool of node-redis, and what holds all its clients until it is called. */
async function poolOf (t: Test, url: string, options: { acquireTimeout?: number } = {}) {
  const pool = createClientPool({ url, socket: { reconnectStrategy: 20 } }, { maximum: 2, ...options })
  pool.on('error', () => {})
  await pool.connect()
  t.teardown(() => pool.isOpen && pool.destroy())
  const hold = async () => {
    let release!: () => void
    const held = new Promise<void>(resolve => { release = resolve })
    for (let n = 0; n < 2; n++) pool.execute(async () => await held).catch(() => {})
    await until(() => pool.idleClients === 0 && pool.tasksQueueLength === 0)
    return release
  }
  return { pool, hold }
}

const exhausted = 'unavailable: connection pool exhausted'

test('a pool of node-redis that is exhausted is what `whenExhausted` says', async t => {
  const server = await startRedis(t, { password: 'correct-horse' })
  const relay = await startRelay(t, server.port)
  const { pool, hold } = await poolOf(t, server.url.replace(String(server.port), String(relay.port)))
  const over = (whenExhausted?: 'fail' | 'warn' | 'pass') => healthOf(t, { client: pool, writable: true, ...(whenExhausted && { whenExhausted }) })
  const [fail, warn, pass] = [over(), over('warn'), over('pass')]
  const firstly = await hold()
  t.equal(await status(pass, 1000), exhausted, 'since the pool has never told its options')
  firstly()
  t.equal(await status(fail), 'working')
  const release = await hold()
  t.equal(await status(fail, 1000), exhausted)
  t.equal(await status(fail, 1000), exhausted, 'though the first request still waits')
  for (let probe = 0; probe < 2; probe++) {
    t.equal(await status(warn, 2000), 'warning: connection pool exhausted; the database answers')
    t.equal(await status(pass, 2000), 'working')
  }
  t.equal(relay.connections, 4, 'those of the pool, and one kept for each registry')
  await Promise.all([warn, pass].map(async health => await health.close()))
  await until(() => relay.connections === 2)
  release()
  await until(async () => await status(fail) === 'working')
  const again = await hold()
  await relay.silence()
  t.equal(await status(over('pass'), 2000), 'unavailable: timed out after 2000 ms', 'as ever')
  await relay.pass()
  again()
})

test('a pool of node-redis that waits less long than the run is exhausted as well', async t => {
  const server = await startRedis(t)
  const { pool, hold } = await poolOf(t, server.url, { acquireTimeout: 100 })
  const health = healthOf(t, { client: pool })
  const pass = healthOf(t, { client: pool, whenExhausted: 'pass' })
  t.equal(await status(health), 'working')
  const release = await hold()
  t.equal(await status(health), exhausted)
  t.equal(await status(pass), 'working')
  release()
})

test('a pool of node-redis whose server is down is told as such', async t => {
  const server = await startRedis(t)
  const { pool } = await poolOf(t, server.url)
  for (const whenExhausted of ['fail', 'pass'] as const) {
    const health = healthOf(t, { client: pool, whenExhausted })
    t.equal(await status(health), 'working')
    await server.stop()
    for (let probe = 0; probe < 3; probe++) t.equal(await status(health), 'unavailable: connection refused')
    t.ok(pool.tasksQueueLength <= 1, 'at most one request waits in the pool')
    await server.start()
    t.equal(await status(health), 'working')
  }
})

test('`whenExhausted` needs a pool that can be exhausted', async t => {
  const server = await startRedis(t)
  const faults = async (options: RedisOptions) => {
    const found = await healthOf(t, options).systemChecks()
    return found.filter(({ level }) => level === 'error').map(({ id, message }) => `${id} ${message}`)
  }
  const { pool } = await poolOf(t, server.url)
  t.same(await faults({ client: pool, whenExhausted: 'warn' }), [])
  t.same(await faults({ client: ioredisOf(t, server.url), whenExhausted: 'fail' }), [])
  t.same(await faults({ client: ioredisOf(t, server.url), whenExhausted: 'warn' }), ["E007 `whenExhausted` is 'warn', and the client does not show the options of its pool"])
  t.same(await faults({ url: server.url, whenExhausted: 'fail' }), ['E007 both `url` and `whenExhausted` are given'])
  t.same(await faults({ whenExhausted: 'pass' }), ['E007 app.redis is not there'])
})

test('Redis that takes no more clients says so, over each client', async t => {
  const server = await startRedis(t)
  const admin = ioredisOf(t, server.url)
  const { pool } = await poolOf(t, server.url)
  const clients = {
    ioredis: ioredisOf(t, server.url),
    'ioredis without a ready check': new Redis(server.url, { enableReadyCheck: false, retryStrategy: () => 20 }),
    'node-redis 4': await nodeRedisOf(t, createClient4, server.url),
    'node-redis 5': await nodeRedisOf(t, createClient5, server.url),
    'a pool of node-redis 5': pool,
  }
  clients['ioredis without a ready check'].on('error', () => {})
  t.teardown(() => clients['ioredis without a ready check'].disconnect())
  const healths = [...Object.values(clients).map(client => healthOf(t, { client })), healthOf(t, { url: server.url })]
  const asCaches = Object.values(clients).map(client => {
    const health = createHealth({ timeout: ample, subsets: { readiness: [[CacheCheck, { cache: client as never }]] } }, { log })
    t.teardown(async () => await health.close())
    return health
  })
  for (const health of [...healths, ...asCaches]) t.equal(await status(health), 'working')
  await admin.config('SET', 'maxclients', '1')
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  for (let probe = 0; probe < 2; probe++) for (const health of [...healths, ...asCaches]) t.equal(await status(health), 'unavailable: too many connections')
  await admin.config('SET', 'maxclients', '1000')
  for (const health of [...healths, ...asCaches]) await until(async () => await status(health) === 'working')
})

test('a client of node-redis that is not connected', async t => {
  const { url } = await startRedis(t)
  const closed = createClient5({ url })
  t.equal(await status(healthOf(t, { client: closed })), 'unavailable: client is closed', 'nobody has connected it, or it was closed')
  t.notOk(closed.isOpen)

  const waiting = createClient5({ url: `redis://127.0.0.1:${await freePort()}`, socket: { reconnectStrategy: 60_000 } })
  waiting.on('error', () => {})
  waiting.connect().catch(() => {})
  t.teardown(() => waiting.destroy())
  await until(() => !waiting.isReady)
  const health = healthOf(t, { client: waiting })
  t.equal(await status(health), 'unavailable: connection refused')
  t.equal(await status(health, short), 'unavailable: client is not connected', 'it does not try for a minute')
})
