import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { connect as connectManaged } from 'amqp-connection-manager'
import { connect } from 'amqplib'
import t, { type Test } from 'tap'
import { RabbitMQCheck } from '../../lib/checks/rabbitmq.js'
import { createHealth, type HealthRegistry } from '../../lib/index.js'
import { startAuthority } from '../helpers/certificates.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startRabbitMQ, type RabbitMQ } from '../helpers/rabbitmq.js'
import { startRelay, type Relay } from '../helpers/relay.js'

// Brokers and workers take seconds to start, and more of them on a busy machine.
t.setTimeout(300_000)

const timeout = 500

function registry (t: Test, url: string, { writable = false, ...options }: { timeout?: number, writable?: boolean } = {}): HealthRegistry {
  const health = createHealth({ timeout, ...options, subsets: { s: [[RabbitMQCheck, { url, writable }]] } }, { log: silent })
  t.after(() => health.close())
  return health
}

const log = () => {}
const silent = { info: log, warn: log, error: log, debug: log, trace: log, fatal: log, silent: log, level: 'silent', child: () => silent } as never

async function status (health: HealthRegistry): Promise<string | undefined> {
  return (await health.run('s')).results[0]?.status
}

async function behindRelay (t: Test, rabbit: RabbitMQ): Promise<{ relay: Relay, url: string, health: HealthRegistry }> {
  const relay = await startRelay(t, rabbit.port)
  const url = rabbit.url.replace(String(rabbit.port), String(relay.port))
  return { relay, url, health: registry(t, url) }
}

/** How many connections, channels and queues the broker has. */
async function census ({ ctl }: RabbitMQ) {
  // One command, since each of rabbitmqctl's takes a second.
  const counts = await ctl('eval', '{length(rabbit_networking:connections()), length(rabbit_channel:list()), rabbit_amqqueue:count()}.')
  const [connections = NaN, channels, queues] = counts.match(/\d+/g)?.map(Number) ?? []
  return { connections, channels, queues }
}

/** The sockets that are open once those of earlier tests have closed. */
async function socketsAtRest (): Promise<number> {
  await sleep(300)
  return openSockets()
}

t.test('RabbitMQCheck', async t => {
  const rabbit = await startRabbitMQ(t, { vhosts: ['orders'] })

  t.test('a broker that opens a channel, takes a message and closes the channel is healthy', async t => {
    const health = registry(t, rabbit.url)
    t.equal(await status(health), 'working')
    const report = await health.run('s')
    t.equal(report.healthy, true)
    t.equal(report.results[0]?.identifier, 'RabbitMQCheck')
  })

  t.test('a virtual host of its own is healthy, too', async t => {
    t.equal(await status(registry(t, rabbit.urlOf('orders'))), 'working')
  })

  t.test('500 probes leave one connection, no channel, no queue and no message', async t => {
    const before = await census(rabbit)
    const health = registry(t, rabbit.url)
    const seen = new Set<string | undefined>()
    for (let probe = 0; probe < 500; probe++) seen.add(await status(health))
    t.same([...seen], ['working'])
    t.same(await census(rabbit), { ...before, connections: before.connections + 1 })
    await health.close()
    await until(async () => (await census(rabbit)).connections === before.connections)
  })

  t.test('no listener is left on the connection by 50 probes', async t => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => { warnings.push(warning) }
    process.on('warning', onWarning)
    t.after(() => process.off('warning', onWarning))
    const health = registry(t, rabbit.url)
    for (let probe = 0; probe < 50; probe++) await health.run('s')
    t.same(warnings, [])
  })

  t.test('closing leaves no socket', async t => {
    await until(() => openSockets() === 0)
    const health = registry(t, rabbit.url)
    await health.run('s')
    t.equal(openSockets(), 1)
    await health.close()
    await until(() => openSockets() === 0)
  })

  t.test('a wrong password is an authentication that failed', async t => {
    t.equal(await status(registry(t, rabbit.url.replace(rabbit.password, 'wrong'))), 'unavailable: authentication failed')
  })

  t.test('a user and a password in any letters are those of the URL, escaped or not', async t => {
    await rabbit.ctl('add_user', 'jürgen', 'pä%ss')
    await rabbit.ctl('set_permissions', 'jürgen', '.*', '.*', '.*')
    const urlWith = (login: string) => rabbit.url.replace(`${rabbit.user}:${rabbit.password}`, login)
    t.equal(await status(registry(t, urlWith('j%C3%BCrgen:p%C3%A4%25ss'))), 'working')
    t.equal(await status(registry(t, urlWith('jürgen:pä%25ss'))), 'working')
    t.equal(await status(registry(t, urlWith(`${rabbit.user}:%zz`))), 'unavailable: authentication failed', 'what cannot be decoded is tried as it is')
    t.equal(await status(registry(t, urlWith(`${rabbit.user}`))), 'unavailable: authentication failed')
  })

  t.test('a virtual host that does not exist is said to be the trouble', async t => {
    t.equal(await status(registry(t, rabbit.urlOf('ghost'))), 'unavailable: virtual host does not exist, is full or refuses this user')
  })

  t.test('a user without any right to the virtual host is told the same', async t => {
    await rabbit.ctl('add_user', 'stranger', 'strange')
    const url = rabbit.url.replace(`${rabbit.user}:${rabbit.password}`, 'stranger:strange')
    t.equal(await status(registry(t, url)), 'unavailable: virtual host does not exist, is full or refuses this user')
  })

  t.test('a user who may only read is healthy, and 20 of its probes leave no channel', async t => {
    await rabbit.ctl('add_user', 'reader', 'reading')
    await rabbit.ctl('set_permissions', 'reader', '^$', '^$', '.*')
    const before = await census(rabbit)
    const health = registry(t, rabbit.url.replace(`${rabbit.user}:${rabbit.password}`, 'reader:reading'))
    for (let probe = 0; probe < 20; probe++) t.equal(await status(health), 'working')
    t.same(await census(rabbit), { ...before, connections: before.connections + 1 })
  })

  t.test('`writable` fails where the user may not publish', async t => {
    await rabbit.ctl('add_user', 'listener', 'listening')
    await rabbit.ctl('set_permissions', 'listener', '^$', '^$', '.*')
    const url = rabbit.url.replace(`${rabbit.user}:${rabbit.password}`, 'listener:listening')
    const health = registry(t, url, { writable: true })
    for (let probe = 0; probe < 5; probe++) t.equal(await status(health), 'unavailable: permission denied')
    await rabbit.ctl('set_permissions', 'listener', '^$', '^amq\\.default$', '^$')
    t.equal(await status(registry(t, url, { writable: true })), 'working')
    t.equal(await status(registry(t, rabbit.url, { writable: true })), 'working')
  })

  t.test('a user who may open no more channels is told so', async t => {
    await rabbit.ctl('add_user', 'narrow', 'narrow')
    await rabbit.ctl('set_permissions', 'narrow', '.*', '.*', '.*')
    await rabbit.ctl('set_user_limits', 'narrow', '{"max-channels": 0}')
    const url = rabbit.url.replace(`${rabbit.user}:${rabbit.password}`, 'narrow:narrow')
    const health = registry(t, url)
    for (let probe = 0; probe < 2; probe++) t.equal(await status(health), 'unavailable: too many channels')
    const model = await connect(url)
    model.on('error', () => {})
    const overApp = createHealth({ subsets: { s: [[RabbitMQCheck, { client: model }]] } }, { log: silent })
    t.after(() => overApp.close())
    t.equal(await status(overApp), 'unavailable: too many channels')
    await rabbit.ctl('clear_user_limits', 'narrow', 'all')
    t.equal(await status(health), 'working')
  })

  t.test('refused, then back', async t => {
    const { relay, health } = await behindRelay(t, rabbit)
    await relay.refuse()
    t.equal(await status(health), 'unavailable: connection refused')
    await relay.pass()
    t.equal(await status(health), 'working')
  })

  t.test('a connection that is cut between two runs is made anew by the next', async t => {
    const { relay, health } = await behindRelay(t, rabbit)
    t.equal(await status(health), 'working')
    await relay.refuse()
    await relay.pass()
    t.equal(await status(health), 'working')
    t.equal(relay.accepted, 2)
  })

  t.test('a connection that the broker closes between two runs is made anew by the next', async t => {
    const health = registry(t, rabbit.url)
    t.equal(await status(health), 'working')
    const before = await census(rabbit)
    await rabbit.ctl('close_all_connections', 'maintenance')
    t.equal(await status(health), 'working')
    t.same(await census(rabbit), before)
  })

  t.test('silent from the first byte, then back', async t => {
    const { relay, health } = await behindRelay(t, rabbit)
    await relay.silence()
    const { results, duration } = await health.run('s')
    t.equal(results[0]?.status, `unavailable: timed out after ${timeout} ms`)
    t.ok(duration < timeout + 200, `${duration} ms`)
    await until(() => relay.connections === 0)
    await relay.pass()
    t.equal(await status(health), 'working')
  })

  t.test('a connection that falls silent is given up, then back', async t => {
    const { relay, health } = await behindRelay(t, rabbit)
    t.equal(await status(health), 'working')
    await relay.silence()
    t.equal(await status(health), `unavailable: timed out after ${timeout} ms`)
    await until(() => relay.connections === 0)
    await relay.pass()
    t.equal(await status(health), 'working')
  })

  t.test('slower than the timeout, then back', async t => {
    const { relay, health } = await behindRelay(t, rabbit)
    t.equal(await status(health), 'working')
    await relay.delay(timeout)
    t.equal(await status(health), `unavailable: timed out after ${timeout} ms`)
    await relay.pass()
    t.equal(await status(health), 'working')
  })

  t.test('cut in the middle of the handshake, and of an answer, then back', async t => {
    const { relay, health } = await behindRelay(t, rabbit)
    await relay.cut(20)
    t.equal(await status(health), 'unavailable: connection lost')
    await relay.pass()
    t.equal(await status(health), 'working')
    await relay.cut(4)
    t.equal(await status(health), 'unavailable: connection lost')
    await relay.pass()
    t.equal(await status(health), 'working')
  })

  t.test('checks of one URL share a connection; who waits while another gives it up keeps it', async t => {
    class SameCheck extends RabbitMQCheck {}
    const { relay, url } = await behindRelay(t, rabbit)
    const health = createHealth({
      subsets: {
        s: [
          [RabbitMQCheck, { url, identifier: 'hasty', timeout: 200 }],
          [SameCheck, { url, identifier: 'patient', timeout: 1000 }],
        ],
      },
    }, { log: silent })
    t.after(() => health.close())
    t.equal((await health.run('s')).healthy, true)
    t.equal(relay.accepted, 1)
    rabbit.freeze()
    const running = health.run('s')
    await sleep(400)
    rabbit.thaw()
    t.same((await running).results.map(({ status }) => status), ['unavailable: timed out after 200 ms', 'working'])
  })

  t.test('what does not speak AMQP is said not to', async t => {
    const server = createServer(socket => {
      socket.on('error', () => {}).resume()
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    }).listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    t.equal(await status(registry(t, `amqp://127.0.0.1:${port}`)), 'unavailable: what answers does not speak AMQP')
    t.equal(await status(registry(t, `amqps://127.0.0.1:${port}`)), 'unavailable: TLS handshake failed')
  })

  t.test('an alarm that blocks publishing is a failure, and its end is noticed on the same connection', async t => {
    const health = registry(t, rabbit.url)
    t.equal(await status(health), 'working')
    const before = await census(rabbit)
    await rabbit.ctl('set_vm_memory_high_watermark', '0.00001')
    t.equal(await status(health), 'unavailable: publishing is blocked by an alarm of the broker: low on memory')
    for (let probe = 0; probe < 20; probe++) {
      t.equal(await status(health), 'unavailable: publishing is blocked by an alarm of the broker: low on memory')
    }
    t.equal((await census(rabbit)).connections, before.connections)
    await rabbit.ctl('set_vm_memory_high_watermark', '0.8')
    await until(async () => await status(health) === 'working')
    t.same(await census(rabbit), before)
  })

  t.test('a connection made during an alarm is blocked, too; closing does not hang on it', async t => {
    await rabbit.ctl('set_disk_free_limit', '1000000GB')
    const before = await socketsAtRest()
    const health = registry(t, rabbit.url)
    t.equal(await status(health), 'unavailable: publishing is blocked by an alarm of the broker: low on disk')
    await health.close()
    await until(() => openSockets() === before, { timeout: 1000 })
    await rabbit.ctl('set_disk_free_limit', '1MB')
    const later = registry(t, rabbit.url)
    await until(async () => await status(later) === 'working', { timeout: 20_000, interval: 100 })
  })

  t.test('closing while the broker is frozen neither hangs nor leaves a socket', async t => {
    const { relay, health } = await behindRelay(t, rabbit)
    const before = await socketsAtRest()
    await health.run('s')
    rabbit.freeze()
    const begun = performance.now()
    await health.close()
    t.ok(performance.now() - begun < 600)
    await until(() => relay.connections === 0, { timeout: 1000 }).finally(() => rabbit.thaw())
    await until(() => openSockets() === before, { timeout: 1000 })
  })

  t.test('closing while the connection is being lost does not hang', async t => {
    const { relay, health } = await behindRelay(t, rabbit)
    await health.run('s')
    await relay.silence()
    const closing = health.close()
    await relay.refuse()
    const begun = performance.now()
    await closing
    t.ok(performance.now() - begun < 200)
  })

  t.test('a broker that is frozen, then stopped, then started', async t => {
    const health = registry(t, rabbit.url)
    const fresh = registry(t, rabbit.url)
    t.equal(await status(health), 'working')
    rabbit.freeze()
    t.equal(await status(health), `unavailable: timed out after ${timeout} ms`)
    t.equal(await status(fresh), `unavailable: timed out after ${timeout} ms`)
    rabbit.thaw()
    t.equal(await status(health), 'working')
    t.equal(await status(fresh), 'working')
    await rabbit.stop()
    t.equal(await status(health), 'unavailable: connection refused')
    await rabbit.start()
    t.equal(await status(health), 'working')
  })

  t.test('the system checks say what is wrong with its options, and show no secret', async t => {
    const faults = async (options: object) => {
      const health = createHealth({ subsets: { s: [[RabbitMQCheck, options as never]] } })
      t.after(() => health.close())
      return (await health.systemChecks()).filter(({ level }) => level === 'error')
    }
    t.same(await faults({ url: rabbit.url }), [])
    t.same(await faults({ url: 'amqps://broker' }), [])
    t.match(await faults({}), [{ id: 'E007', message: 'none of `client`, `url` and `urls` is given', hint: /Give `client` for a connection of the app/ }])
    t.match(await faults({ url: rabbit.url, urls: [rabbit.url] }), [{ id: 'E007', message: 'both `url` and `urls` are given' }])
    t.match(await faults({ client: 'amqp', url: rabbit.url, urls: [rabbit.url] }), [{ id: 'E007', message: '`client` and `url` and `urls` are given' }])
    t.match(await faults({ client: 'amqp', ca: '-----BEGIN CERTIFICATE-----' }), [{ id: 'E007', message: '`ca` is given with `client`', hint: /Leave it out/ }])
    for (const urls of [[], 'amqp://broker', ['http://user:secret@broker']]) {
      const found = await faults({ urls })
      t.match(found, [{ id: 'E008', hint: 'It must be a list of one URL or more that start with amqp:// or amqps://.' }])
      t.notMatch(JSON.stringify(found), /secret/)
    }
    for (const url of ['', 5, 'broker', 'http://user:secret@broker']) {
      const found = await faults({ url })
      t.match(found, [{ id: 'E008', hint: 'It must be a URL that starts with amqp:// or amqps://.' }])
      t.notMatch(JSON.stringify(found), /secret/)
    }
    t.match(await faults({ url: rabbit.url, vhost: '/' }), [{ id: 'E008', message: /there is no option 'vhost'/ }])
  })

  t.test('each queue named has to exist, and none is created', async t => {
    const admin = await connect(rabbit.url)
    const channel = await admin.createChannel()
    await channel.assertQueue('orders')
    const health = createHealth({ timeout: 20_000, subsets: { s: [[RabbitMQCheck, { url: rabbit.url, queues: ['orders', 'mail', 'bills'] }]] } }, { log: silent })
    t.after(() => health.close())
    for (let n = 0; n < 2; n++) t.equal(await status(health), "unavailable: the queue 'mail' does not exist\nunavailable: the queue 'bills' does not exist")
    await channel.assertQueue('mail')
    await channel.assertQueue('bills')
    t.equal(await status(health), 'working')
    t.equal((await census(rabbit)).queues, 3)
    for (const queue of ['orders', 'mail', 'bills']) await channel.deleteQueue(queue)
    await admin.close()
  })

  t.test('over a connection of the app', async t => {
    const ask = (options: object, app?: object) => {
      const health = createHealth({ timeout: 3000, subsets: { s: [[RabbitMQCheck, options as never]] } }, { log: silent, ...(app === undefined ? {} : { app: app as never }) })
      t.after(() => health.close())
      return health
    }

    await t.test('of amqplib, and it stays open', async t => {
      const model = await connect(rabbit.url)
      t.after(async () => await model.close().catch(() => {}))
      model.on('error', () => {})
      const health = ask({ client: 'amqp.connection', queues: ['nowhere'] }, { amqp: { connection: model } })
      t.same(await health.systemChecks(), [])
      const before = await census(rabbit)
      for (let n = 0; n < 20; n++) t.equal(await status(health), "unavailable: the queue 'nowhere' does not exist")
      t.same(await census(rabbit), before)
      t.equal(model.listenerCount('close'), 1)
      await rabbit.ctl('set_vm_memory_high_watermark', '0')
      await until(async () => await status(health) === 'unavailable: publishing is blocked by an alarm of the broker: low on memory', { timeout: 20_000, interval: 100 })
      await rabbit.ctl('set_vm_memory_high_watermark', '0.6')
      await until(async () => await status(health) === "unavailable: the queue 'nowhere' does not exist", { timeout: 20_000, interval: 100 })
      await health.close()
      t.ok(await model.createChannel(), 'it belongs to the app')
      const after = ask({ client: () => model }, {})
      await rabbit.ctl('close_all_connections', 'test')
      t.equal(await status(after), 'unavailable: connection lost', 'amqplib does not connect again')
      t.equal(await status(after), 'unavailable: connection lost')
    })

    await t.test('of amqplib whose broker is frozen, to which nothing is added', async t => {
      const model = await connect(rabbit.url)
      t.after(async () => await model.close())
      const health = ask({ client: model })
      t.equal(await status(health), 'working')
      const before = await census(rabbit)
      rabbit.freeze()
      health.settings.timeout = 300
      for (let n = 0; n < 3; n++) t.equal(await status(health), 'unavailable: timed out after 300 ms')
      rabbit.thaw()
      health.settings.timeout = 3000
      t.equal(await status(health), 'working')
      t.same(await census(rabbit), before)
    })

    await t.test('of amqp-connection-manager, which connects again by itself', async t => {
      const relay = await startRelay(t, rabbit.port)
      const manager = connectManaged([rabbit.url.replace(String(rabbit.port), String(relay.port))], { reconnectTimeInSeconds: 0.05 })
      t.after(async () => await manager.close())
      const health = ask({ client: 'amqp' }, { amqp: manager })
      t.same(await health.systemChecks(), [])
      t.equal(await status(health), 'working', 'it waits until it is connected')
      await relay.refuse()
      t.equal(await status(health), 'unavailable: connection refused')
      await relay.pass()
      t.equal(await status(health), 'working')
      const slow = connectManaged(['amqp://127.0.0.1:1'], { reconnectTimeInSeconds: 60 })
      t.after(async () => await slow.close())
      await until(() => slow.listenerCount('connectFailed') >= 0 && !slow.isConnected())
      await sleep(300)
      const waiting = ask({ client: slow })
      waiting.settings.timeout = 300
      t.equal(await status(waiting), 'unavailable: client is not connected')
    })

    await t.test('that is none is told at boot (E007), and where a subset is changed later', async t => {
      t.equal(await status(ask({})), 'unknown error: E007 none of `client`, `url` and `urls` is given')
      t.match(await ask({ client: 'amqp' }, { amqp: {} }).systemChecks(), [{ id: 'E007', message: 'app.amqp is an object, and not a connection of amqplib or of amqp-connection-manager' }])
    })
  })

  t.test('of several URLs, the first that takes a connection is asked', async t => {
    const silentBroker = createServer(socket => { socket.on('error', () => {}) })
    await once(silentBroker.listen(0, '127.0.0.1'), 'listening')
    t.after(() => silentBroker.close())
    const silentUrl = `amqp://127.0.0.1:${(silentBroker.address() as AddressInfo).port}`
    const ask = async (urls: string[]) => {
      const health = createHealth({ timeout: 1500, subsets: { s: [[RabbitMQCheck, { urls }]] } }, { log: silent })
      t.after(() => health.close())
      return await status(health)
    }
    t.equal(await ask(['amqp://127.0.0.1:1', rabbit.url]), 'working')
    t.equal(await ask([silentUrl, rabbit.url]), 'working', 'one that says nothing leaves the others their share of the time')
    t.equal(await ask(['amqp://127.0.0.1:1', 'amqp://127.0.0.1:2']), 'unavailable: connection refused')
    t.equal(await ask(['amqp://127.0.0.1:1', silentUrl]), 'unavailable: connection refused', 'the first reason is told')
  })

  t.test('E007 names the driver', async t => {
    t.same(await new RabbitMQCheck({ url: rabbit.url }).requirements({} as never), [])
    t.same(await withoutDriver(), [{ message: "the package 'amqplib' cannot be loaded", hint: 'Install it: npm install amqplib' }])
  })

  t.test('it asks something that all pods share', async t => {
    t.equal(RabbitMQCheck.scope, 'shared')
  })
})

t.test('RabbitMQ over TLS', async t => {
  const root = await startAuthority(t)
  const rabbit = await startRabbitMQ(t, { certificate: await root.issue('shop') })
  const ask = async (options: object) => {
    const health = createHealth({ timeout: 20_000, subsets: { s: [[RabbitMQCheck, { url: rabbit.url, ...options }]] } }, { log: silent })
    t.after(() => health.close())
    return await status(health)
  }
  t.equal(await ask({}), 'unavailable: certificate not trusted')
  t.equal(await ask({ ca: root.certificate.cert }), 'working')
  t.match(await new RabbitMQCheck({ url: rabbit.url, cert: root.certificate.cert }).requirements({} as never), [{ message: '`cert` is given, and no `key`' }])
})

/** What the check misses in a process where its driver is not installed. */
async function withoutDriver (): Promise<unknown> {
  const hooks = `export async function resolve (specifier, context, next) {
    if (specifier === 'amqplib') throw new Error('not installed')
    return await next(specifier, context)
  }`
  const module = new URL('../../lib/checks/rabbitmq.ts', import.meta.url).href
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import', import.meta.resolve('@tapjs/typescript/import'),
    '--input-type', 'module',
    '--eval', `import { register } from 'node:module'
      register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})
      const { RabbitMQCheck } = await import('${module}')
      console.log(JSON.stringify(await new RabbitMQCheck({ url: 'amqp://broker' }).requirements({})))`,
  ])
  return JSON.parse(stdout)
}
