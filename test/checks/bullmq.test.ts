import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Queue, QueueEvents, Worker, type Processor, type WorkerOptions } from 'bullmq'
import type { FastifyInstance } from 'fastify'
import { Cluster, Redis } from 'ioredis'
import { test, type Test } from 'tap'
import { createHealth, type Entry } from '../../lib/index.js'
import BullMQCheck, { BullMQRoundTripCheck, BullMQWorkersCheck } from '../../lib/checks/bullmq.js'
import { withHealthJobs } from '../../lib/heartbeat/index.js'
import { lineLogger } from '../../lib/engine/logger.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startRedis } from '../helpers/redis.js'
import { startCluster } from '../helpers/redis-topologies.js'
import { startRelay } from '../helpers/relay.js'
import type { Server } from '../helpers/server.js'

const both = [BullMQWorkersCheck, BullMQRoundTripCheck] as const

/** A registry with one check in it, and how that check's status is asked. */
function registry (t: Test, entry: Entry, { app, timeout = 1000 }: { app?: object, timeout?: number } = {}) {
  const health = createHealth({ subsets: { s: [entry] }, timeout }, { log: lineLogger(() => {}), ...(app === undefined ? {} : { app: app as FastifyInstance }) })
  t.after(async () => await health.close())
  return {
    health,
    faults: async () => (await health.systemChecks()).map(({ id, message }) => `${id} ${message}`).join('\n'),
    status: async () => (await health.run('s')).results[0]?.status,
  }
}

function connect (t: Test, url: string) {
  const client = new Redis(url, { maxRetriesPerRequest: null })
  client.on('error', () => {})
  t.after(() => client.disconnect())
  return client
}

/** A server, a client of it and, after the test, none of its workers. */
async function bench (t: Test) {
  const server = await startRedis(t)
  const redis = connect(t, server.url)
  return {
    server,
    redis,
    queue: (name: string, prefix = 'bull') => {
      const queue = new Queue(name, { connection: redis, prefix })
      t.after(async () => await queue.close())
      return queue
    },
    /** Makes queues that no worker has seen, as an app does that has added jobs to them. */
    make: async (...names: string[]) => {
      for (const name of names) await redis.hset(`bull:${name}:meta`, 'opts.maxLenEvents', 10_000)
    },
    work: async (name: string, processor: Processor, options: Partial<WorkerOptions> = {}) => {
      const connection = connect(t, server.url)
      const worker = new Worker(name, processor, { connection, ...options })
      worker.on('error', () => {})
      t.after(async () => await worker.close(true))
      await worker.waitUntilReady()
      return worker
    },
  }
}

/** A worker in a process of its own, which answers health jobs; `job` is the body of its processor for the others. */
async function startWorker (t: Test, { url, name = 'mail', job = '', options = {} }: { url: string, name?: string, job?: string, options?: object }) {
  const module = JSON.stringify(new URL('../../lib/heartbeat/bullmq.ts', import.meta.url).href)
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', `
    import { Worker } from 'bullmq'
    import { Cluster, Redis } from 'ioredis'
    const { withHealthJobs } = await import(${module})
    const connection = new Redis('${url}', { maxRetriesPerRequest: null })
    const worker = new Worker('${name}', withHealthJobs(async job => { ${job} }), { connection, ...${JSON.stringify(options)} })
    worker.on('error', () => {})
    await worker.waitUntilReady()
    console.log('ready')
  `], { cwd: process.cwd(), stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

const isBlocked = async (redis: Redis) => /name=bull:\S* .*flags=b/.test(await redis.client('LIST') as string)

test('a queue with a worker works; one without has none', async t => {
  const { server, redis } = await bench(t)
  const { status } = registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail', 'print'] }])
  t.equal(await status(), "unavailable: queue 'mail' has no worker\nunavailable: queue 'print' has no worker")
  const mail = await startWorker(t, { url: server.url })
  t.equal(await status(), "unavailable: queue 'print' has no worker")
  await startWorker(t, { url: server.url, name: 'print', options: { name: 'second floor'.replace(' ', '-') } })
  t.equal(await status(), 'working', 'a worker may have a name')
  mail.kill('SIGKILL')
  await once(mail, 'exit')
  await until(async () => await status() === "unavailable: queue 'mail' has no worker", { timeout: 1000 })
  t.ok(redis)
})

test('other connections of a queue are no workers, nor are those of a queue with a longer name', async t => {
  const { server, queue, work } = await bench(t)
  await queue('mail').add('job', {})
  const events = new QueueEvents('mail', { connection: connect(t, server.url) })
  t.after(async () => await events.close())
  await events.waitUntilReady()
  await work('mailing', async () => {})
  await work('mail', async () => {}, { prefix: 'other' })
  const { status } = registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'] }])
  t.equal(await status(), "unavailable: queue 'mail' has no worker")
  t.equal(await registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'], prefix: 'other' }]).status(), 'working')
})

test('workers of another database of the same server are none of this one', async t => {
  const { server, work } = await bench(t)
  await work('mail', async () => {}, { connection: connect(t, `${server.url}/1`) })
  const status = async (url: string) => await registry(t, [BullMQWorkersCheck, { url, queues: ['mail'] }]).status()
  t.equal(await status(server.url), "unavailable: queue 'mail' has no worker")
  t.equal(await status(`${server.url}/1`), 'working')
})

test('an idle worker that is frozen shows once its wait for a job has ended', async t => {
  const { server } = await bench(t)
  const { status } = registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'] }])
  const worker = await startWorker(t, { url: server.url, options: { drainDelay: 1 } })
  t.equal(await status(), 'working')
  worker.kill('SIGSTOP')
  t.equal(await status(), 'working', 'Redis cannot tell yet')
  const frozen = "unavailable: no worker of queue 'mail' fetches jobs, 1 connected"
  await until(async () => await status() === frozen, { timeout: 9000, interval: 200 })
  const second = await startWorker(t, { url: server.url })
  t.equal(await status(), 'working', 'one that is live is enough')
  second.kill('SIGKILL')
  await until(async () => await status() === frozen)
  worker.kill('SIGCONT')
  await until(async () => await status() === 'working')
})

test('a worker that is busy for long works; frozen, it shows once the lock of its job has expired', async t => {
  const { server, redis, queue } = await bench(t)
  const { status } = registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'] }])
  const worker = await startWorker(t, { url: server.url, job: 'await new Promise(resolve => setTimeout(resolve, 60_000))', options: { lockDuration: 1000, stalledInterval: 600_000 } })
  await queue('mail').add('job', {})
  await until(async () => await redis.llen('bull:mail:active') === 1)
  await sleep(6500)
  t.notOk(await isBlocked(redis))
  t.equal(await status(), 'working', 'its connection is quiet, and the lock of its job in force')
  worker.kill('SIGSTOP')
  await until(async () => await status() === "unavailable: no worker of queue 'mail' fetches jobs, 1 connected", { timeout: 3000 })
})

test('a worker that a rate limit holds back works', async t => {
  const { server, redis, queue, work } = await bench(t)
  await work('mail', async () => {}, { limiter: { max: 1, duration: 60_000 } })
  await queue('mail').addBulk([{ name: 'a', data: {} }, { name: 'b', data: {} }])
  await until(async () => await redis.exists('bull:mail:limiter') === 1)
  await sleep(6500)
  t.notOk(await isBlocked(redis))
  t.equal(await registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'] }]).status(), 'working')
})

test('a worker that paused itself fetches nothing', async t => {
  const { server, work } = await bench(t)
  const worker = await work('mail', async () => {}, { drainDelay: 1 })
  await worker.pause()
  const { status } = registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'] }])
  await until(async () => await status() === "unavailable: no worker of queue 'mail' fetches jobs, 1 connected", { timeout: 9000, interval: 200 })
  worker.resume()
  await until(async () => await status() === 'working')
})

test('a queue that is paused, too long or too old is a warning', async t => {
  const { server, queue, work } = await bench(t)
  const mail = queue('mail')
  await work('mail', async () => await sleep(60_000))
  const { status } = registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'], maxWaiting: 2, maxOldestAge: 300 }])
  await mail.add('job', {})
  await until(async () => await mail.getActiveCount() === 1)
  await mail.addBulk([{ name: 'a', data: {} }, { name: 'b', data: {}, opts: { priority: 5 } }])
  await mail.add('delayed', {}, { delay: 60_000 })
  t.equal(await status(), 'working')
  await mail.add('c', {})
  t.equal(await status(), "warning: 3 jobs wait in queue 'mail', more than 2")
  await sleep(400)
  t.match(await status(), /^warning: 3 jobs wait in queue 'mail', more than 2\nwarning: the next job of queue 'mail' has waited for \d{3} ms, longer than 300 ms$/)
  await mail.pause()
  t.match(await status(), /^warning: queue 'mail' is paused\nwarning: 3 jobs wait [^]*\nwarning: the next job of/)
  t.equal(await registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'] }]).status(), "warning: queue 'mail' is paused")
  await mail.resume()
  t.equal(await registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'] }]).status(), 'working')
})

test('the age of a job is that of the next in line, a prioritized one too, and begins when it was due', async t => {
  const { server, redis, queue, work } = await bench(t)
  const mail = queue('mail')
  const busy = await work('mail', async () => await sleep(60_000))
  await mail.add('job', {})
  await until(async () => await mail.getActiveCount() === 1)
  const status = async () => await registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'], maxOldestAge: 1000 }]).status()
  await mail.add('a', {}, { priority: 3, timestamp: Date.now() - 75_500 })
  t.equal(await status(), "warning: the next job of queue 'mail' has waited for 75 s, longer than 1 s")
  await mail.drain()
  await mail.add('b', {}, { timestamp: Date.now() - 75_500, delay: 75_600 })
  const id = (await mail.getDelayed())[0]?.id as string
  await (await mail.getJob(id))?.promote()
  t.equal(await status(), 'working')
  await redis.hdel(`bull:mail:${id}`, 'opts')
  t.equal(await status(), "warning: the next job of queue 'mail' has waited for 75 s, longer than 1 s")
  await busy.close(true)
})

test('what it costs: one round trip of few commands, however many jobs there are', async t => {
  const { server, redis, queue, work } = await bench(t)
  await work('mail', async () => await sleep(60_000))
  await queue('mail').addBulk(Array.from({ length: 5000 }, () => ({ name: 'job', data: {} })))
  await redis.config('RESETSTAT')
  t.equal(await registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'] }]).status(), 'working')
  const stats = await redis.info('commandstats')
  t.match(stats, /cmdstat_client\|list:calls=1,/)
  t.match(stats, /cmdstat_eval:calls=1,/)
  t.notMatch(stats, /cmdstat_(keys|scan)/)
})

test('a job goes round where a worker answers it, and leaves nothing', async t => {
  const { server, redis, queue, make } = await bench(t)
  await make('mail', 'print')
  const { status } = registry(t, [BullMQRoundTripCheck, { url: server.url, queues: ['mail', 'print'], maxWait: 500 }])
  const neither = ['mail', 'print'].map(name => `unavailable: no worker of queue '${name}' took the health job within 500 ms`).join('\n')
  t.equal(await status(), neither)
  t.same(await redis.keys('bull:*:fastify-health-*'), [])
  const mail = await startWorker(t, { url: server.url, job: "throw new Error('never given a health job')" })
  const print = await startWorker(t, { url: server.url, name: 'print' })
  for (let i = 0; i < 5; i++) t.equal(await status(), 'working')
  t.same(await redis.keys('bull:*:fastify-health-*'), [])
  for (const name of ['mail', 'print']) t.same(await queue(name).getJobCounts(), { active: 0, completed: 0, delayed: 0, failed: 0, prioritized: 0, waiting: 0, 'waiting-children': 0 })
  mail.kill('SIGKILL')
  print.kill('SIGSTOP')
  await until(async () => await status() === neither)
})

test('closed while it waits for a worker, the job is gone', async t => {
  const { server, redis, make } = await bench(t)
  await make('mail')
  for (const options of [{ url: server.url }, { client: redis }]) {
    const { health } = registry(t, [BullMQRoundTripCheck, { ...options, queues: ['mail'] }], { app: {}, timeout: 5000 })
    const run = health.run('s')
    await until(async () => await redis.llen('bull:mail:wait') === 1)
    await health.close()
    await run
    await until(async () => await redis.llen('bull:mail:wait') === 0)
    t.same(await redis.keys('bull:*:fastify-health-*'), [])
  }
})

test('a queue that does not exist is told, and not made', async t => {
  const { server, redis, work } = await bench(t)
  const { status } = registry(t, [BullMQRoundTripCheck, { url: server.url, queues: ['mial'] }])
  for (let i = 0; i < 2; i++) t.equal(await status(), "unavailable: queue 'mial' does not exist")
  t.same(await redis.keys('*'), [])
  await work('mial', withHealthJobs(async () => {}))
  t.equal(await status(), 'working', 'a worker is enough, though it never had a job')
  await redis.del('bull:mial:meta')
  t.equal(await status(), 'working', 'also one of BullMQ 5, which leaves no key')
})

test('it goes before all that waits', async t => {
  const { server, queue, work } = await bench(t)
  await queue('mail').addBulk(Array.from({ length: 1000 }, () => ({ name: 'job', data: {} })))
  await work('mail', withHealthJobs(async () => await sleep(50)))
  t.equal(await registry(t, [BullMQRoundTripCheck, { url: server.url, queues: ['mail'] }]).status(), 'working')
})

test('workers that are frozen, stuck or busy are told apart from those that answer', async t => {
  const { server, redis, queue } = await bench(t)
  const { status } = registry(t, [BullMQRoundTripCheck, { url: server.url, queues: ['mail'], maxWait: 300 }])
  const notTaken = "unavailable: no worker of queue 'mail' took the health job within 300 ms"
  const worker = await startWorker(t, { url: server.url, job: 'if (job.data.block) for (;;); await new Promise(() => {})', options: { concurrency: 2 } })
  t.equal(await status(), 'working')
  await queue('mail').add('stuck', {})
  await until(async () => await redis.llen('bull:mail:active') === 1)
  t.equal(await status(), 'working', 'it has room for another job')
  await queue('mail').add('stuck', {})
  await until(async () => await redis.llen('bull:mail:active') === 2)
  t.equal(await status(), notTaken)
  t.equal(await registry(t, [BullMQWorkersCheck, { url: server.url, queues: ['mail'] }]).status(), 'working', 'which the other check cannot see')
  worker.kill('SIGKILL')
  const other = await startWorker(t, { url: server.url })
  t.equal(await status(), 'working')
  other.kill('SIGSTOP')
  t.equal(await status(), notTaken)
  other.kill('SIGCONT')
  t.equal(await status(), 'working')
  t.same(await redis.keys('bull:mail:fastify-health-*'), [])
})

test('a worker that freezes with the job in its hands is told, and what it held is removed later', async t => {
  const { server, redis, work } = await bench(t)
  let release = () => {}
  const held = new Promise<void>(resolve => { release = resolve })
  await work('mail', async () => await held)
  const { status } = registry(t, [BullMQRoundTripCheck, { url: server.url, queues: ['mail'], maxWait: 200 }])
  t.equal(await status(), "unavailable: a worker of queue 'mail' took the health job and did not finish it within 200 ms")
  t.equal((await redis.keys('bull:mail:fastify-health-*:lock')).length, 1, 'a worker holds it')
  release()
  await until(async () => (await redis.keys('bull:mail:fastify-health-*')).length === 0)

  const dying = await startWorker(t, { url: server.url, name: 'print', options: { lockDuration: 500, stalledInterval: 600_000 }, job: '' })
  const print = registry(t, [BullMQRoundTripCheck, { url: server.url, queues: ['print'], maxWait: 200 }])
  dying.kill('SIGKILL')
  await once(dying, 'exit')
  const fetched = new Worker('print', null, { connection: connect(t, server.url), lockDuration: 500 })
  t.after(async () => await fetched.close(true))
  const running = print.status()
  await until(async () => await redis.llen('bull:print:wait') === 1)
  t.ok(await fetched.getNextJob('token'))
  t.equal(await running, "unavailable: a worker of queue 'print' took the health job and did not finish it within 200 ms")
  t.equal(await redis.llen('bull:print:active'), 1)
  await until(async () => (await redis.keys('bull:print:*:lock')).length === 0)
  t.equal(await print.status(), "unavailable: no worker of queue 'print' took the health job within 200 ms")
  t.same(await redis.keys('bull:print:fastify-health-*'), [])
  t.equal(await redis.llen('bull:print:active'), 0)
})

test('a worker without its line is told', async t => {
  const { server, redis, work } = await bench(t)
  await work('naive', async () => 'done')
  await work('strict', async job => { throw new Error(`unknown job ${job.name}`) })
  const { status } = registry(t, [BullMQRoundTripCheck, { url: server.url, queues: ['naive', 'strict'] }])
  t.equal(await status(), [
    "unexpected result: a worker of queue 'naive' took the health job for one of its own: wrap its processor in withHealthJobs()",
    "unexpected result: a worker of queue 'strict' failed the health job: wrap its processor in withHealthJobs()",
  ].join('\n'))
  t.same(await redis.keys('bull:*:fastify-health-*'), [])
})

test('an answer is found among many events, and a job that somebody removed is told', async t => {
  const { redis, work } = await bench(t)
  await work('mail', withHealthJobs(async () => {}))
  const original = redis.exists.bind(redis)
  const exists = async (key: string) => {
    const found = await original(key)
    if (found === 0) await redis.eval("for i = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 'event', 'waiting', 'jobId', i) end", 1, 'bull:mail:events', noise)
    if (found === 0 && trimmed) await redis.del('bull:mail:events')
    return found
  }
  const app = { redis: Object.assign(redis, { exists }) }
  let noise = 1200
  let trimmed = false
  const { status } = registry(t, [BullMQRoundTripCheck, { queues: ['mail'] }], { app })
  t.equal(await status(), 'working')
  const gone = "unexpected result: the health job of queue 'mail' is gone, and nothing tells whether a worker answered it"
  noise = 11_000
  t.equal(await status(), gone)
  trimmed = true
  t.equal(await status(), gone)
})

test('a paused queue is told', async t => {
  const { server, redis, queue, work } = await bench(t)
  await work('mail', withHealthJobs(async () => {}))
  await queue('mail').pause()
  t.equal(await registry(t, [BullMQRoundTripCheck, { url: server.url, queues: ['mail'], maxWait: 200 }]).status(), "unavailable: queue 'mail' is paused: no worker takes the health job")
  t.same(await redis.keys('bull:*:fastify-health-*'), [])
})

test('it waits for nine tenths of the check\'s time unless told otherwise', async t => {
  const { server, make } = await bench(t)
  await make('mail')
  t.equal(await registry(t, [BullMQRoundTripCheck, { url: server.url, queues: ['mail'] }], { timeout: 500 }).status(), "unavailable: no worker of queue 'mail' took the health job within 450 ms")
})

test('a check whose time is up removes its job all the same', async t => {
  const { server, redis, make } = await bench(t)
  await make('mail')
  const entry: Entry = [BullMQRoundTripCheck, { queues: ['mail'], maxWait: 10_000 }]
  t.equal(await registry(t, entry, { app: { redis }, timeout: 200 }).status(), 'unavailable: timed out after 200 ms')
  await until(async () => (await redis.keys('bull:mail:fastify-health-*')).length === 0)
  const own = registry(t, [BullMQRoundTripCheck, { queues: ['mail'], maxWait: 10_000, url: server.url }], { timeout: 200 })
  t.equal(await own.status(), 'unavailable: timed out after 200 ms')
  t.equal((await redis.keys('bull:mail:fastify-health-*')).length, 1, 'its own connection was destroyed')
  await own.status()
  t.equal((await redis.keys('bull:mail:fastify-health-*')).length, 1, 'the next run removes it, and is cut short itself')
})

test('they ask over app.redis, its namespace, or a connection of their own', async t => {
  const { server, redis, work } = await bench(t)
  await work('mail', withHealthJobs(async () => {}))
  await redis.ping()
  for (const Check of both) {
    const listeners = () => redis.eventNames().map(name => redis.listenerCount(name)).join()
    const before = listeners()
    t.equal(await registry(t, [Check, { queues: ['mail'] }], { app: { redis } }).status(), 'working')
    t.equal(listeners(), before)
    t.equal(await registry(t, [Check, { queues: ['mail'], namespace: 'jobs' }], { app: { redis: { jobs: redis } } }).status(), 'working')
    t.equal(await registry(t, [Check, { queues: ['mail'], url: server.url }]).status(), 'working')
    t.equal(await registry(t, [Check, { queues: ['mail'] }], { app: {} }).faults(), 'E007 app.redis is not there')
    t.equal(await registry(t, [Check, { queues: ['mail'] }], { app: { redis } }).faults(), '')
  }
})

test('Redis that is down, frozen or silent fails in time, and works on the next probe after it is back', async t => {
  const { server, work } = await bench(t)
  const relay = await startRelay(t, server.port)
  await work('mail', withHealthJobs(async () => {}))
  for (const Check of both) {
    const { status } = registry(t, [Check, { url: `redis://127.0.0.1:${relay.port}`, queues: ['mail'] }], { timeout: 500 })
    await until(async () => await status() === 'working')
    for (const [fail, expected, mend] of [
      [async () => await relay.refuse(), /^unavailable: connection (refused|lost)$/, async () => await relay.pass()],
      [async () => await relay.silence(), 'unavailable: timed out after 500 ms', async () => await relay.pass()],
      [async () => await relay.cut(), 'unavailable: connection lost', async () => await relay.pass()],
      [async () => server.freeze(), 'unavailable: timed out after 500 ms', async () => server.thaw()],
    ] as const) {
      await fail()
      const start = performance.now()
      t.match(await status(), expected)
      t.ok(performance.now() - start < 700)
      await mend()
      t.equal(await status(), 'working')
    }
  }
})

test('they leave nothing behind', async t => {
  const { server, redis, work } = await bench(t)
  await work('mail', withHealthJobs(async () => {}))
  for (const Check of both) {
    const before = openSockets()
    const { health, status } = registry(t, [Check, { url: server.url, queues: ['mail'] }])
    for (let i = 0; i < 30; i++) t.equal(await status(), 'working')
    t.equal(openSockets(), before + 1, 'one connection, kept')
    await health.close()
    await until(() => openSockets() === before)
  }
  t.same((await redis.keys('bull:*')).sort(), ['bull:mail:events', 'bull:mail:id', 'bull:mail:meta', 'bull:mail:stalled-check'])
})

test('options that cannot be used are E008', async t => {
  const faults = async (entry: Entry) => await registry(t, entry).faults()
  const url = 'redis://127.0.0.1'
  for (const Check of both) {
    t.match(await faults([Check, { url }]), /E008 [^]*'queues' is missing/)
    for (const queues of [[], 'mail', [''], [5], ['a:b'], ['mail', 'mail']]) t.match(await faults([Check, { url, queues }]), /E008 [^]*'queues' is/)
    t.match(await faults([Check, { url, queues: ['mail'], prefix: '' }]), /E008 [^]*'prefix' is/)
  }
  t.match(await faults([BullMQWorkersCheck, { url, queues: ['mail'], maxWaiting: -1, maxOldestAge: 1.5 }]), /'maxWaiting' is -1[^]*'maxOldestAge' is 1.5/)
  t.equal(await faults([BullMQWorkersCheck, { url, queues: ['mail'], maxWaiting: 0, maxOldestAge: 0 }]), '')
  t.match(await faults([BullMQRoundTripCheck, { url, queues: ['mail'], maxWait: 0 }]), /E008 [^]*'maxWait' is 0/)
})

test('a wait that is not shorter than the timeout is E007', async t => {
  const entry = (options: object): Entry => [BullMQRoundTripCheck, { url: 'redis://127.0.0.1', queues: ['mail'], ...options }]
  t.match(await registry(t, entry({ maxWait: 3000 }), { timeout: 3000 }).faults(), /^E007 `maxWait` \(3000 ms\) is not shorter than the check's timeout \(3000 ms\)/)
  t.match(await registry(t, entry({ maxWait: 700, timeout: 700 })).faults(), /^E007 `maxWait` \(700 ms\)/)
  t.equal(await registry(t, entry({ maxWait: 3000, timeout: 3001 })).faults(), '')
})

test('a client of Redis with a key prefix is E007 for a round trip, at boot and at run time', async t => {
  const { server, make } = await bench(t)
  await make('mail')
  const redis = new Redis(server.url, { keyPrefix: 'shop:' })
  t.after(() => redis.disconnect())
  const { faults, status } = registry(t, [BullMQRoundTripCheck, { queues: ['mail'] }], { app: { redis } })
  t.equal(await faults(), 'E007 the client of Redis has a `keyPrefix`, which BullMQ does not work with')
  await redis.hset('bull:mail:meta', 'opts.maxLenEvents', 10_000)
  t.equal(await status(), 'unknown error: E007 the client of Redis has a `keyPrefix`, which BullMQ does not work with')
})

test('over a Redis Cluster, wherever it keeps the queue', async t => {
  const { nodes } = await startCluster(t)
  const cluster = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
  cluster.on('error', () => {})
  t.after(() => cluster.disconnect())
  for (const Check of both) {
    t.match(await registry(t, [Check, { client: () => cluster as never, queues: ['mail'] }], { app: {} }).faults(),
      /^E007 the client is a Cluster, on which the prefix 'bull' spreads the keys of a queue over the nodes$/)
  }
  // Each of these prefixes is on another node.
  const prefixes = await Promise.all(nodes.map(async ({ port }) => await prefixOn(nodes, port)))
  for (const prefix of prefixes) {
    const checks = both.map(Check => registry(t, [Check, { client: () => cluster as never, queues: ['mail'], prefix }], { app: {}, timeout: 3000 }))
    for (const { faults } of checks) t.equal(await faults(), '')
    t.equal(await checks[0]!.status(), "unavailable: queue 'mail' has no worker")
    const worker = new Worker('mail', withHealthJobs(async () => {}), { connection: cluster, prefix })
    worker.on('error', () => {})
    t.after(async () => await worker.close(true))
    await worker.waitUntilReady()
    for (const { status } of checks) await until(async () => await status() === 'working')
    t.pass(`working with ${prefix}`)
  }
  const prefixed = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })), { redisOptions: { keyPrefix: 'shop:' } })
  t.after(() => prefixed.disconnect())
  t.match(await registry(t, [BullMQRoundTripCheck, { client: () => prefixed as never, queues: ['mail'], prefix: '{bull}' }], { app: {} }).faults(), /has a `keyPrefix`/)
})

/** A prefix whose keys are on the node at this port. */
async function prefixOn (nodes: readonly Server[], port: number): Promise<string> {
  const node = new Redis(port, '127.0.0.1')
  try {
    const index = nodes.findIndex(node => node.port === port)
    for (let i = 0; ; i++) {
      const slot = Number(await node.call('CLUSTER', 'KEYSLOT', `{bull${i}}`))
      if (Math.min(2, Math.floor(slot / 5461)) === index) return `{bull${i}}`
    }
  } finally {
    node.disconnect()
  }
}

test('whom they ask', t => {
  t.same(both.map(({ scope }) => scope), ['workers', 'workers'])
  t.equal(BullMQCheck, BullMQWorkersCheck)
  t.end()
})
