import { createHash, createHmac } from 'node:crypto'
import { hostname } from 'node:os'
import { deflateSync } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import { test, type Test } from 'tap'
import { createHealth, type Entry } from '../../lib/index.js'
import DjangoQCheck, { DjangoQClusterCheck, DjangoQLocalCheck } from '../../lib/checks/django-q.js'
import { lineLogger } from '../../lib/engine/logger.js'
import { systemClock, type Clock } from '../../lib/time/clock.js'
import { startDjangoQ } from '../helpers/django-q.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startRedis } from '../helpers/redis.js'
import { startRelay } from '../helpers/relay.js'
import { skippingClock } from '../helpers/skipping-clock.js'

const cluster = 'demo'
const secretKey = 'a secret of Django'
const both = [DjangoQClusterCheck, DjangoQLocalCheck] as const

/** A registry with one check in it, and how that check's status is asked. */
function registry (t: Test, entry: Entry, { app, timeout = 2000, clock = systemClock }: { app?: object, timeout?: number, clock?: Clock } = {}) {
  const health = createHealth({ subsets: { s: [entry] }, timeout }, { clock, log: lineLogger(() => {}), ...(app === undefined ? {} : { app: app as FastifyInstance }) })
  t.after(async () => await health.close())
  return {
    health,
    faults: async () => (await health.systemChecks()).map(({ id, message }) => `${id} ${message}`).join('\n'),
    status: async () => (await health.run('s')).results[0]?.status,
  }
}

function connect (t: Test, url: string, options: { keyPrefix?: string } = {}) {
  const client = new Redis(url, options)
  client.on('error', () => {})
  t.after(() => client.disconnect())
  return client
}

const sign = (signed: string, key = secretKey, salt = cluster) =>
  `${signed}:${createHmac('sha256', createHash('sha256').update(`${salt}signer${key}`).digest()).update(signed).digest('base64url')}`

const seal = (pickle: Uint8Array, options: { compress?: boolean, key?: string, salt?: string } = {}) => {
  const payload = options.compress ? `.${deflateSync(pickle).toString('base64url')}` : Buffer.from(pickle).toString('base64url')
  return sign(`${payload}:1xV2nL`, options.key, options.salt)
}

const text = (value: string) => `X${String.fromCharCode(Buffer.byteLength(value), 0, 0, 0)}${value}`
/** A pickle of an object with this state, which is itself pickled. */
const pickled = (state: string) => Buffer.from(`\x80\x02cdjango_q.status\nStat\n)\x81${state}b.`, 'latin1')
const stat = (status: string, host = hostname()) => pickled(`}(${text('host')}${text(host)}${text('status')}${text(status)}u`)

let keys = 0
const put = async (redis: Redis, value: string | Buffer, name = cluster) => {
  const key = `django_q:${name}:cluster:${keys++}`
  await redis.set(key, value)
  return key
}

const unsigned = `unexpected result: a stat of cluster '${cluster}' is not signed with this secretKey`
const unreadable = `unexpected result: a stat of cluster '${cluster}' cannot be read`
const none = `unavailable: no stat of cluster '${cluster}'`

test('a real cluster: idle, at work, frozen, back, stopping, killed', async t => {
  const redis = await startRedis(t)
  const checks = both.map(Check => registry(t, [Check, { url: redis.url, cluster, secretKey }]))
  const statuses = async () => await Promise.all(checks.map(async ({ status }) => await status()))
  const gone = [none, `${none} on this host`]
  t.same(await statuses(), gone)

  const djangoQ = await startDjangoQ(t, { redis: redis.url, cluster, secretKey })
  t.same(await statuses(), ['working', 'working'])
  await djangoQ.send('time.sleep', 2)
  for (let i = 0; i < 10; i++) t.same(await statuses(), ['working', 'working'])

  djangoQ.freeze()
  await until(async () => (await statuses()).join() === gone.join(), { timeout: 4000 })
  djangoQ.thaw()
  await until(async () => (await statuses()).join() === 'working,working')

  const task = await djangoQ.send('time.sleep', 3)
  t.ok(task)
  await new Promise(resolve => setTimeout(resolve, 500))
  process.kill(djangoQ.pid, 'SIGTERM')
  const stopping = `unavailable: no healthy stat of cluster '${cluster}': 1 Stopping`
  await until(async () => (await statuses())[0] === stopping)
  t.equal((await statuses())[1], `unavailable: no healthy stat of cluster '${cluster}' on this host: 1 Stopping`)
  t.equal(await registry(t, [DjangoQClusterCheck, { url: redis.url, cluster, secretKey, unhealthyStatuses: ['Stopped'] }]).status(), 'working')
  await djangoQ.stop()
  await until(async () => (await statuses()).join() === gone.join())

  await djangoQ.start()
  t.same(await statuses(), ['working', 'working'], 'a new cluster has a new key')
  t.equal(await registry(t, [DjangoQClusterCheck, { url: redis.url, cluster, secretKey: 'wrong' }]).status(), `${unsigned}\n${none}`)
  t.equal(await registry(t, [DjangoQClusterCheck, { url: redis.url, cluster: 'other', secretKey }]).status(), "unavailable: no stat of cluster 'other'")
})

test('one healthy cluster is enough; where there is none, all that were found are told', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  const { status } = registry(t, [DjangoQCheck, { url: server.url, cluster, secretKey }])
  const local = registry(t, [DjangoQLocalCheck, { url: server.url, cluster, secretKey }])
  await put(redis, seal(stat('Stopping')))
  await put(redis, seal(stat('Stopping', 'elsewhere'), { compress: true }))
  await put(redis, seal(stat('Stopped')))
  t.equal(await status(), `unavailable: no healthy stat of cluster '${cluster}': 1 Stopped, 2 Stopping`)
  t.equal(await local.status(), `unavailable: no healthy stat of cluster '${cluster}' on this host: 1 Stopped, 1 Stopping`)
  const key = await put(redis, seal(stat('Idle', 'elsewhere')))
  t.equal(await status(), 'working')
  t.equal(await local.status(), `unavailable: no healthy stat of cluster '${cluster}' on this host: 1 Stopped, 1 Stopping`)
  await put(redis, seal(stat('Working')))
  t.equal(await local.status(), 'working')
  await redis.del(key)
  t.equal(await status(), 'working')
})

test('a value that is forged, truncated or foreign is reported', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  const good = seal(stat('Idle'), { compress: true })
  for (const value of [
    seal(stat('Idle'), { key: 'wrong' }),
    seal(stat('Idle'), { salt: 'other' }),
    good.slice(0, -1),
    good.slice(1),
    `${good}A`,
    `${good}=`,
    good.replace(':1xV2nL:', ':1xV2nM:'),
    `${good.slice(0, good.lastIndexOf(':'))}:`,
    ':',
    '',
    'foreign',
    Buffer.from([0xff, 0xfe, 0x3a, 0x80]),
  ]) {
    await redis.flushall()
    await put(redis, value)
    const { status } = registry(t, [DjangoQCheck, { url: server.url, cluster, secretKey }])
    t.equal(await status(), `${unsigned}\n${none}`, String(value))
    await put(redis, good)
    t.equal(await status(), unsigned, 'beside a healthy one, too')
    t.equal(await status(), unsigned, 'and by what is known from the last run')
  }
})

test('a key of another type is reported, and does not stand in the way', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  await redis.rpush(`django_q:${cluster}:cluster:list`, 'x')
  await put(redis, seal(stat('Idle')))
  const { status } = registry(t, [DjangoQCheck, { url: server.url, cluster, secretKey }])
  t.equal(await status(), unsigned)
  t.equal(await status(), unsigned)
  await redis.del(`django_q:${cluster}:cluster:list`)
  t.equal(await status(), 'working')
})

test('what is signed and no stat is reported', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  const state = (...items: string[]) => pickled(`}(${items.map(text).join('')}u`)
  for (const value of [
    seal(Buffer.from('no pickle')),
    seal(Buffer.alloc(0)),
    seal(stat('Idle').subarray(0, 40)),
    seal(Buffer.from('\x80\x02}.', 'latin1')),
    seal(Buffer.from('\x80\x02K\x01.', 'latin1')),
    seal(pickled('K\x01')),
    seal(state('host', 'x')),
    seal(state('status', 'Idle')),
    seal(pickled(`}(${text('host')}K\x01${text('status')}${text('Idle')}u`)),
    sign('.AAAA:1xV2nL'),
    // One that would be a stat, were it not blown up by two million opcodes that do nothing.
    seal(Buffer.concat([Buffer.from('N0'.repeat(1 << 20)), stat('Idle')]), { compress: true }),
  ]) {
    await redis.flushall()
    await put(redis, value)
    t.equal(await registry(t, [DjangoQCheck, { url: server.url, cluster, secretKey }]).status(), `${unreadable}\n${none}`)
  }
})

test('a pickle is never evaluated, not even one that is signed', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  const call = (module: string, name: string, argument: string) => `c${module}\n${name}\n(${text(argument)}tR`
  const evil = [
    call('os', 'system', 'touch /tmp/owned'),
    call('builtins', 'eval', 'process.exit(1)'),
    call('global', 'Function', 'process.exit(1)'),
    call('__main__', 'constructor', 'return process'),
  ]
  for (const part of evil) {
    await redis.flushall()
    await put(redis, seal(pickled(`}(${text('host')}${text(hostname())}${text('status')}${text('Idle')}${text('evil')}${part}${text('__proto__')}}${text('polluted')}K\x01su`)))
    t.equal(await registry(t, [DjangoQCheck, { url: server.url, cluster, secretKey }]).status(), 'working')
    await redis.flushall()
    await put(redis, seal(pickled(`}(${text('host')}${text(hostname())}${text('status')}${part}u`)))
    t.equal(await registry(t, [DjangoQCheck, { url: server.url, cluster, secretKey }]).status(), `${unreadable}\n${none}`)
  }
  t.notOk('polluted' in {})
})

test('the names of clusters are no patterns', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  await put(redis, seal(stat('Idle')))
  for (const name of ['*', 'd?mo', '[d]emo', 'dem\\o']) {
    const { status } = registry(t, [DjangoQCheck, { url: server.url, cluster: name, secretKey }])
    t.equal(await status(), `unavailable: no stat of cluster '${name}'`)
    const key = await put(redis, seal(stat('Idle'), { salt: name }), name)
    t.equal(await status(), 'working')
    await redis.del(key)
  }
})

test('among many keys it is found without KEYS, and then read by its name', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  await redis.eval("for i = 1, 50000 do redis.call('SET', 'other:' .. i, 'x') end", 0)
  const key = await put(redis, seal(stat('Idle')))
  const { status } = registry(t, [DjangoQCheck, { url: server.url, cluster, secretKey }])
  const commands = async () => {
    const stats = await redis.info('commandstats')
    await redis.config('RESETSTAT')
    const calls = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
    return { keys: calls('keys'), scan: calls('scan'), get: calls('get') }
  }
  await commands()
  t.equal(await status(), 'working')
  const first = await commands()
  t.equal(first.keys, 0)
  t.ok(first.scan >= 45 && first.scan <= 60, `${first.scan} pages`)
  t.equal(first.get, 1)
  for (let i = 0; i < 10; i++) t.equal(await status(), 'working')
  t.same(await commands(), { keys: 0, scan: 0, get: 10 })
  await redis.del(key)
  t.equal(await status(), none)
  t.ok((await commands()).scan >= 45, 'it looks for another one')
})

test('new stats are looked for once a minute while the known ones are healthy', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  await put(redis, seal(stat('Idle')))
  const clock = skippingClock()
  const { status } = registry(t, [DjangoQCheck, { url: server.url, cluster, secretKey }], { clock })
  t.equal(await status(), 'working')
  await put(redis, 'forged')
  t.equal(await status(), 'working')
  clock.skip(61_000)
  t.equal(await status(), unsigned)
})

test('a walk ends with the check\'s time', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  await redis.eval("for i = 1, 200000 do redis.call('SET', 'other:' .. i, 'x') end", 0)
  const relay = await startRelay(t, server.port)
  await relay.delay(20)
  const app = { redis: connect(t, `redis://127.0.0.1:${relay.port}`) }
  await until(() => app.redis.status === 'ready')
  const { status } = registry(t, [DjangoQCheck, { cluster, secretKey }], { app, timeout: 300 })
  t.equal(await status(), 'unavailable: timed out after 300 ms')
  await new Promise(resolve => setTimeout(resolve, 100))
  await redis.config('RESETSTAT')
  await new Promise(resolve => setTimeout(resolve, 300))
  t.notMatch(await redis.info('commandstats'), /cmdstat_scan/)
})

test('it asks over app.redis, with a key prefix too, its namespace, or a connection of its own', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  const prefixed = connect(t, server.url, { keyPrefix: 'app:' })
  await put(redis, seal(stat('Idle')))
  for (const Check of both) {
    t.equal(await registry(t, [Check, { cluster, secretKey }], { app: { redis } }).status(), 'working')
    const { status } = registry(t, [Check, { cluster, secretKey }], { app: { redis: prefixed } })
    t.same([await status(), await status()], ['working', 'working'])
    t.equal(await registry(t, [Check, { cluster, secretKey, namespace: 'jobs' }], { app: { redis: { jobs: redis } } }).status(), 'working')
    t.equal(await registry(t, [Check, { cluster, secretKey, url: server.url }]).status(), 'working')
    t.equal(await registry(t, [Check, { cluster, secretKey }], { app: {} }).faults(), 'E007 app.redis is not there')
    t.equal(await registry(t, [Check, { cluster, secretKey }], { app: { redis } }).faults(), '')
  }
})

test('Redis that is down, frozen or silent fails in time, and works on the next probe after it is back', async t => {
  const server = await startRedis(t)
  const relay = await startRelay(t, server.port)
  const redis = connect(t, server.url)
  await put(redis, seal(stat('Idle')))
  const { status } = registry(t, [DjangoQCheck, { url: `redis://127.0.0.1:${relay.port}`, cluster, secretKey }], { timeout: 300 })
  t.equal(await status(), 'working')
  for (const [fail, expected, mend] of [
    [async () => await relay.refuse(), /^unavailable: connection (refused|lost)$/, async () => await relay.pass()],
    [async () => await relay.silence(), 'unavailable: timed out after 300 ms', async () => await relay.pass()],
    [async () => await relay.cut(), 'unavailable: connection lost', async () => await relay.pass()],
    [async () => server.freeze(), 'unavailable: timed out after 300 ms', async () => server.thaw()],
  ] as const) {
    await fail()
    const start = performance.now()
    t.match(await status(), expected)
    t.ok(performance.now() - start < 500)
    await mend()
    t.equal(await status(), 'working')
  }
  await server.stop()
  t.match(await status(), /^unavailable: connection (refused|lost)$/)
  await server.start()
  t.equal(await status(), none)
})

test('it leaves nothing behind', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  await put(redis, seal(stat('Idle')))
  const before = openSockets()
  const { health, status } = registry(t, [DjangoQCheck, { url: server.url, cluster, secretKey }])
  for (let i = 0; i < 50; i++) await status()
  t.equal(openSockets(), before + 1, 'one connection, kept')
  t.equal(await redis.dbsize(), 1)
  await health.close()
  await until(() => openSockets() === before)
})

test('options that cannot be used are E008, and the secret is not shown', async t => {
  const faults = async (entry: Entry) => await registry(t, entry).faults()
  for (const Check of both) {
    t.match(await faults([Check, { url: 'redis://127.0.0.1' }]), /E008 [^]*'cluster' is missing[^]*'secretKey' is missing/)
    const wrong = await faults([Check, { url: 'redis://127.0.0.1', cluster: '', secretKey: { key: 'hush' }, unhealthyStatuses: [''] }])
    t.match(wrong, /'cluster' is ''[^]*'secretKey' is[^]*'unhealthyStatuses' is/)
    t.notMatch(wrong, 'hush')
  }
})

test('whom they ask', t => {
  t.same(both.map(({ scope }) => scope), ['workers', 'shared'])
  t.equal(DjangoQCheck, DjangoQClusterCheck)
  t.end()
})
