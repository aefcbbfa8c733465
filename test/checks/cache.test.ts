import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import fastifyCaching from '@fastify/caching'
import fastifyRedis from '@fastify/redis'
import KeyvRedis from '@keyv/redis'
import { createCache } from 'cache-manager'
import Fastify, { type FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import { Keyv } from 'keyv'
import { createClientPool } from 'redis-5'
import { test, type Test } from 'tap'
import { createHealth } from '../../lib/index.js'
import CacheCheck, { type CacheLike, type CacheOptions } from '../../lib/checks/cache.js'
import { systemClock, type Clock } from '../../lib/time/clock.js'
import { startRedis } from '../helpers/redis.js'
import { skippingClock } from '../helpers/skipping-clock.js'

const { log } = Fastify()
// It comes with @fastify/caching, and without types.
const abstractCache = createRequire(createRequire(import.meta.url).resolve('@fastify/caching'))('abstract-cache')

function healthOf (t: Test, options: CacheOptions & { timeout?: number } = {}, app: FastifyInstance = Fastify(), clock: Clock = systemClock) {
  const health = createHealth({ subsets: { integrations: [[CacheCheck, { ...options }]] } }, { app, log, clock })
  t.teardown(async () => await health.close())
  return {
    async result () { return (await health.run('integrations')).results[0]! },
    async status () { return (await health.run('integrations')).results[0]!.status },
    async faults () { return (await health.systemChecks()).map(({ id, message, hint }) => `${id} ${message} ${hint}`) },
  }
}

/** A Keyv over Redis, closed after the test. */
function keyvOver (t: Test, url: string): Keyv {
  const store = new KeyvRedis({ url, socket: { reconnectStrategy: () => 50 } })
  // By force: one that waits for its server would not end.
  t.teardown(async () => await store.disconnect(true))
  return new Keyv({ store })
}

function redisOver (t: Test, url: string): Redis {
  const redis = new Redis(url)
  t.teardown(() => redis.disconnect())
  return redis
}

async function withCaching (t: Test): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(async () => await app.close())
  await app.register(fastifyCaching)
  return app
}

test('a pool of node-redis that is exhausted is what `whenExhausted` says', async t => {
  const { url } = await startRedis(t)
  const pool = createClientPool({ url }, { maximum: 1 })
  pool.on('error', () => {})
  await pool.connect()
  t.teardown(() => pool.destroy())
  const over = (whenExhausted: 'fail' | 'warn' | 'pass') => healthOf(t, { cache: pool, whenExhausted, timeout: 1000 })
  const [fail, warn, pass] = [over('fail'), over('warn'), over('pass')]
  for (const { status } of [fail, warn, pass]) t.equal(await status(), 'working')
  let release!: () => void
  const holding = pool.execute(async () => await new Promise<void>(resolve => { release = resolve }))
  for (let probe = 0; probe < 2; probe++) {
    t.equal(await fail.status(), 'unavailable: connection pool exhausted')
    t.equal(await warn.status(), 'warning: connection pool exhausted; the database answers')
    t.equal(await pass.status(), 'working')
  }
  release()
  await holding
  t.equal(await fail.status(), 'working')
  t.equal(await pool.dbSize(), 0)
  t.same(await pass.faults(), [])
  t.match(await healthOf(t, { cache: new Map(), whenExhausted: 'warn' }).faults(), [/^E007 .*`whenExhausted` is 'warn', and the client does not show the options of its pool Give the check a pool of node-redis itself/])
})

test('caches in memory', async t => {
  await t.test('that keep what is set are healthy, and left as they were', async t => {
    const map = new Map<string, string>()
    const keyv = new Keyv({ store: map })
    t.equal(await healthOf(t, { cache: keyv }).status(), 'working', 'Keyv')
    t.equal(await healthOf(t, { cache: createCache({ stores: [keyv] }) }).status(), 'working', 'cache-manager')
    t.equal(await healthOf(t, { cache: createCache({ stores: [keyv], nonBlocking: true }) }).status(), 'working', 'cache-manager that does not wait for its stores')
    t.equal(await healthOf(t, { cache: map }).status(), 'working', 'a Map')
    t.equal(map.size, 0)

    const app = await withCaching(t)
    t.equal(await healthOf(t, {}, app).status(), 'working', '@fastify/caching')
    t.equal((app.cache as unknown as { _cache: Map<string, unknown> })._cache.size, 0)
    for (const useAwait of [true, false]) {
      t.equal(await healthOf(t, { cache: abstractCache({ useAwait }) }).status(), 'working', `abstract-cache with useAwait: ${useAwait}`)
    }
    const tagged = {
      set: async (key: string, value: string, _expiry: number, _tags: unknown) => { map.set(key, value) },
      get: async (key: string) => map.get(key),
      delete: async (key: string) => map.delete(key),
    }
    t.equal(await healthOf(t, { cache: tagged }).status(), 'working', 'one with promises whose `set` takes more than is asked of it')
    t.equal(await healthOf(t, { cache: { ...tagged, get: async () => { throw Object.assign(new Error(), { code: 'ECONNREFUSED' }) } } }).status(), 'unavailable: connection refused')
    t.equal(map.size, 0)
  })

  await t.test('are asked for a time that is short, in milliseconds', async t => {
    const asked: Array<{ key: string, expiry: unknown }> = []
    const remember = (key: string, expiry: unknown) => { asked.push({ key, expiry }) }
    const keyv = new Keyv()
    keyv.hooks.addHandler('preSet', ({ key, ttl }: { key: string, ttl: number }) => remember(key, ttl))
    const { cache } = await withCaching(t)
    const watched = {
      get: (key: string, done: () => void) => cache.get(key, done),
      set: (key: string, value: string, expiry: number, done: () => void) => {
        remember(key, expiry)
        cache.set(key, value, expiry, done)
      },
    }
    for (const cache of [keyv, createCache({ stores: [keyv] }), watched]) t.equal(await healthOf(t, { cache, timeout: 1000 }).status(), 'working')
    t.same(asked.map(({ expiry }) => expiry), [6000, 6000, 6000], 'longer than the run may take')
    t.equal(new Set(asked.map(({ key }) => key)).size, 3, 'and each time under a key of its own')
    t.ok(asked.every(({ key }) => /^healthcheck:[0-9a-f-]{36}$/.test(key)))
    const [, , { key } = { key: '' }] = asked
    cache.get<string>(key, (_error, found) => t.ok(found !== null && found.ttl <= 6000 && found.ttl > 4000, 'what cannot be deleted expires'))
  })

  await t.test('that forget or alter what is set are told so', async t => {
    const set = async () => {}
    t.equal(await healthOf(t, { cache: { set, get: async () => undefined } }).status(), 'unexpected result: a value that was set is not there')
    t.equal(await healthOf(t, { cache: { set, get: async () => null } }).status(), 'unexpected result: a value that was set is not there')
    t.equal(await healthOf(t, { cache: { set, get: async () => 'another' } }).status(), 'unexpected result: the value read is not the value set')
    t.equal(await healthOf(t, { cache: { set, get: async () => ({ item: 'another' }) } }).status(), 'unexpected result: the value read is not the value set')
    t.equal(await healthOf(t, { cache: abstractCache({ driver: { options: { maxItems: 0 } }, client: { get: (_key: string, done: (error: null, found: null) => void) => done(null, null), set: (_key: string, _value: string, _ttl: number, done: (error: null) => void) => done(null) } }) }).status(), 'unexpected result: a value that was set is not there')
  })

  await t.test('that throw are told in known words, or as unknown; the key goes all the same', async t => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:11211'), { code: 'ECONNREFUSED' })
    const map = new Map<string, unknown>()
    const failing = (error: Error) => ({
      set: async (key: string, value: string) => { map.set(key, value) },
      get: async () => { throw error },
      delete: async (key: string) => map.delete(key),
    })
    t.equal(await healthOf(t, { cache: failing(refused) }).status(), 'unavailable: connection refused')
    t.equal(await healthOf(t, { cache: failing(new Error('memcached://user:secret@10.0.0.1 is odd')) }).status(), 'unknown error')
    t.equal(map.size, 0)
    const failingBack = {
      set: (_key: string, _value: string, _expiry: number, done: (error: unknown) => void) => done(refused),
      get: (_key: string, done: (error: unknown) => void) => done(refused),
    }
    t.equal(await healthOf(t, { cache: failingBack }).status(), 'unavailable: connection refused', 'through a callback')
  })

  await t.test('that only emit their errors are heard, and no listener stays', async t => {
    class Emitting extends EventEmitter {
      readonly error: unknown
      constructor (error: unknown) {
        super()
        this.error = error
      }

      async set () { this.emit('error', this.error) }
      async get () {}
    }
    for (const [error, status] of [[Object.assign(new Error(), { code: 'ECONNRESET' }), 'unavailable: connection lost'], ['odd', 'unknown error']] as const) {
      const cache = new Emitting(error)
      t.equal(await healthOf(t, { cache }).status(), status)
      t.equal(cache.listenerCount('error'), 0)
    }
  })

  await t.test('of which a tier is broken that another one hides are not healthy', async t => {
    let isBroken = true
    const work = async () => { if (isBroken) throw new Error('odd') }
    const store = new Keyv({ store: { get: work, set: work, delete: async () => true, clear: async () => {} } })
    const health = healthOf(t, { cache: createCache({ stores: [new Keyv(), store] }) })
    for (let probe = 0; probe < 2; probe++) t.equal(await health.status(), 'unknown error')
    isBroken = false
    t.equal(await health.status(), 'working')
  })

  await t.test('are named by their decorator, or by what they are', async t => {
    const app = await withCaching(t)
    app.decorate('sessions', new Keyv())
    const bare = Object.assign(Object.create(null), { set: async () => {}, get: async () => {} })
    for (const [cache, name] of [[undefined, 'cache'], ['sessions', 'sessions'], [new Keyv(), 'Keyv'], [createCache(), 'cache-manager'], [new Map(), 'Map'], [{ set () {}, get () {} }, 'custom'], [bare, 'custom']] as const) {
      t.equal((await healthOf(t, cache === undefined ? {} : { cache }, app).result()).identifier, `Cache backend: ${name}`)
    }
  })

  await t.test('are found by a path, by a function of the app, or given as a client', async t => {
    const app = Fastify().decorate('stores', { sessions: new Map() } as never)
    const { stores } = app as unknown as { stores: { sessions: Map<string, string> } }
    function sessions () { return stores.sessions }
    for (const [options, name] of [[{ cache: 'stores.sessions' }, 'stores.sessions'], [{ cache: sessions }, 'sessions'], [{ client: stores.sessions }, 'Map'], [{ client: async () => stores.sessions }, 'client']] as const) {
      t.match(await healthOf(t, options as CacheOptions, app).result(), { status: 'working', identifier: `Cache backend: ${name}` })
    }
    t.equal((await healthOf(t, { cache: (() => () => stores.sessions)() }, app).result()).identifier, 'Cache backend: custom')
    t.equal(await healthOf(t, { cache: () => 5 as never }, app).status(), 'unknown error: E007 what `cache` returned for the app is a number, and not a cache with `get` and `set`')
  })

  await t.test('that cannot be are told at boot', async t => {
    const app = Fastify().decorate('number', 3)
    const faults = async (options: object) => await healthOf(t, options, app).faults()
    t.match(await faults({}), [/^E007 app\.cache is not there Decorate it: app\.decorate\('cache'/])
    t.match(await faults({ cache: 'number' }), [/^E007 app\.number is a number, and not a cache with `get` and `set`/])
    for (const cache of ['', 3, null, {}, { get () {} }]) t.match(await faults({ cache }), [/^E008 .*'cache' is .*the name of a decorator, a function of the app, or a cache with `get` and `set`/])
    t.match(await faults({ cache: 'one', client: 'other' }), [/^E007 both `cache` and `client` are given/])
    t.same(await healthOf(t, { cache: new Map() }).faults(), [])
    t.same(await healthOf(t, {}, await withCaching(t)).faults(), [])
  })

  await t.test('that never answer are not asked again and again, and are asked anew after a while', async t => {
    let asked = 0
    let answers = false
    const cache = {
      async set () { asked++; if (!answers) await new Promise(() => {}) },
      async get () {},
    }
    const clock = skippingClock()
    const health = healthOf(t, { cache, timeout: 20 }, Fastify(), clock)
    for (let probe = 0; probe < 5; probe++) t.equal(await health.status(), 'unavailable: timed out after 20 ms')
    t.equal(asked, 1)
    clock.skip(31_000)
    answers = true
    t.equal(await health.status(), 'unexpected result: a value that was set is not there')
    t.equal(asked, 2)
  })
})

test('caches over Redis', async t => {
  const redis = await startRedis(t)
  const client = redisOver(t, redis.url)
  const ask = async (command: string, ...args: string[]) => await client.call(command, ...args)
  /** How many keys expire within 7 s; there must be no others, and there are none afterwards. */
  const expiring = async () => {
    const keys = await ask('KEYS', '*') as string[]
    const left = await Promise.all(keys.map(async key => Number(await ask('PTTL', key))))
    t.same(left.filter(ms => ms <= 0 || ms > 7000), [])
    await ask('FLUSHALL')
    return keys.length
  }
  const setsSeen = async () => Number(/cmdstat_set:calls=(\d+)/.exec(String(await ask('INFO', 'commandstats')))?.[1] ?? 0)
  const app = Fastify()
  t.teardown(async () => await app.close())
  await app.register(fastifyRedis, { url: redis.url })

  const caches = (t: Test): Record<string, CacheLike | 'redis'> => ({
    Keyv: keyvOver(t, redis.url),
    'cache-manager': createCache({ stores: [keyvOver(t, redis.url)] }),
    '@fastify/redis': 'redis',
  })

  await t.test('are healthy, and no key is left', async t => {
    for (const [name, cache] of Object.entries(caches(t))) t.equal(await healthOf(t, { cache }, app).status(), 'working', name)
    t.same(await ask('KEYS', '*'), [])
  })

  await t.test('let the key expire soon, should it not be deleted', async t => {
    await ask('ACL', 'SETUSER', 'default', '-del', '-unlink')
    const refused = /^(working|unavailable: permission denied)$/
    for (const [name, cache] of Object.entries(caches(t))) t.match(await healthOf(t, { cache, timeout: 2000 }, app).status(), refused, name)
    await ask('ACL', 'SETUSER', 'default', '+del', '+unlink')
    t.equal(await expiring(), 3)
  })

  await t.test('are shared by pods that never fail each other', async t => {
    const pods = Array.from({ length: 20 }, () => healthOf(t, { cache: keyvOver(t, redis.url) }))
    for (let round = 0; round < 5; round++) {
      t.same(await Promise.all(pods.map(async pod => await pod.status())), pods.map(() => 'working'))
    }
    t.same(await ask('KEYS', '*'), [])
  })

  await t.test('say what their store says: no memory, a wrong password', async t => {
    await ask('CONFIG', 'SET', 'maxmemory', '1')
    for (const [name, cache] of Object.entries(caches(t))) t.equal(await healthOf(t, { cache }, app).status(), 'unavailable: out of memory', name)
    await ask('CONFIG', 'SET', 'maxmemory', '0')

    const full = keyvOver(t, redis.url)
    t.equal(await healthOf(t, { cache: full }, app).status(), 'working')
    await ask('CONFIG', 'SET', 'maxclients', '1')
    await ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    t.equal(await healthOf(t, { cache: full }, app).status(), 'unavailable: too many connections')
    t.equal(await healthOf(t, { cache: createCache({ stores: [full] }) }, app).status(), 'unavailable: too many connections')
    await ask('CONFIG', 'SET', 'maxclients', '10000')

    const guarded = await startRedis(t, { password: 'secret' })
    const url = Object.assign(new URL(guarded.url), { password: 'wrong' }).href
    t.equal(await healthOf(t, { cache: keyvOver(t, url) }).status(), 'unavailable: authentication failed')
  })

  await t.test('that are refused are unavailable, even behind a cache in memory, and healthy once they are back', async t => {
    const keyv = keyvOver(t, redis.url)
    const tiered = createCache({ stores: [new Keyv(), keyvOver(t, redis.url)] })
    const healths = [keyv, tiered].map(cache => healthOf(t, { cache, timeout: 2000 }))
    for (const health of healths) t.equal(await health.status(), 'working')
    await redis.stop()
    for (const health of healths) {
      t.match(await health.status(), /^unavailable: connection (lost|refused)$/)
      t.equal(await health.status(), 'unavailable: connection refused')
    }
    for (let probe = 0; probe < 10; probe++) t.equal(await healths[0]!.status(), 'unavailable: connection refused')
    await redis.start()
    for (const health of healths) t.equal(await health.status(), 'working')
    t.ok(await setsSeen() <= 4, 'nothing piled up in the queues of the clients')
    t.ok(await expiring() <= 2, 'and what was there expires')
    t.equal(keyv.listeners('error').length, 0)
  })

  await t.test('that the app closes while they hang stay closed', async t => {
    const guarded = await startRedis(t, { password: 'secret' })
    const store = new KeyvRedis({ url: redis.url.replace(/:\d+$/, `:${guarded.port}`), socket: { reconnectStrategy: () => 50 } })
    const health = healthOf(t, { cache: new Keyv({ store }), timeout: 200 })
    guarded.freeze()
    t.equal(await health.status(), 'unavailable: timed out after 200 ms')
    await store.disconnect(true)
    await setTimeout(100)
    t.notOk(store.client.isOpen)
  })

  await t.test('that are frozen are unavailable in time, and healthy once they are thawed', async t => {
    const health = healthOf(t, { cache: keyvOver(t, redis.url), timeout: 200 })
    t.equal(await health.status(), 'working')
    const before = await setsSeen()
    redis.freeze()
    for (let probe = 0; probe < 5; probe++) {
      const begun = performance.now()
      t.equal(await health.status(), 'unavailable: timed out after 200 ms')
      t.ok(performance.now() - begun < 400)
    }
    redis.thaw()
    t.equal(await health.status(), 'working')
    t.ok(await setsSeen() - before <= 2, 'one of the frozen time, and one now')
    t.equal(await expiring(), 1, 'that of the frozen time expires')
  })
})
