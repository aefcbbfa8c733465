import Fastify from 'fastify'
import promClient, { Registry, type OpenMetricsContentType } from 'prom-client'
import { test } from 'tap'
import fastifyHealth, { createHealth, defineCheck, ServiceUnavailable, type HealthOptions } from '../lib/index.js'
import { metrics } from '../lib/renderers/metrics.js'
import { registerMetrics } from '../lib/prometheus.js'
import { promtool } from './helpers/prometheus.js'

const { log } = Fastify()

function scrapedOf (options: HealthOptions) {
  const health = createHealth(options, { log })
  const register = new Registry()
  registerMetrics(health, { register })
  return {
    health,
    register,
    async samples () {
      return (await register.metrics()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
    },
  }
}

test('a scrape tells what the last runs found, and runs nothing', async t => {
  let runs = 0
  const check = defineCheck({ identifier: 'A', check () { if (++runs > 1) throw new ServiceUnavailable('gone') } })
  const { health, samples } = scrapedOf({ subsets: { readiness: [check], integrations: [check] } })
  t.strictSame(await samples(), [], 'nothing has run')

  const [good] = (await health.run('readiness')).results
  const labels = '{subset="readiness",check="A"}'
  t.strictSame(await samples(), [
    'fastify_health_subset_status{subset="readiness"} 1',
    `fastify_health_check_status${labels} 1`,
    `fastify_health_check_borne${labels} 0`,
    `fastify_health_check_duration_seconds${labels} ${Math.round(good!.duration * 1000) / 1e6}`,
    `fastify_health_check_last_success_timestamp_seconds${labels} ${good!.lastSuccess! / 1000}`,
    `fastify_health_check_runs_total${labels} 1`,
    `fastify_health_check_transitions_total${labels} 0`,
  ])
  await health.run('readiness')
  t.match(await samples(), [
    'fastify_health_subset_status{subset="readiness"} 0',
    `fastify_health_check_status${labels} 0`,
    `fastify_health_check_borne${labels} 0`,
    String,
    `fastify_health_check_last_success_timestamp_seconds${labels} ${good!.lastSuccess! / 1000}`,
    `fastify_health_check_runs_total${labels} 2`,
    `fastify_health_check_transitions_total${labels} 1`,
  ])
  await samples()
  t.equal(runs, 2)
})

test('what runs in the background needs no probe', async t => {
  let ran = () => {}
  const first = new Promise<void>(resolve => { ran = resolve })
  const check = defineCheck({ identifier: 'A', check () { ran() } })
  const { health, samples } = scrapedOf({ subsets: { integrations: [[check, { interval: 60_000 }]] } })
  t.teardown(() => health.close())
  health.start()
  await first
  await new Promise(resolve => setImmediate(resolve))
  t.match(await samples(), ['fastify_health_subset_status{subset="integrations"} 1', 'fastify_health_check_status{subset="integrations",check="A"} 1'])
})

test('what is no longer configured is no longer told', async t => {
  const named = (identifier: string) => defineCheck({ identifier, check () {} })
  const { health, samples } = scrapedOf({ subsets: { a: [named('A'), named('B')], b: [named('C')] } })
  await health.run('a')
  await health.run('b')
  t.equal((await samples()).length, 2 + 3 * 6)
  health.settings.subsets['a']?.pop()
  delete health.settings.subsets['b']
  t.equal((await samples()).length, 1 + 6)
})

test('a subset that is draining has failed, while its checks are told as they are', async t => {
  const { health, samples } = scrapedOf({ subsets: { readiness: [defineCheck({ identifier: 'A', check () {} })] } })
  await health.run('readiness')
  await health.drain()
  t.match(await samples(), ['fastify_health_subset_status{subset="readiness"} 0', 'fastify_health_check_status{subset="readiness",check="A"} 1'])
})

test('they are the metrics of the openmetrics format, with the types that prom-client knows', async t => {
  const { health, register } = scrapedOf({ subsets: { a: [defineCheck({ identifier: 'A', check () {} })] } })
  await health.run('a')
  const found = await register.getMetricsAsJSON()
  t.strictSame(found.map(({ name, help, type }) => ({ name, help, type: String(type) })), metrics.map(({ name, help, type }) => ({ name, help, type })))
  t.strictSame(await promtool(['check', 'metrics'], await register.metrics()), { status: 0, said: '' })
})

test('a registry that speaks OpenMetrics takes them as well', async t => {
  const health = createHealth({ subsets: { a: [defineCheck({ identifier: 'A', check () {} })] } }, { log })
  const register = new Registry<OpenMetricsContentType>()
  register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  registerMetrics(health, { register })
  await health.run('a')
  const text = await register.metrics()
  t.match(text, '# TYPE fastify_health_check_runs counter\nfastify_health_check_runs_total{subset="a",check="A"} 1\n')
})

test('they join the metrics that an app has already, which is prom-client\'s own registry unless told', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  t.teardown(() => { promClient.register.clear() })
  promClient.collectDefaultMetrics()
  await app.register(fastifyHealth, { subsets: { readiness: [defineCheck({ identifier: 'A', check () {} })] } })
  registerMetrics(app.health)
  app.get('/metrics', async (_request, reply) => await reply.type(promClient.register.contentType).send(await promClient.register.metrics()))
  await app.inject('/healthcheck/readiness')
  const { body } = await app.inject('/metrics')
  t.match(body, 'process_cpu_seconds_total')
  t.match(body, 'fastify_health_subset_status{subset="readiness"} 1')
  t.throws(() => registerMetrics(app.health), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /^The registry has fastify_health_subset_status, .* already\. Call registerMetrics once/ })
})

test('where one of their names is taken, none is registered', async t => {
  const register = new Registry()
  const runs = new promClient.Counter({ name: 'fastify_health_check_runs_total', help: 'taken', registers: [register] })
  const health = createHealth({}, { log })
  t.throws(() => registerMetrics(health, { register }), { message: /^The registry has fastify_health_check_runs_total already/ })
  t.strictSame(register.getMetricsAsArray().map(({ name }) => name), ['fastify_health_check_runs_total'])
  t.equal(register.getSingleMetric('fastify_health_check_runs_total'), runs)
})

test('of the workers of a cluster the worst status counts, the longest run and the oldest success', async t => {
  const workers = await Promise.all([false, true, true].map(async broken => {
    const { health, register } = scrapedOf({ subsets: { s: [defineCheck({ identifier: 'A', check () { if (broken) throw new ServiceUnavailable('gone') } })] } })
    await health.run('s')
    await health.run('s')
    return await register.getMetricsAsJSON()
  }))
  const now = Date.now() / 1000
  const all = await promClient.AggregatorRegistry.aggregate(workers).getMetricsAsJSON()
  const value = (name: string) => (all.find(metric => metric.name === name) as unknown as { values: Array<{ value: number }> }).values[0]?.value as number
  t.equal(value('fastify_health_subset_status'), 0)
  t.equal(value('fastify_health_check_status'), 0)
  t.ok(value('fastify_health_check_last_success_timestamp_seconds') <= now)
  t.ok(value('fastify_health_check_last_success_timestamp_seconds') > now - 60)
  t.equal(value('fastify_health_check_runs_total'), 6)
})

test('however many metrics there are, a scrape looks at each subset once, and the next scrape anew', async t => {
  const { health, register } = scrapedOf({ subsets: { a: [], b: [] } })
  const looks = t.capture(health, 'lastReport', health.lastReport)
  await register.metrics()
  t.strictSame(looks().map(({ args }) => args), [['a'], ['b']])
  await register.metrics()
  t.equal(looks().length, 2)
})
