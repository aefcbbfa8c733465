import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import Fastify from 'fastify'
import { test, type Test } from 'tap'
import { createHealth, HealthCheck, ServiceUnavailable, type CheckContext, type RequirementsContext } from '../lib/index.js'
import { abortable, clientRequirements, clientRule, explain, withClient, type ClientKind, type ClientOption, type Connection } from '../lib/kit.js'
import { systemClock, type Clock } from '../lib/time/clock.js'
import { skippingClock } from './helpers/skipping-clock.js'

/** A client that answers when it is told to, and cannot be cancelled. */
class Slow {
  asked = 0
  answer: (value: string) => void = () => {}
  async ping (): Promise<string> {
    this.asked++
    return await new Promise(resolve => { this.answer = resolve })
  }
}

const slowKind: ClientKind = { takes: 'a slow client', fits: value => value instanceof Slow, hint: 'Register slow.' }

class SlowCheck extends HealthCheck<{ client: ClientOption<Slow> }> {
  static override readonly rules = { client: clientRule(slowKind) }

  override async requirements (context: RequirementsContext) {
    return await clientRequirements(context, { client: this.options.client, kind: slowKind })
  }

  override async check (context: CheckContext) {
    await withClient(context, { client: this.options.client, kind: slowKind }, async client => await client.ping())
  }
}

async function registryOf (t: Test, client: ClientOption<Slow>, decorators: Record<string, unknown> = {}, clock: Clock = systemClock) {
  const app = Fastify()
  for (const [name, value] of Object.entries(decorators)) app.decorate(name, value)
  const health = createHealth({ subsets: { readiness: [[SlowCheck, { client, timeout: 50 }]] } }, { app, clock })
  t.teardown(async () => await health.close())
  return health
}

const statusOf = async (health: ReturnType<typeof createHealth>) => (await health.run('readiness')).results[0]?.status

test('a client is the name of a decorator, into which dots reach, a function of the app, or the client itself', async t => {
  const slow = new Slow()
  const decorators = { slow, plugins: { slow } }
  for (const client of ['slow', 'plugins.slow', () => slow, async () => slow, slow] as Array<ClientOption<Slow>>) {
    const health = await registryOf(t, client, decorators)
    t.strictSame(await health.systemChecks(), [])
    const asked = slow.asked
    const running = statusOf(health)
    while (slow.asked === asked) await new Promise(resolve => setImmediate(resolve))
    slow.answer('pong')
    t.equal(await running, 'working')
  }
})

test('a client that lost its connection while nothing was asked is asked once more', async t => {
  const slow = new Slow()
  const answers = [Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), 'pong']
  slow.ping = async () => {
    const answer = answers.shift()
    if (answer instanceof Error) throw answer
    return answer as string
  }
  const health = await registryOf(t, slow)
  t.equal(await statusOf(health), 'working')
  const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  answers.push(lost, lost)
  t.equal(await statusOf(health), 'unavailable: connection lost')
  t.strictSame(answers, [])
})

test('a client given as itself is asked where there is no app', async t => {
  const slow = new Slow()
  slow.ping = async () => 'pong'
  const health = createHealth({ subsets: { readiness: [[SlowCheck, { client: slow }], [SlowCheck, { client: 'slow', identifier: 'Named' }], [SlowCheck, { client: () => slow, identifier: 'Of the app' }]] } })
  t.teardown(async () => await health.close())
  const { results } = await health.run('readiness')
  t.strictSame(results.map(({ identifier, healthy }) => [identifier, healthy]), [['Named', false], ['Of the app', false], ['SlowCheck', true]])
  t.equal(results[0]?.status, 'unknown error')
  t.equal(results[1]?.status, 'unknown error')
})

test('what is there and does not fit is told with what was found and what is taken', async t => {
  class Redis {}
  const bare = Object.create(null)
  const cases: Array<[ClientOption<any>, string]> = [
    ['ghost', 'app.ghost is not there'],
    ['ghost.deeper', 'app.ghost.deeper is not there'],
    ['redis', 'app.redis is an instance of Redis, and not a slow client'],
    ['plain', 'app.plain is an object, and not a slow client'],
    ['bare', 'app.bare is an object, and not a slow client'],
    ['hello', 'app.hello is a string, and not a slow client'],
    [() => null, 'what `client` returned for the app is not there'],
    [() => () => {}, 'what `client` returned for the app is a function, and not a slow client'],
    [() => { throw new Error('too early') }, '`client` threw when it was called with the app: Error: too early'],
  ]
  for (const [client, message] of cases) {
    const health = await registryOf(t, client, { redis: new Redis(), plain: {}, bare, hello: 'hello' })
    t.match(await health.systemChecks(), [{ id: 'E007', message, hint: 'Register slow.' }])
    t.equal(await statusOf(health), `unknown error: E007 ${message}`)
  }
  const wrong = await registryOf(t, 42 as never)
  t.match(await wrong.systemChecks(), [{ id: 'E008', hint: 'It must be the name of a decorator, a function of the app, or a slow client.' }])
})

test('any object fits where a check does not say what does', async t => {
  const check = class extends HealthCheck<{ client: ClientOption<{ ping (): string }> }> {
    static override readonly rules = { client: clientRule() }
    override async requirements (context: RequirementsContext) { return await clientRequirements(context, this.options) }
    override async check (context: CheckContext) { await withClient(context, this.options, client => client.ping()) }
  }
  const health = createHealth({ subsets: { readiness: [[check, { client: { ping: () => 'pong' }, identifier: 'Plain' }], [check, { client: 'ghost', identifier: 'Ghost' }]] } }, { app: Fastify() })
  t.teardown(async () => await health.close())
  t.match(await health.systemChecks(), [{ id: 'E007', message: 'app.ghost is not there', hint: /Register the plugin that makes it/ }])
  t.match((await health.run('readiness')).results, [{ identifier: 'Ghost', healthy: false }, { identifier: 'Plain', healthy: true }])
})

for (const [name, make] of [['an instance', (slow: Slow) => slow], ['a plain object', (slow: Slow) => ({ ping: async () => await slow.ping() })], ['without a method', (slow: Slow) => ({ inner: slow })]] as const) {
  test(`${name}: a client that has not answered is not asked again before it has`, async t => {
    const slow = new Slow()
    const client = make(slow)
    const check = class extends HealthCheck {
      override async check (context: CheckContext) {
        await withClient(context, { client } as { client: any }, async client => await (client.inner ?? client).ping())
      }
    }
    const health = createHealth({ subsets: { readiness: [[check, { timeout: 50, identifier: 'Slow' }]] } })
    t.teardown(async () => await health.close())
    t.match(await statusOf(health), /timed out/)
    t.match(await statusOf(health), /timed out/)
    t.equal(slow.asked, 1)
    slow.answer('pong')
    const running = statusOf(health)
    while (slow.asked === 1) await new Promise(resolve => setImmediate(resolve))
    slow.answer('pong')
    t.equal(await running, 'working')
  })
}

test('two runs that were given up both have to be answered', async t => {
  const slow = new Slow()
  const answers: Array<() => void> = []
  slow.ping = async () => await new Promise<string>((resolve, reject) => { answers.push(() => answers.length === 1 ? reject(new Error('late')) : resolve('pong')) })
  const controllers = [new AbortController(), new AbortController()]
  const works = controllers.map(async ({ signal }) => await withClient({ signal } as CheckContext, { client: slow }, async client => await client.ping()))
  while (answers.length < 2) await new Promise(resolve => setImmediate(resolve))
  for (const controller of controllers) controller.abort(new Error('late'))
  for (const work of works) await t.rejects(work, { message: 'late' })
  let asked = false
  const next = withClient({ signal: new AbortController().signal } as CheckContext, { client: slow }, () => { asked = true })
  answers[0]?.()
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(asked)
  answers[1]?.()
  await next
  t.ok(asked)
})

test('a client that has not answered for 30 s is asked again', async t => {
  const slow = new Slow()
  const clock = skippingClock()
  const health = await registryOf(t, slow, {}, clock)
  t.match(await statusOf(health), /timed out/)
  clock.skip(30_000)
  t.match(await statusOf(health), /timed out/)
  t.equal(slow.asked, 2)
})

test('a connection of the checks\' own is made once, kept, and destroyed when a run is aborted or the registry closed', async t => {
  const sockets = new Set<Socket>()
  let silent = false
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {}).on('data', () => { if (!silent) socket.write('pong') })
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  let loads = 0
  const open = (): Connection<Socket> => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    return { connected: once(socket, 'connect').then(() => socket), isLost: () => socket.destroyed, destroy: () => socket.destroy() }
  }
  const check = class extends HealthCheck<{ driver?: boolean }> {
    override async check (context: CheckContext) {
      const load = this.options.driver === true ? { load: () => { loads++ } } : {}
      await withClient(context, { key: 'pong', ...load, connect: open }, async socket => {
        socket.write('ping')
        await once(socket, 'data')
      })
    }
  }
  const health = createHealth({ subsets: { readiness: [[check, { timeout: 300, identifier: 'Pong', driver: true }]], other: [[check, { identifier: 'Pong' }]] } })
  t.equal(await statusOf(health), 'working')
  t.equal((await health.run('other')).healthy, true)
  t.equal(await statusOf(health), 'working')
  t.equal(sockets.size, 1)
  t.equal(loads, 1)
  silent = true
  t.match(await statusOf(health), /timed out/)
  while (sockets.size > 0) await new Promise(resolve => setImmediate(resolve))
  silent = false
  t.equal(await statusOf(health), 'working')
  await health.close()
  while (sockets.size > 0) await new Promise(resolve => setImmediate(resolve))
  t.pass('closed')
})

test('what a driver throws is put into plain words, and what is not known is left as it is', async t => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:6379'), { code: 'ECONNREFUSED' })
  t.match(explain(new Error('failed', { cause: refused })), { name: 'ServiceUnavailable', message: 'connection refused' })
  const known = new ServiceUnavailable('asleep')
  t.equal(explain(known), known)
  t.equal(explain(new Error('out of cheese')), undefined)
  const context = { signal: new AbortController().signal } as CheckContext
  await t.rejects(withClient(context, { client: {} }, () => { throw refused }), { message: 'connection refused', cause: refused })
  await t.rejects(withClient(context, { client: {} }, () => { throw new Error('out of cheese') }), { message: 'out of cheese' })
})

test('what hangs is destroyed once the signal is aborted', async t => {
  const controller = new AbortController()
  let destroyed = false
  const work = abortable(new Promise(() => {}), controller.signal, () => { destroyed = true })
  controller.abort(new Error('late'))
  await t.rejects(work, { message: 'late' })
  t.ok(destroyed)
})
