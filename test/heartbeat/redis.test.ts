import { once } from 'node:events'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { Cluster, Redis } from 'ioredis'
import { test, type Test } from 'tap'
import { startRedisHeartbeat } from '../../lib/heartbeat/index.js'
import { countWorkers } from '../../lib/heartbeat/roster.js'
import { eventually, openHandles, until } from '../helpers/leaks.js'
import { program } from '../helpers/debian.js'
import { startRedis } from '../helpers/redis.js'
import { exchange, freePort, launch } from '../helpers/server.js'

function connect (t: Test, url: string, options: { keyPrefix?: string, maxRetriesPerRequest?: number, retryStrategy?: () => number } = {}) {
  const client = new Redis(url, options)
  client.on('error', () => {})
  t.after(() => client.disconnect())
  return client
}

const counted = async (redis: Redis | Cluster, cluster: string, host?: string) => Object.fromEntries(await countWorkers(redis, cluster, host))

test('a worker shows in its cluster and on its host for as long as it lives', async t => {
  const redis = connect(t, (await startRedis(t)).url)
  t.same(await counted(redis, 'mail'), {})
  const one = startRedisHeartbeat({ redis, cluster: 'mail' })
  const two = startRedisHeartbeat({ redis, cluster: 'mail', host: 'elsewhere' })
  await Promise.all([one.beat(), two.beat()])
  t.same(await counted(redis, 'mail'), { Working: 2 })
  t.same(await counted(redis, 'mail', hostname()), { Working: 1 })
  t.same(await counted(redis, 'mail', 'elsewhere'), { Working: 1 })
  t.same(await counted(redis, 'mail', 'nowhere'), {})
  t.same(await counted(redis, 'other'), {})
  await Promise.all([one.stop(), one.stop()])
  t.same(await counted(redis, 'mail'), { Working: 1 }, 'a stop takes it out at once')
  t.same(await counted(redis, 'mail', hostname()), {})
  await one.beat()
  t.same(await counted(redis, 'mail'), { Working: 1 }, 'and it stays out')
  await two.stop()
})

test('it beats every interval, and outlives its ttl by that', async t => {
  const redis = connect(t, (await startRedis(t)).url)
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail', interval: 30, ttl: 150 })
  await heartbeat.beat()
  for (let i = 0; i < 20; i++) {
    await sleep(25)
    t.same(await counted(redis, 'mail'), { Working: 1 })
  }
  await heartbeat.stop()
})

test('a dead worker is out after its ttl, and nothing of it stays in Redis', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  const dying = connect(t, server.url)
  const heartbeat = startRedisHeartbeat({ redis: dying, cluster: 'mail', interval: 50, ttl: 400, onError: () => {} })
  await heartbeat.beat()
  t.equal(await redis.dbsize(), 4)
  dying.disconnect()
  t.same(await counted(redis, 'mail'), { Working: 1 })
  await sleep(450)
  t.same(await counted(redis, 'mail'), {})
  await until(async () => await redis.dbsize() === 0)
  await heartbeat.stop()
})

test('the entries of the dead are trimmed by those who live', async t => {
  const redis = connect(t, (await startRedis(t)).url)
  const dead = startRedisHeartbeat({ redis, cluster: 'mail', interval: false, ttl: 50 })
  const living = startRedisHeartbeat({ redis, cluster: 'mail', interval: 20, ttl: 5000 })
  await Promise.all([dead.beat(), living.beat()])
  const entries = 'fastify-health:{mail}:workers:Working'
  await until(async () => await redis.zcard(entries) === 1)
  t.ok(await redis.pttl(entries) > 4000, 'the shorter ttl does not take the living ones away')
  t.same(await counted(redis, 'mail'), { Working: 1 })
  await Promise.all([dead.stop(), living.stop()])
})

test('clocks of hosts may differ: moments are of Redis', async t => {
  const redis = connect(t, (await startRedis(t)).url)
  const { now } = Date
  t.after(() => { Date.now = now })
  Date.now = () => now() + 86_400_000
  const ahead = startRedisHeartbeat({ redis, cluster: 'mail' })
  await ahead.beat()
  Date.now = () => now() - 86_400_000
  const behind = startRedisHeartbeat({ redis, cluster: 'mail' })
  await behind.beat()
  t.same(await counted(redis, 'mail'), { Working: 2 })
  await Promise.all([ahead.stop(), behind.stop()])
})

test('a worker has one status at a time', async t => {
  const redis = connect(t, (await startRedis(t)).url)
  let status = 'Starting'
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail', status: () => status })
  const other = startRedisHeartbeat({ redis, cluster: 'mail', status: 'Idle' })
  await Promise.all([heartbeat.beat(), other.beat()])
  t.same(await counted(redis, 'mail'), { Starting: 1, Idle: 1 })
  for (status of ['Working', 'Stopping', 'Idle']) {
    await heartbeat.beat()
    t.same(await counted(redis, 'mail'), status === 'Idle' ? { Idle: 2 } : { [status]: 1, Idle: 1 })
    t.same(await counted(redis, 'mail', hostname()), status === 'Idle' ? { Idle: 2 } : { [status]: 1, Idle: 1 })
  }
  await heartbeat.stop()
  t.same(await counted(redis, 'mail'), { Idle: 1 })
  await other.stop()
})

test('a status function that gives no text fails that beat', async t => {
  const redis = connect(t, (await startRedis(t)).url)
  const failures: unknown[] = []
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail', status: () => '', onError: error => failures.push(error) })
  await heartbeat.beat()
  t.match(failures, [{ name: 'TypeError', message: 'The status of a worker must be a non-empty string.' }])
  t.same(await counted(redis, 'mail'), {})
  await heartbeat.stop()
})

test('a failure is a warning of the process that names its kind, unless told otherwise', async t => {
  const redis = connect(t, (await startRedis(t)).url)
  const warned = once(process, 'warning')
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail', status: () => '' })
  const [warning] = await warned
  t.equal(warning.message, 'The heartbeat cannot be written: TypeError')
  await heartbeat.stop()
})

test('names that hold separators stay apart', async t => {
  const redis = connect(t, (await startRedis(t)).url)
  const heartbeats = [
    startRedisHeartbeat({ redis, cluster: 'a', host: 'b', status: 'c:d' }),
    startRedisHeartbeat({ redis, cluster: 'a', host: 'b:c', status: 'd' }),
  ]
  await Promise.all(heartbeats.map(async heartbeat => await heartbeat.beat()))
  t.same(await counted(redis, 'a', 'b'), { 'c:d': 1 })
  t.same(await counted(redis, 'a', 'b:c'), { d: 1 })
  await Promise.all(heartbeats.map(async heartbeat => await heartbeat.stop()))
})

test('a client with a key prefix writes and counts under it', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url, { keyPrefix: 'app:' })
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail' })
  await heartbeat.beat()
  t.same(await counted(redis, 'mail'), { Working: 1 })
  t.same(await counted(connect(t, server.url), 'mail'), {})
  await heartbeat.stop()
})

test('it works on a Redis Cluster, since all keys of a cluster are in one slot', async t => {
  const port = await freePort()
  await launch(t, 'Redis', () => ({
    command: program('redis-server'),
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'],
    answers: async () => await exchange(port, 'PING\r\n', '+PONG'),
  }), { port })
  const node = connect(t, `redis://127.0.0.1:${port}`)
  await node.cluster('ADDSLOTSRANGE', 0, 16383)
  await until(async () => (await node.cluster('INFO')).includes('cluster_state:ok'))
  const redis = new Cluster([{ host: '127.0.0.1', port }])
  t.after(() => redis.disconnect())
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail', onError: error => t.error(error) })
  await heartbeat.beat()
  t.same(await counted(redis, 'mail'), { Working: 1 })
  t.same(await counted(redis, 'mail', hostname()), { Working: 1 })
  await heartbeat.stop()
  t.same(await counted(redis, 'mail'), {})
})

test('without an interval only the worker\'s own beats count', async t => {
  const redis = connect(t, (await startRedis(t)).url)
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail', interval: false, ttl: 100 })
  await heartbeat.beat()
  t.same(await counted(redis, 'mail'), { Working: 1 })
  await sleep(150)
  t.same(await counted(redis, 'mail'), {})
  await heartbeat.beat()
  t.same(await counted(redis, 'mail'), { Working: 1 })
  await heartbeat.stop()
})

test('a blocked event loop stops the beat', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail', interval: 20, ttl: 200 })
  await heartbeat.beat()
  const end = performance.now() + 300
  while (performance.now() < end);
  t.same(await counted(redis, 'mail'), {})
  await eventually(async () => t.same(await counted(redis, 'mail'), { Working: 1 }))
  await heartbeat.stop()
})

test('Redis may go and come back: told once, and the worker shows again', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url, { maxRetriesPerRequest: 0, retryStrategy: () => 20 })
  const failures: unknown[] = []
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail', interval: 20, ttl: 500, onError: error => failures.push(error) })
  await heartbeat.beat()
  await server.stop()
  await until(() => failures.length > 0)
  await sleep(200)
  t.equal(failures.length, 1)
  await server.start()
  await until(async () => redis.status === 'ready' && (await countWorkers(redis, 'mail')).get('Working') === 1)
  await heartbeat.stop()
})

test('while Redis is frozen no beats pile up, and a stop waits no longer than the ttl', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail', interval: 5, ttl: 200 })
  await heartbeat.beat()
  server.freeze()
  await sleep(100)
  const waiting = (redis as unknown as { commandQueue: { length: number } }).commandQueue.length
  t.equal(waiting, 1)
  const before = openHandles()['Timeout'] ?? 0
  const start = performance.now()
  await heartbeat.stop()
  const took = performance.now() - start
  t.ok(took >= 190 && took < 400, `took ${took} ms`)
  t.ok((openHandles()['Timeout'] ?? 0) <= before)
  server.thaw()
  await until(async () => await redis.dbsize() === 0)
})

test('a stop at once, even before the first beat arrived, leaves nothing', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  await startRedisHeartbeat({ redis, cluster: 'mail' }).stop()
  t.same(await counted(redis, 'mail'), {})
})

test('the client stays the caller\'s', async t => {
  const redis = connect(t, (await startRedis(t)).url)
  await once(redis, 'ready')
  const listeners = redis.eventNames().map(name => redis.listenerCount(name))
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail' })
  await heartbeat.beat()
  await heartbeat.stop()
  t.same(redis.eventNames().map(name => redis.listenerCount(name)), listeners)
  t.equal(await redis.ping(), 'PONG')
})

test('options that cannot be used are an error that names each of them', t => {
  const redis = { eval: async () => {} }
  const start = (options: object) => () => startRedisHeartbeat(options as { redis: typeof redis, cluster: string })
  const code = 'FST_HEALTH_INVALID_CONFIGURATION'
  t.throws(start({}), { code, message: /'redis' is missing[^]*'cluster' is missing/ })
  t.throws(start({ redis: {}, cluster: 'a{b}', host: '', status: '', ttl: 0 }), { code, message: /'redis' is[^]*'cluster' is[^]*'host' is[^]*'status' is[^]*'ttl' is/ })
  t.throws(start({ redis: null, cluster: 'a', status: 5 }), { code })
  t.throws(start({ redis: createClient(), cluster: 'a' }), { code, message: /'redis' is .* It must be an ioredis client/ }, 'node-redis')
  t.throws(start({ redis, cluster: 'a', interval: 3000 }), { code, message: /'interval' is 3000 and 'ttl' 3000/ })
  t.doesNotThrow(start({ redis, cluster: 'a', interval: false }))
  t.end()
})

test('counting costs the same with 10 workers and with 100,000', async t => {
  const redis = connect(t, (await startRedis(t)).url)
  await redis.eval(`
    local time = redis.call('TIME')
    local expiry = time[1] * 1000 + 600000
    for _, size in ipairs({ 10, 100000 }) do
      local index = 'fastify-health:{' .. size .. '}:workers'
      redis.call('ZADD', index, expiry, 'Working')
      for i = 1, size do redis.call('ZADD', index .. ':Working', expiry, 'worker-' .. i) end
    end`, 0)
  t.same(await counted(redis, '10'), { Working: 10 })
  t.same(await counted(redis, '100000'), { Working: 100_000 })
  const spent: Record<string, number> = { 10: Infinity, 100000: Infinity }
  for (let round = 0; round < 10; round++) {
    for (const cluster of Object.keys(spent)) {
      await redis.config('RESETSTAT')
      for (let i = 0; i < 200; i++) await countWorkers(redis, cluster)
      const stats = await redis.info('commandstats')
      t.notMatch(stats, /cmdstat_(keys|scan|zscan)/)
      const usec = Number(/cmdstat_eval:.*usec=(\d+)/.exec(stats)?.[1])
      spent[cluster] = Math.min(spent[cluster] as number, usec)
    }
  }
  const ratio = (spent['100000'] as number) / (spent['10'] as number)
  t.comment(`Redis's own time for 200 counts: ${JSON.stringify(spent)} µs`)
  t.ok(ratio < 1.5, `ratio ${ratio.toFixed(2)}`)
})
