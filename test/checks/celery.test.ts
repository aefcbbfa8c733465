import { deepStrictEqual, doesNotMatch } from 'node:assert'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { connect, type ConsumeMessage } from 'amqplib'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { CeleryPingCheck, type CeleryOptions } from '../../lib/checks/celery.js'
import { RabbitMQCheck } from '../../lib/checks/rabbitmq.js'
import { RedisCheck } from '../../lib/checks/redis.js'
import { createHealth } from '../../lib/index.js'
import type { EntryOptions } from '../../types/check.js'
import { startCeleryWorker } from '../helpers/celery.js'
import { pythonWith } from '../helpers/debian.js'
import { eventually, until } from '../helpers/leaks.js'
import { startRabbitMQ, type RabbitMQ } from '../helpers/rabbitmq.js'
import { startRedis } from '../helpers/redis.js'
import { startRelay } from '../helpers/relay.js'
import { launch, type Program, type Server } from '../helpers/server.js'

// Brokers and workers take seconds to start, and more of them on a busy machine.
t.setTimeout(300_000)

const wait = 600
const timeout = 1500

const nothing = () => {}
const silent = { info: nothing, warn: nothing, error: nothing, debug: nothing, trace: nothing, fatal: nothing, silent: nothing, level: 'silent', child: () => silent } as never

interface Outcome {
  status: string | undefined
  /** Whether it was told before the workers' time was over. */
  early: boolean
}

const working: Outcome = { status: 'working', early: true }
const nobody: Outcome = { status: 'unavailable: Celery workers unavailable', early: true }
const silence: Outcome = { ...nobody, early: false }

/** Asks the check, once a call. */
function asker (t: Test, options: CeleryOptions & EntryOptions) {
  const health = createHealth({ timeout, subsets: { s: [[CeleryPingCheck, { wait, ...options }]] } }, { log: silent })
  t.after(() => health.close())
  return async (): Promise<Outcome> => {
    const { results, duration } = await health.run('s')
    return { status: results[0]?.status, early: duration < wait - 50 }
  }
}

async function faults (t: Test, options: object) {
  const health = createHealth({ timeout, subsets: { s: [[CeleryPingCheck, options as never]] } })
  t.after(() => health.close())
  return (await health.systemChecks()).filter(({ level }) => level === 'error')
}

/** A worker with settings and code of its own. */
async function startOddWorker (t: Test, broker: string, { lines = [], args = [] }: { lines?: string[], args?: string[] }): Promise<Program & { send (seconds: number): Promise<unknown> }> {
  const python = pythonWith('celery')
  const worker = await launch(t, 'Celery', place => {
    writeFileSync(join(place.folder, 'tasks.py'), [
      'import time',
      'from celery import Celery',
      'from celery.worker.control import Panel',
      `app = Celery('tasks', broker='${broker}')`,
      'app.conf.task_ignore_result = True',
      '@app.task',
      'def sleep(seconds):',
      '    time.sleep(seconds)',
      ...lines,
    ].join('\n'))
    return {
      command: python,
      args: ['-m', 'celery', '--app', 'tasks', 'worker', '--hostname', 'odd@node', '--concurrency', '1', '--loglevel', 'INFO', '--without-mingle', '--without-gossip', ...args],
      // It refuses to read pickles as root, who runs everything in a container.
      env: { C_FORCE_ROOT: '1' },
      grace: 1000,
      // Asking for more would take a client that speaks as oddly.
      answers: async () => { if (!/ ready\./.test(place.log())) throw new Error('not ready') },
    }
  })
  return Object.assign(worker, { send: async (seconds: number) => await worker.run(python, ['-c', `from tasks import sleep; sleep.delay(${seconds})`]) })
}

/** What a check sends to the workers. */
interface Call {
  method: string
  ticket: string
  reply_to: { exchange: string, routing_key: string }
}

interface Broker {
  /** What a check could have left behind. */
  census (): Promise<unknown>
}

function brokerOf (server: Server): Broker {
  return {
    async census () {
      if (server.url.startsWith('redis')) {
        const client = new Redis(server.url)
        const clients = (await client.client('LIST') as string).split('\n').length
        const keys = await client.keys('*')
        const bindings = await client.smembers('_kombu.binding.reply.celery.pidbox')
        client.disconnect()
        return { clients, keys: keys.sort(), bindings }
      }
      return (await (server as RabbitMQ).ctl('eval', '{length(rabbit_networking:connections()), length(rabbit_channel:list()), rabbit_amqqueue:count(), length(rabbit_exchange:list(<<"/">>))}.')).trim()
    },
  }
}

for (const kind of ['Redis', 'RabbitMQ']) {
  t.test(`CeleryPingCheck over ${kind}`, async t => {
    const server = await (kind === 'Redis' ? startRedis(t) : startRabbitMQ(t))
    const { url } = server
    const { census } = brokerOf(server)
    const isAsBefore = async (before: unknown) => await eventually(async () => deepStrictEqual(await census(), before))
    // The reply list of an earlier run may have a second left to live.
    const atRest = async () => await eventually(async () => {
      const state = await census()
      doesNotMatch(JSON.stringify(state), /\.reply\.celery\.pidbox"/)
      return state
    })
    const any = asker(t, { url })
    const both = asker(t, { url, queues: ['celery', 'mail'] })

    await t.test('without a worker, it says so at once, and leaves nothing behind', async t => {
      t.same(await any(), nobody)
      t.same(await both(), nobody)
      const before = await atRest()
      for (let probe = 0; probe < 20; probe++) t.same(await any(), nobody)
      t.same(await census(), before)
    })

    const worker = await startCeleryWorker(t, { broker: url })

    await t.test('a worker that answers is healthy, at once', async t => {
      t.same(await any(), working)
      t.same(await asker(t, { url, queues: ['celery'] })(), working)
    })

    await t.test('a queue without a worker is named, at once, and so is each further one', async t => {
      t.same(await both(), { status: 'unavailable: No worker for Celery task queue mail', early: true })
      t.same(await asker(t, { url, queues: ['ghost', 'celery', 'mail'] })(), {
        status: 'unavailable: No worker for Celery task queue ghost\nunavailable: No worker for Celery task queue mail',
        early: true,
      })
    })

    await t.test('a worker whose processes are busy is healthy', async t => {
      await worker.send('sleep', 2)
      t.same(await any(), working)
    })

    await t.test('a hundred probes leave no connection, channel, queue, key or exchange', async t => {
      const ghost = asker(t, { url, queues: ['ghost'] })
      await ghost()
      const before = await atRest()
      const seen = new Set<string | undefined>()
      for (let probe = 0; probe < 100; probe++) seen.add((await any()).status)
      for (let probe = 0; probe < 20; probe++) seen.add((await ghost()).status)
      t.same([...seen], ['working', 'unavailable: No worker for Celery task queue ghost'])
      t.same(await census(), before)
    })

    await t.test('a worker that is frozen is noticed when the wait is over; once thawed, it is healthy, and nothing is left', async t => {
      const before = await atRest()
      worker.freeze()
      t.same(await any(), silence)
      t.same(await both(), silence)
      worker.thaw()
      t.same(await any(), working)
      await isAsBefore(before)
    })

    await t.test('closed while it waits for a frozen worker, nothing is left, also once the worker replies', async t => {
      const before = await atRest()
      const health = createHealth({ timeout, subsets: { s: [[CeleryPingCheck, { url, wait }]] } }, { log: silent })
      worker.freeze()
      const run = health.run('s')
      await sleep(wait / 2)
      await health.close()
      await run
      worker.thaw()
      t.same(await any(), working)
      await isAsBefore(before)
    })

    await t.test('where the timeout is shorter than the usual wait, workers have half of it', async t => {
      const hasty = asker(t, { url, timeout: 500, wait: undefined as never })
      t.same((await hasty()).status, 'working')
      worker.freeze()
      t.same(await hasty(), nobody)
      worker.thaw()
    })

    await t.test('each queue may have a worker of its own: one that is frozen, then gone, then back', async t => {
      const other = await startCeleryWorker(t, { broker: url, queues: ['mail'], hostname: 'other@health' })
      t.same(await both(), working)
      t.same(await any(), working)
      other.freeze()
      t.same(await both(), { status: 'unavailable: No worker for Celery task queue mail', early: false })
      await other.stop()
      await until(async () => (await both()).early)
      t.same(await both(), { status: 'unavailable: No worker for Celery task queue mail', early: true })
      await other.start()
      t.same(await both(), working)
      await other.stop()
    })

    await t.test('a broker that is refused, silent, cut or slow, then back', async t => {
      const relay = await startRelay(t, server.port)
      const ask = asker(t, { url: url.replace(String(server.port), String(relay.port)) })
      await relay.refuse()
      t.equal((await ask()).status, 'unavailable: connection refused')
      await relay.pass()
      t.same(await ask(), working)
      await relay.silence()
      t.equal((await ask()).status, `unavailable: timed out after ${timeout} ms`)
      await relay.pass()
      t.same(await ask(), working)
      await relay.cut(3)
      t.equal((await ask()).status, 'unavailable: connection lost')
      await relay.pass()
      t.same(await ask(), working)
      await relay.delay(timeout)
      t.equal((await ask()).status, `unavailable: timed out after ${timeout} ms`)
      await relay.pass()
      t.same(await ask(), working)
    })

    await t.test('a check of the same broker that has less time does not take the connection', async t => {
      const relay = await startRelay(t, server.port)
      const relayed = url.replace(String(server.port), String(relay.port))
      const Hasty = kind === 'Redis' ? RedisCheck : RabbitMQCheck
      const health = createHealth({ subsets: { s: [[Hasty, { url: relayed, timeout: 250 }], [CeleryPingCheck, { url: relayed, wait: 5000, timeout: 10_000 }]] } }, { log: silent })
      t.after(() => health.close())
      const statuses = async () => (await health.run('s')).results.map(({ status }) => status)
      // The first runs load the driver, and connect.
      await until(async () => (await statuses()).every(status => status === 'working'))
      const before = await atRest()
      await relay.delay(400)
      const { accepted } = relay
      t.same(await statuses(), ['working', 'unavailable: timed out after 250 ms'])
      t.equal(relay.accepted, accepted)
      await relay.pass()
      t.same(await statuses(), ['working', 'working'])
      await isAsBefore(before)
    })

    await t.test('a connection that is lost while workers have time to answer leaves nothing either, after the next run', async t => {
      const relay = await startRelay(t, server.port)
      const ask = asker(t, { url: url.replace(String(server.port), String(relay.port)) })
      t.same(await ask(), working)
      const before = await atRest()
      worker.freeze()
      const asking = ask()
      await sleep(wait / 2)
      await relay.refuse()
      t.equal((await asking).status, 'unavailable: connection refused')
      worker.thaw()
      await relay.pass()
      t.same(await ask(), working)
      await isAsBefore(before)
    })

    await t.test('a worker that is gone is noticed at once; back again, it is healthy', async t => {
      await worker.stop()
      await until(async () => (await any()).early)
      t.same(await any(), nobody)
      await worker.start()
      t.same(await any(), working)
      await worker.stop()
    })

    await t.test('a wrong reply is told with the name of the worker', async t => {
      const odd = await startOddWorker(t, url, {
        lines: ['@Panel.register', 'def ping(state, **kwargs):', "    return {'ok': 'pang'}"],
      })
      t.same(await any(), { status: 'unexpected result: Celery worker odd@node response was incorrect', early: true })
      await odd.stop()
    })

    await t.test('a worker that writes pickles is understood', async t => {
      const odd = await startOddWorker(t, url, {
        lines: ["app.conf.task_serializer = 'pickle'", "app.conf.accept_content = ['json', 'pickle']"],
      })
      t.same(await asker(t, { url, queues: ['celery'] })(), working)
      await odd.stop()
    })
  })
}

t.test('CeleryPingCheck over Redis, in the particular', async t => {
  const redis = await startRedis(t, { password: 'open sesame' })
  const { url } = redis
  const client = new Redis(url)
  t.after(() => client.disconnect())

  await t.test('a wrong password is an authentication that failed', async t => {
    t.equal((await asker(t, { url: url.replace('sesame', 'barley') })()).status, 'unavailable: authentication failed')
  })

  await t.test('a Redis that refuses to write says why', async t => {
    const ask = asker(t, { url })
    await client.config('SET', 'maxmemory', '1')
    t.equal((await ask()).status, 'unavailable: out of memory')
    for (let probe = 0; probe < 5; probe++) await ask()
    await client.config('SET', 'maxmemory', '0')
    await client.config('RESETSTAT')
    t.same(await ask(), nobody)
    t.match(await client.info('commandstats'), /cmdstat_srem:calls=1,/, 'what was refused left nothing to remove')
  })

  await t.test('a key of another type where bindings should be is logged, and unknown on the wire', async t => {
    await client.set('_kombu.binding.reply.celery.pidbox', 'not a set')
    const ask = asker(t, { url })
    t.equal((await ask()).status, 'unknown error')
    await client.del('_kombu.binding.reply.celery.pidbox')
    t.same(await ask(), nobody)
  })

  await t.test('a database, a key prefix, a control exchange and an encoding of their own', async t => {
    const odd = await startOddWorker(t, `${url}/3`, {
      lines: [
        "app.conf.control_exchange = 'shop'",
        "app.conf.broker_transport_options = {'global_keyprefix': 'shop-', 'body_encoding': None}",
      ],
    })
    t.same(await asker(t, { url: `${url}/3`, controlExchange: 'shop', globalKeyPrefix: 'shop-', queues: ['celery'] })(), working)
    t.same(await asker(t, { url: `${url}/3`, controlExchange: 'shop' })(), nobody)
    t.same(await asker(t, { url: `${url}/3`, globalKeyPrefix: 'shop-' })(), nobody)
    t.same(await asker(t, { url, controlExchange: 'shop', globalKeyPrefix: 'shop-' })(), nobody)
    await odd.stop()
  })

  await t.test('a worker with the solo pool answers between its tasks only', async t => {
    const odd = await startOddWorker(t, url, { args: ['--pool', 'solo'] })
    const ask = asker(t, { url })
    t.same(await ask(), working)
    await odd.send(3)
    await sleep(500)
    t.same(await ask(), silence)
    await until(async () => (await ask()).status === 'working', { timeout: 10_000 })
    await odd.stop()
  })
})

t.test('CeleryPingCheck over RabbitMQ, in the particular', async t => {
  const rabbit = await startRabbitMQ(t)
  const { url } = rabbit

  /** Answers calls as no worker would; `say` is given the call, and the queue that its answer is to go to. */
  async function imitate (t: Test, controlExchange: string, say: (call: Call, reply: (body: string, ticket?: string) => void) => void) {
    const connection = await connect(url)
    const channel = await connection.createChannel()
    t.after(() => connection.close())
    await channel.assertExchange(`${controlExchange}.pidbox`, 'fanout', { durable: false, autoDelete: true })
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, `${controlExchange}.pidbox`, '')
    await channel.consume(queue, message => {
      const call = JSON.parse((message as ConsumeMessage).content.toString()) as Call
      say(call, (body, ticket = call.ticket) => {
        channel.publish(call.reply_to.exchange, call.reply_to.routing_key, Buffer.from(body), { headers: { ticket }, contentType: 'application/json' })
      })
    }, { noAck: true })
    return { channel, ask: asker(t, { url, controlExchange }) }
  }

  await t.test('a wrong password is an authentication that failed', async t => {
    t.equal((await asker(t, { url: url.replace('horse', 'mule') })()).status, 'unavailable: authentication failed')
  })

  await t.test('a user who may not ask the workers is told so', async t => {
    await imitate(t, 'guarded', nothing)
    await rabbit.ctl('add_user', 'reader', 'reading')
    await rabbit.ctl('set_permissions', 'reader', 'amq\\.gen.*', '^$', '.*')
    const ask = asker(t, { url: url.replace(`${rabbit.user}:${rabbit.password}`, 'reader:reading'), controlExchange: 'guarded' })
    t.equal((await ask()).status, 'unavailable: permission denied')
  })

  await t.test('an answer that cannot be read is a failure', async t => {
    for (const [index, body] of ['pong', '42', 'null'].entries()) {
      const { ask } = await imitate(t, `unread${index}`, (_call, reply) => reply(body))
      t.same(await ask(), { status: 'unexpected result: Celery worker response was neither JSON nor pickle', early: true })
    }
  })

  await t.test('an answer to somebody else is none', async t => {
    const { ask } = await imitate(t, 'elsewhere', (_call, reply) => reply('{"w@h":{"ok":"pong"}}', 'another ticket'))
    t.same(await ask(), silence)
  })

  await t.test('a list of queues that is none is told with the name of the worker', async t => {
    for (const [index, queues] of ['{"error":"no"}', '[{}]', '[null]'].entries()) {
      const { channel } = await imitate(t, `queues${index}`, ({ method }, reply) => reply(`{"w@h":${method === 'ping' ? '{"ok":"pong"}' : queues}}`))
      const { queue } = await channel.assertQueue('', { autoDelete: true })
      await channel.consume(queue, nothing)
      t.same(await asker(t, { url, controlExchange: `queues${index}`, queues: [queue] })(), { status: 'unexpected result: Celery worker w@h response was incorrect', early: true })
    }
  })

  await t.test('a queue that is there and that nobody consumes is named at once', async t => {
    const { channel } = await imitate(t, 'idle', ({ method }, reply) => { if (method === 'ping') reply('{"w@h":{"ok":"pong"}}') })
    const { queue } = await channel.assertQueue('idle', { durable: false })
    t.same(await asker(t, { url, controlExchange: 'idle', queues: [queue] })(), { status: 'unavailable: No worker for Celery task queue idle', early: true })
    await channel.deleteQueue(queue)
  })

  await t.test('a reply queue that the broker deletes is a silence', async t => {
    await imitate(t, 'deleted', ({ reply_to: { routing_key: name } }) => {
      rabbit.ctl('eval', `rabbit_amqqueue:with(rabbit_misc:r(<<"/">>, queue, <<"${name}">>), fun (Q) -> rabbit_amqqueue:delete(Q, false, false, <<"test">>) end).`)
    })
    t.same((await asker(t, { url, controlExchange: 'deleted', wait: 4000, timeout: 5000 })()).status, nobody.status)
  })

  await t.test('an alarm of the broker is a failure', async t => {
    const { ask } = await imitate(t, 'alarmed', (_call, reply) => reply('{"w@h":{"ok":"pong"}}'))
    t.same(await ask(), working)
    await rabbit.ctl('set_vm_memory_high_watermark', '0.00001')
    t.same(await ask(), { status: 'unavailable: publishing is blocked by an alarm of the broker: low on memory', early: true })
    await rabbit.ctl('set_vm_memory_high_watermark', '0.8')
    await until(async () => (await ask()).status === 'working')
  })
})

t.test('the options of CeleryPingCheck', async t => {
  t.test('a broker that it does not speak to is refused at boot, with what to do instead', async t => {
    for (const url of ['sqs://key:secret@', 'sentinel://h', 'pyamqp://h', 'memory://', 'redis://h/canary', '', 5]) {
      const found = await faults(t, { url })
      t.match(found, [{ id: 'E008', message: /'url' is /, hint: /amqp:\/\/, amqps:\/\/, redis:\/\/ or rediss:\/\/.*pyamqp:\/\/ is amqp:\/\/.*heartbeat/ }])
      t.notMatch(JSON.stringify(found), /secret/)
    }
    t.match(await faults(t, {}), [{ id: 'E008', message: /'url' is missing/ }])
  })

  t.test('each option has its rule', async t => {
    const url = 'amqp://broker'
    t.same(await faults(t, { url, queues: ['a'], wait: 1, controlExchange: 'x', globalKeyPrefix: 'y' }), [])
    for (const wrong of [{ queues: 'a' }, { queues: [''] }, { wait: 0 }, { wait: 1.5 }, { controlExchange: '' }, { globalKeyPrefix: 5 }, { queue: 'a' }]) {
      t.match(await faults(t, { url, ...wrong }), [{ id: 'E008' }], JSON.stringify(wrong))
    }
  })

  t.test('a wait that is as long as the timeout is E007: the check could never say that there is no worker', async t => {
    t.same(await faults(t, { url: 'redis://broker', wait: timeout - 1 }), [])
    t.match(await faults(t, { url: 'redis://broker', wait: timeout }), [{ id: 'E007', message: /`wait` \(1500 ms\) is not shorter than the check's timeout \(1500 ms\)/ }])
    t.match(await faults(t, { url: 'amqp://broker', wait: 300, timeout: 200 }), [{ id: 'E007', message: /200 ms/ }])
    class Slow extends CeleryPingCheck { override timeout = 10_000 }
    const health = createHealth({ subsets: { s: [[Slow, { url: 'amqp://broker', wait: 5000 }]] } })
    t.same((await health.systemChecks()).filter(({ level }) => level === 'error'), [])
  })

  t.test('E007 names the driver of the broker', async t => {
    t.match(await withoutDriver('amqplib', 'amqp://broker'), [{ message: "the package 'amqplib' cannot be loaded", hint: 'Install it: npm install amqplib' }])
    t.match(await withoutDriver('ioredis', 'redis://broker'), [{ message: "the package 'ioredis' cannot be loaded", hint: 'Install it: npm install ioredis' }])
    t.match(await withoutDriver('ioredis', 'REDIS://broker'), [{ message: "the package 'ioredis' cannot be loaded" }], 'whatever the case of its scheme')
    t.same(await withoutDriver('ioredis', 'amqp://broker'), [])
  })

  t.test('an odd timeout gives workers a whole number of milliseconds', async t => {
    const { url } = await startRedis(t)
    const worker = new Redis(url)
    t.after(() => worker.disconnect())
    await worker.subscribe('/0.celery.pidbox')
    const health = createHealth({ subsets: { s: [[CeleryPingCheck, { url, timeout: 1001 }]] } }, { log: silent })
    t.after(() => health.close())
    t.equal((await health.run('s')).results[0]?.status, nobody.status)
  })

  t.test('it asks other workers', async t => {
    t.equal(CeleryPingCheck.scope, 'workers')
  })
})

/** What the check misses in a process where a package is not installed. */
async function withoutDriver (name: string, url: string): Promise<unknown> {
  const hooks = `export async function resolve (specifier, context, next) {
    if (specifier === '${name}') throw new Error('not installed')
    return await next(specifier, context)
  }`
  const module = new URL('../../lib/checks/celery.ts', import.meta.url).href
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import', import.meta.resolve('@tapjs/typescript/import'),
    '--input-type', 'module',
    '--eval', `import { register } from 'node:module'
      register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})
      const { CeleryPingCheck } = await import('${module}')
      console.log(JSON.stringify(await new CeleryPingCheck({ url: '${url}' }).requirements({ settings: { timeout: 3000 } })))`,
  ])
  return JSON.parse(stdout)
}
