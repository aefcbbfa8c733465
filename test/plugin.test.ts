import { setTimeout as pause } from 'node:timers/promises'
import cors from '@fastify/cors'
import postgres from '@fastify/postgres'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { test, type Test } from 'tap'
import health, { defineCheck, fastifyHealth, HealthRegistry, type HealthOptions } from '../lib/index.js'
import { command, plugin, type CommandRegistration } from '../lib/plugin.js'
import { until } from './helpers/leaks.js'
import { startPostgres } from './helpers/postgres.js'

const working = (identifier = 'Database') => defineCheck({ identifier, check () {} })

function logging (t: Test): { app: FastifyInstance, logged: Array<{ level: number, msg: string }> } {
  const logged: Array<{ level: number, msg: string }> = []
  const app = Fastify({ logger: { stream: { write: line => logged.push(JSON.parse(line)) } } })
  t.after(() => app.close())
  return { app, logged }
}

const warningsOf = (logged: Array<{ level: number, msg: string }>) => logged.filter(({ level }) => level === 40).map(({ msg }) => msg)
const gated = 'health: W001 an onRequest hook was registered before fastify-health, so liveness is gated on it. Register fastify-health first.'

test('it is the default export, under its own name as well', async t => {
  t.equal(health, plugin)
  t.equal(fastifyHealth, plugin)
})

test('it decorates the instance that it is registered in with its registry', async t => {
  const { app } = logging(t)
  const options: HealthOptions = { subsets: { readiness: [working()] }, failureStatus: 503 }
  await app.register(health, options)
  t.ok(app.health instanceof HealthRegistry)
  t.equal(app.health.settings.failureStatus, 503)
  t.strictSame(app.health.subsets(), ['readiness'])
  t.strictSame((await app.health.run('readiness')).results.map(({ status }) => status), ['working'])
  t.strictSame(options, { subsets: { readiness: options.subsets?.['readiness'] }, failureStatus: 503 }, 'and leaves its options alone')
})

test('without options it serves liveness', async t => {
  const { app } = logging(t)
  await app.register(health)
  t.equal((await app.inject('/healthcheck/liveness')).statusCode, 200)
  t.strictSame(app.health.subsets(), [])
})

test('a second registration is refused, and says what to do', async t => {
  const { app } = logging(t)
  await app.register(health)
  await t.rejects(async () => { await app.register(health) }, { code: 'FST_HEALTH_ALREADY_REGISTERED', message: /app\.health\.add/ })
  const { app: parent } = logging(t)
  await parent.register(health)
  await t.rejects(async () => { await parent.register(async child => { await child.register(health) }, { prefix: '/child' }) }, { code: 'FST_HEALTH_ALREADY_REGISTERED' })
})

test('contexts beside each other have one each, before their authentication', async t => {
  const { app } = logging(t)
  const refuse = async (_request: FastifyRequest, reply: FastifyReply) => await reply.code(401).send('no')
  for (const prefix of ['/a', '/b/']) {
    await app.register(async child => {
      await child.register(health, { subsets: { readiness: [working(prefix)] } })
      child.addHook('onRequest', refuse)
    }, { prefix })
  }
  t.notOk(app.hasDecorator('health'))
  for (const prefix of ['/a', '/b']) {
    t.equal((await app.inject(`${prefix}/healthcheck/liveness`)).statusCode, 200)
    t.equal((await app.inject(`${prefix}/healthcheck/readiness`)).statusCode, 401)
  }
})

test('a hook that was registered earlier is warned of, wherever it comes from', async t => {
  const hook = async () => {}
  const earlier: Record<string, (app: FastifyInstance) => unknown> = {
    hook: app => app.addHook('onRequest', hook),
    plugin: async app => await app.register(cors),
  }
  for (const [name, register] of Object.entries(earlier)) {
    const { app, logged } = logging(t)
    await register(app)
    await app.register(health)
    await app.ready()
    t.strictSame(warningsOf(logged), [gated], name)
  }
  const { app, logged } = logging(t)
  app.addHook('onRequest', hook)
  await app.register(async child => { await child.register(health) })
  await app.ready()
  t.strictSame(warningsOf(logged), [gated], 'of a parent')
})

test('the warning is one of the system checks, but concerns no subset', async t => {
  const { app } = logging(t)
  app.addHook('onRequest', async () => {})
  await app.register(health, { subsets: { readiness: [working()] } })
  await app.ready()
  t.match(await app.health.systemChecks(), [{ id: 'W001', level: 'warning' }])
  t.strictSame(await app.health.systemChecks('readiness'), [])
})

test('a hook that gates nothing is not warned of', async t => {
  const hook = async () => {}
  const harmless: Record<string, { before?: (app: FastifyInstance) => unknown, options?: HealthOptions, after?: (app: FastifyInstance) => unknown }> = {
    later: { after: app => app.addHook('onRequest', hook) },
    'of another kind': { before: app => app.addHook('preHandler', hook).addHook('onSend', hook) },
    'of a child': { before: async app => await app.register(async child => { child.addHook('onRequest', hook) }) },
    'where liveness is switched off': { before: app => app.addHook('onRequest', hook), options: { livenessPath: false } },
    'Swagger has none': { before: async app => await app.register(swagger) },
  }
  for (const [name, { before, options = {}, after }] of Object.entries(harmless)) {
    const { app, logged } = logging(t)
    await before?.(app)
    await app.register(health, options)
    await after?.(app)
    await app.ready()
    t.strictSame(warningsOf(logged), [], name)
  }
})

test('every error of the configuration ends the boot in one message, and warnings are logged', async t => {
  const { app, logged } = logging(t)
  app.addHook('onRequest', async () => {})
  await app.register(health, {
    subsets: {
      readiness: ['fastify-health/checks/postgress', 42 as never],
      'a/b': [],
      liveness: [defineCheck({ identifier: 'Shared', scope: 'shared', check () {} })],
    },
  })
  const error = await app.ready().then(() => undefined, error => error)
  t.equal(error.code, 'FST_HEALTH_INVALID_CONFIGURATION')
  const [title, ...lines] = error.message.split('\n  ')
  t.equal(title, 'The health configuration has errors:')
  t.strictSame(lines.map((line: string) => line.slice(0, 4)).sort(), ['E003', 'E004', 'E005'])
  t.match(error.message, "'fastify-health/checks/postgres'")
  t.strictSame(warningsOf(logged).map(msg => msg.slice(0, 12)).sort(), ['health: W001', 'health: W002'])
})

test('a boot that waits for the checks until Fastify would end it says so', async t => {
  const hanging = defineCheck({ identifier: 'Hanging', check () {}, timeout: 20_000, requirements: async () => await new Promise<never>(() => {}) })
  const slow = defineCheck({ identifier: 'Slow', check () {}, requirements: async () => await pause(300, []) })
  const boot = async (pluginTimeout: number, ...checks: typeof slow[]) => {
    const app = Fastify({ pluginTimeout })
    t.after(() => app.close())
    await app.register(health, { subsets: { readiness: checks } })
    await app.ready()
  }
  await t.rejects(boot(1000, hanging, slow), {
    code: 'FST_HEALTH_INVALID_CONFIGURATION',
    message: 'What the checks need could not be made out within 900 ms, and Fastify ends the boot after its `pluginTimeout` of 1000 ms: look for a check whose module or `requirements` take long, or raise `pluginTimeout`.',
  })
  await boot(1000, slow)
  await boot(0, slow)
})

test('options that do not fit end the boot, and nothing is mounted', async t => {
  for (const options of [{ prefix: 'health' }, { livenessPath: 'live' }, { failureStatus: 200 }, { logLevel: 'loud' }, { openapi: 'no' }, { subsets: [] }, { prefx: '/x' }] as object[]) {
    const { app } = logging(t)
    await app.register(health, options as HealthOptions)
    t.notOk(app.hasRoute({ method: 'GET', url: '/healthcheck/liveness' }))
    await t.rejects(async () => { await app.ready() }, { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /E001/ }, JSON.stringify(options))
  }
})

test('what a check needs may be registered later', async t => {
  const { url } = await startPostgres(t)
  const { app } = logging(t)
  await app.register(health, { subsets: { readiness: ['fastify-health/checks/postgres'] } })
  await app.register(postgres, { connectionString: url })
  t.equal((await app.inject('/healthcheck/readiness?format=json')).body, '{"DatabaseHeartbeatCheck":"working"}')
  const { app: without } = logging(t)
  await without.register(health, { subsets: { readiness: ['fastify-health/checks/postgres'] } })
  await t.rejects(async () => { await without.ready() }, { message: /E007/ })
})

test('checks with an interval run once the app is ready, and stop with it', async t => {
  let runs = 0
  const { app } = logging(t)
  const counted = defineCheck({ identifier: 'Counted', check () { runs++ } })
  await app.register(health, { subsets: { readiness: [[counted, { interval: 10 }]] } })
  await pause(50)
  t.equal(runs, 0)
  await app.ready()
  await until(() => runs >= 3)
  await app.close()
  const after = runs
  await pause(60)
  t.equal(runs, after)
})

test('closing the app closes what checks kept open', async t => {
  let closed = 0
  const { app } = logging(t)
  const keeping = defineCheck({ identifier: 'Keeping', check: async ({ resources }) => { await resources.get('connection', () => ({}), () => { closed++ }) } })
  await app.register(health, { subsets: { readiness: [keeping] } })
  await app.inject('/healthcheck/readiness')
  await app.inject('/healthcheck/readiness')
  t.equal(closed, 0)
  await app.close()
  t.equal(closed, 1)
})

test('a command finds every registry, and may leave the system checks out', async t => {
  const boot = async (skipChecks: boolean) => {
    const { app } = logging(t)
    const asked: CommandRegistration = { skipChecks, registries: [] }
    app.decorate(command as never, asked as never)
    await app.register(async child => { await child.register(health, { subsets: { readiness: [42 as never] } }) })
    await app.register(async child => { await child.register(health, { subsets: { integrations: [working()] } }) }, { prefix: '/x' })
    return { ready: await app.ready().then(() => true, () => false), subsets: asked.registries.flatMap(registry => registry.subsets()) }
  }
  t.strictSame(await boot(true), { ready: true, subsets: ['readiness', 'integrations'] })
  t.match(await boot(false), { ready: false })
})

test('a command starts no check of its own accord, and asks those with an interval like the others', async t => {
  let runs = 0
  const { app } = logging(t)
  app.decorate(command as never, { skipChecks: false, registries: [] } satisfies CommandRegistration as never)
  const counted = defineCheck({ identifier: 'Counted', check () { runs++ } })
  await app.register(health, { subsets: { readiness: [[counted, { interval: 5 }]] } })
  await app.ready()
  await pause(50)
  t.equal(runs, 0)
  t.ok((await app.health.run('readiness')).healthy)
  t.equal(runs, 1)
})

test('it needs Fastify 5', async t => {
  const symbol = Object.getOwnPropertySymbols(plugin).find(({ description }) => description === 'plugin-meta')
  t.match((plugin as unknown as Record<symbol, object>)[symbol!], { name: 'fastify-health', fastify: '5.x' })
})
