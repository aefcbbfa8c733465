import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import { test, type Test } from 'tap'
import { createHealth, type Entry } from '../../lib/index.js'
import HeartbeatFileCheck, { HeartbeatClusterCheck, HeartbeatLocalCheck } from '../../lib/checks/heartbeat.js'
import { startFileHeartbeat, startRedisHeartbeat } from '../../lib/heartbeat/index.js'
import { lineLogger } from '../../lib/engine/logger.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startRedis } from '../helpers/redis.js'
import { startRelay } from '../helpers/relay.js'

interface RegistryContext { app?: object, log?: FastifyBaseLogger, timeout?: number }

/** A registry with one check in it, and how that check's status is asked. */
function registry (t: Test, entry: Entry, { app, log = lineLogger(() => {}), timeout = 500 }: RegistryContext = {}) {
  const health = createHealth({ subsets: { s: [entry] }, timeout }, { log, ...(app === undefined ? {} : { app: app as FastifyInstance }) })
  t.after(async () => await health.close())
  return {
    health,
    faults: async () => (await health.systemChecks()).map(({ id, message }) => `${id} ${message}`),
    status: async () => (await health.run('s')).results[0]?.status,
  }
}

function connect (t: Test, url: string, options: { keyPrefix?: string } = {}) {
  const client = new Redis(url, options)
  client.on('error', () => {})
  t.after(() => client.disconnect())
  return client
}

const secondsFromNow = (seconds: number) => Date.now() / 1000 + seconds

test('a worker that beats works, one that stopped does not', async t => {
  const file = join(t.testdir(), 'beat')
  const { status } = registry(t, [HeartbeatFileCheck, { file }])
  t.equal(await status(), 'unavailable: no heartbeat file')
  const heartbeat = startFileHeartbeat({ file })
  t.equal(await status(), 'working')
  await heartbeat.stop()
  t.equal(await status(), 'unavailable: no heartbeat file')
})

test('a worker that is frozen or killed is told by the age of its file', async t => {
  const file = join(t.testdir(), 'beat')
  const { status } = registry(t, [HeartbeatFileCheck, { file, maxAge: 400 }])
  const module = JSON.stringify(new URL('../../lib/heartbeat/file.ts', import.meta.url).href)
  const worker = spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', `
    const { startFileHeartbeat } = await import(${module})
    startFileHeartbeat({ file: ${JSON.stringify(file)}, interval: 20 })
    setInterval(() => {}, 1000)
  `], { cwd: process.cwd(), stdio: 'inherit' })
  t.after(() => worker.kill('SIGKILL'))
  await until(async () => await status() === 'working', { timeout: 20_000 })
  worker.kill('SIGSTOP')
  await until(async () => /^unavailable: no heartbeat for \d{3} ms$/.test(await status() ?? ''))
  worker.kill('SIGCONT')
  await until(async () => await status() === 'working')
  worker.kill('SIGKILL')
  await once(worker, 'exit')
  await until(async () => /^unavailable: no heartbeat for /.test(await status() ?? ''))
})

test('a beat is fresh for a minute unless told otherwise', async t => {
  const file = join(t.testdir({ beat: '' }), 'beat')
  const { status } = registry(t, [HeartbeatFileCheck, { file }])
  const atAge = async (seconds: number) => {
    utimesSync(file, secondsFromNow(-seconds), secondsFromNow(-seconds))
    return await status()
  }
  t.equal(await atAge(59), 'working')
  t.equal(await atAge(61), 'unavailable: no heartbeat for 61 s')
  t.equal(await atAge(75), 'unavailable: no heartbeat for 75 s')
  t.equal(await atAge(-59), 'working', 'a clock that was set back is skew')
  t.match(await atAge(-3600), /^unexpected result: the heartbeat lies 3(599|600) s in the future$/)
})

test('what is no file of a heartbeat is told as such', async t => {
  const folder = t.testdir({ beat: '' })
  const status = async (file: string) => await registry(t, [HeartbeatFileCheck, { file }]).status()
  t.equal(await status(folder), 'unexpected result: the heartbeat is no file')
  t.equal(await status(join(folder, 'beat', 'inside')), 'unavailable: no heartbeat file')
  t.equal(await status(join(folder, 'x'.repeat(300))), 'unavailable: name too long')
  symlinkSync('circle', join(folder, 'circle'))
  t.equal(await status(join(folder, 'circle')), 'unavailable: too many symbolic links')
})

test('a folder that may not be read is told as such', async t => {
  const folder = join(t.testdir(), 'closed')
  mkdirSync(folder)
  writeFileSync(join(folder, 'beat'), '')
  chmodSync(folder, 0)
  const { status } = registry(t, [HeartbeatFileCheck, { file: join(folder, 'beat') }])
  const root = process.geteuid?.() === 0
  try {
    // Root may read everything.
    if (root) process.seteuid?.('nobody')
    t.equal(await status(), 'unavailable: permission denied')
  } finally {
    if (root) process.seteuid?.(0)
    chmodSync(folder, 0o700)
  }
})

test('the check and the worker\'s side agree on the default file', async t => {
  const run = async (code: string, env: Record<string, string>) => {
    const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', code], { cwd: process.cwd(), env: { ...process.env, ...env } })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => { output += text })
    await once(child, 'close')
    return output
  }
  const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  t.equal(await run(`
    const { startFileHeartbeat } = await import(${url('../../lib/heartbeat/file.ts')})
    const { default: HeartbeatFileCheck } = await import(${url('../../lib/checks/heartbeat.ts')})
    const { createHealth } = await import(${url('../../lib/create-health.ts')})
    const health = createHealth({ subsets: { s: [HeartbeatFileCheck] } })
    const heartbeat = startFileHeartbeat()
    process.stdout.write((await health.run('s')).results[0].status)
    await heartbeat.stop()
    await health.close()
  `, { TMPDIR: t.testdir() }), 'working')
})

test('importing the checks loads next to nothing: an exec probe pays for it every few seconds', t => {
  const found = new Set<string>()
  const open = [new URL('../../lib/checks/heartbeat.ts', import.meta.url)]
  for (const url of open) {
    found.add(url.pathname.split('/lib/')[1] as string)
    const code = readFileSync(url, 'utf8')
    for (const [, specifier] of code.matchAll(/^(?:import|export) (?!type )[^']*? from '(\.[^']+)'/gm)) open.push(new URL((specifier as string).replace(/js$/, 'ts'), url))
  }
  t.same([...found].filter(path => /^(checks|heartbeat)\//.test(path)).sort(), ['checks/heartbeat.ts', 'checks/workers/elapsed.ts', 'heartbeat/common.ts'])
  t.notOk(found.has('clients/driver-errors.ts'))
  t.end()
})

test('a cluster works as long as one worker of it does, wherever it is', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  const cluster = registry(t, [HeartbeatClusterCheck, { url: server.url, cluster: 'mail' }])
  const local = registry(t, [HeartbeatLocalCheck, { url: server.url, cluster: 'mail' }])
  t.equal(await cluster.status(), "unavailable: no worker of cluster 'mail'")
  t.equal(await local.status(), "unavailable: no worker of cluster 'mail' on this host")
  const elsewhere = startRedisHeartbeat({ redis, cluster: 'mail', host: 'elsewhere' })
  await elsewhere.beat()
  t.equal(await cluster.status(), 'working')
  t.equal(await local.status(), "unavailable: no worker of cluster 'mail' on this host")
  t.equal(await registry(t, [HeartbeatLocalCheck, { url: server.url, cluster: 'mail', host: 'elsewhere' }]).status(), 'working')
  t.equal(await registry(t, [HeartbeatClusterCheck, { url: server.url, cluster: 'other' }]).status(), "unavailable: no worker of cluster 'other'")
  const here = startRedisHeartbeat({ redis, cluster: 'mail' })
  await here.beat()
  t.equal(await local.status(), 'working')
  await Promise.all([here.stop(), elsewhere.stop()])
  t.equal(await cluster.status(), "unavailable: no worker of cluster 'mail'", 'a clean stop shows at once')
  t.equal(await local.status(), "unavailable: no worker of cluster 'mail' on this host")
})

test('a worker that is frozen or killed is gone after its ttl', async t => {
  const server = await startRedis(t)
  const { status } = registry(t, [HeartbeatLocalCheck, { url: server.url, cluster: 'mail' }])
  const module = JSON.stringify(new URL('../../lib/heartbeat/redis.ts', import.meta.url).href)
  const worker = spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', `
    import { Redis } from 'ioredis'
    const { startRedisHeartbeat } = await import(${module})
    startRedisHeartbeat({ redis: new Redis('${server.url}'), cluster: 'mail', interval: 50, ttl: 400 })
  `], { cwd: process.cwd(), stdio: 'inherit' })
  t.after(() => worker.kill('SIGKILL'))
  const gone = "unavailable: no worker of cluster 'mail' on this host"
  await until(async () => await status() === 'working', { timeout: 20_000 })
  worker.kill('SIGSTOP')
  const start = performance.now()
  await until(async () => await status() === gone, { timeout: 1000 })
  t.ok(performance.now() - start >= 300)
  worker.kill('SIGCONT')
  await until(async () => await status() === 'working')
  worker.kill('SIGKILL')
  await until(async () => await status() === gone, { timeout: 1000 })
  const redis = connect(t, server.url)
  await until(async () => await redis.dbsize() === 0)
})

test('unhealthy workers are told where no healthy one is, and logged where one is', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  const told: string[] = []
  const log = lineLogger(line => {
    const { level, msg } = JSON.parse(line)
    if (level === 'info') told.push(msg)
  }, 'info')
  const { status } = registry(t, [HeartbeatClusterCheck, { url: server.url, cluster: 'mail' }], { log })
  const worker = async (status: string) => {
    const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail', status })
    await heartbeat.beat()
    t.after(async () => await heartbeat.stop())
    return heartbeat
  }
  await Promise.all([worker('Stopping'), worker('Stopping'), worker('Stopped')])
  t.equal(await status(), "unavailable: no healthy worker of cluster 'mail': 1 Stopped, 2 Stopping")
  t.same(told, [])
  const healthy = await worker('Idle')
  t.equal(await status(), 'working')
  t.same(told.filter(line => line.startsWith('not every')), ["not every worker of cluster 'mail' is healthy: 1 Stopped, 2 Stopping"])
  const strict = registry(t, [HeartbeatClusterCheck, { url: server.url, cluster: 'mail', unhealthyStatuses: ['Idle', 'Stopping', 'Stopped'] }])
  t.equal(await strict.status(), "unavailable: no healthy worker of cluster 'mail': 1 Idle, 1 Stopped, 2 Stopping")
  const lenient = registry(t, [HeartbeatClusterCheck, { url: server.url, cluster: 'mail', unhealthyStatuses: [] }])
  await healthy.stop()
  t.equal(await lenient.status(), 'working')
})

test('it asks over app.redis, its namespace, or a connection of its own', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail' })
  await heartbeat.beat()
  for (const Check of [HeartbeatClusterCheck, HeartbeatLocalCheck]) {
    t.equal(await registry(t, [Check, { cluster: 'mail' }], { app: { redis } }).status(), 'working')
    t.equal(await registry(t, [Check, { cluster: 'mail', namespace: 'jobs' }], { app: { redis: { jobs: redis } } }).status(), 'working')
    t.equal(await registry(t, [Check, { cluster: 'mail', url: server.url }]).status(), 'working')
    t.same(await registry(t, [Check, { cluster: 'mail' }], { app: {} }).faults(), ['E007 app.redis is not there'])
    t.same(await registry(t, [Check, { cluster: 'mail' }], { app: { redis } }).faults(), [])
  }
  await heartbeat.stop()
})

test('Redis that is down, frozen or silent fails in time, and works on the next probe after it is back', async t => {
  const server = await startRedis(t)
  const relay = await startRelay(t, server.port)
  const redis = connect(t, server.url)
  const heartbeat = startRedisHeartbeat({ redis, cluster: 'mail', onError: () => {} })
  const { status } = registry(t, [HeartbeatClusterCheck, { url: `redis://127.0.0.1:${relay.port}`, cluster: 'mail' }], { timeout: 300 })
  const back = async () => {
    await until(async () => redis.status === 'ready')
    await heartbeat.beat()
    t.equal(await status(), 'working')
  }
  await back()
  for (const [fail, expected, mend] of [
    [async () => await relay.refuse(), /^unavailable: connection (refused|lost)$/, async () => await relay.pass()],
    [async () => await relay.silence(), 'unavailable: timed out after 300 ms', async () => await relay.pass()],
    [async () => await relay.cut(), 'unavailable: connection lost', async () => await relay.pass()],
    [async () => server.freeze(), 'unavailable: timed out after 300 ms', async () => server.thaw()],
    [async () => await server.stop(), /^unavailable: connection (refused|lost)$/, async () => await server.start()],
  ] as const) {
    await fail()
    const start = performance.now()
    t.match(await status(), expected)
    t.ok(performance.now() - start < 450)
    await mend()
    await back()
  }
  await heartbeat.stop()
})

test('it leaves nothing behind', async t => {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  await redis.ping()
  const before = openSockets()
  const { health, status } = registry(t, [HeartbeatClusterCheck, { url: server.url, cluster: 'mail' }])
  for (let i = 0; i < 50; i++) await status()
  t.equal(openSockets(), before + 1, 'one connection, kept')
  t.equal(await redis.dbsize(), 0)
  await health.close()
  await until(() => openSockets() === before)
})

test('options that cannot be used are E008', async t => {
  const faults = async (entry: Entry) => (await registry(t, entry).faults()).join('\n')
  t.match(await faults([HeartbeatFileCheck, { file: '', maxAge: 0 }]), /^E008 [^]*'file'[^]*'maxAge'/)
  t.match(await faults([HeartbeatFileCheck, { file: 'a\0b' }]), /^E008 [^]*'file'/)
  for (const Check of [HeartbeatClusterCheck, HeartbeatLocalCheck]) {
    t.match(await faults([Check, { url: 'redis://127.0.0.1' }]), /E008 [^]*'cluster' is missing/)
    t.match(await faults([Check, { url: 'redis://127.0.0.1/canary', cluster: 'x' }]), /E008 [^]*'url' is/)
    t.match(await faults([Check, { url: 'http://127.0.0.1', cluster: '{x}', unhealthyStatuses: 'Stopped' }]), /'url'[^]*'cluster'[^]*'unhealthyStatuses'/)
  }
  t.match(await faults([HeartbeatLocalCheck, { url: 'redis://127.0.0.1', cluster: 'x', host: '' }]), /E008 [^]*'host'/)
})

test('whom they ask', t => {
  t.same([HeartbeatFileCheck, HeartbeatClusterCheck, HeartbeatLocalCheck].map(({ scope }) => scope), ['local', 'workers', 'shared'])
  t.end()
})
