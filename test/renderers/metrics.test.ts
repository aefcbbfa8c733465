import Fastify from 'fastify'
import { test } from 'tap'
import fastifyHealth, { createHealth, defineCheck, ServiceUnavailable } from '../../lib/index.js'
import { metrics } from '../../lib/renderers/metrics.js'
import { prometheus } from '../../lib/manifests/prometheus.js'
import { toManifestInput } from '../../lib/manifests/input.js'
import { until } from '../helpers/leaks.js'
import { startPrometheus } from '../helpers/prometheus.js'

const { log } = Fastify()

test('every metric follows the conventions of its kind', t => {
  for (const { name, type, unit, help, labels } of metrics) {
    t.match(name, /^fastify_health_(?:subset|check)_[a-z_]+$/)
    t.equal(name.endsWith('_total'), type === 'counter', name)
    t.equal(name.endsWith(`_${unit}`), unit !== undefined, name)
    // Neither a backslash nor a line break, which would have to be escaped.
    t.match(help, /^[\w:,;. -]+\.$/)
    t.strictSame(labels, name.endsWith('_observed') ? ['subset', 'check', 'name'] : name.includes('_check_') ? ['subset', 'check'] : ['subset'])
  }
  t.equal(new Set(metrics.map(({ name }) => name)).size, metrics.length)
  t.end()
})

test('a report is samples of exactly the labels that the metric has', async t => {
  const health = createHealth({ subsets: { readiness: [defineCheck({ identifier: 'A', check ({ observe }) { observe('lag', 3) } })] } }, { log })
  await health.mute('readiness', 'A', { until: Date.now() + 60_000, because: 'a test' })
  const report = await health.run('readiness')
  for (const { name, labels, samples } of metrics) {
    const [sample, ...rest] = samples(report)
    t.strictSame(Object.keys(sample!.labels), labels, name)
    t.strictSame(rest, [])
  }
})

test('what never worked has no moment of its last success', async t => {
  const broken = defineCheck({ identifier: 'A', check () { throw new ServiceUnavailable('gone') } })
  const report = await createHealth({ subsets: { readiness: [broken] } }, { log }).run('readiness')
  const counts = Object.fromEntries(metrics.map(({ name, samples }) => [name, samples(report).length]))
  t.match(counts, { fastify_health_check_last_success_timestamp_seconds: 0, fastify_health_check_status: 1 })
})

test('a real Prometheus scrapes it by the manifest, is up while a check fails, and its alerts fire', async t => {
  let broken = true
  const app = Fastify()
  t.teardown(() => app.close())
  const identifier = 'Data\\base "one":\n1'
  await app.register(fastifyHealth, {
    subsets: {
      readiness: [defineCheck({ identifier, check () { if (broken) throw new ServiceUnavailable('gone') } })],
      integrations: [defineCheck({ identifier: 'Cache', check () {} })],
    },
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const manifest = prometheus(await toManifestInput(app.health, { name: 'shop', port }))
  const [config = '', rules = ''] = manifest.split(/^---\n/m)
  // As printed, but that nothing waits for minutes.
  const server = await startPrometheus(t, {
    config: `global: { evaluation_interval: 500ms }\n${config.replaceAll(/scrape_interval: .*/g, 'scrape_interval: 500ms').replaceAll(/scrape_timeout: .*/g, 'scrape_timeout: 500ms')}`,
    rules: rules.replaceAll(/for: \d+m/g, 'for: 1s'),
  })
  const alertsOf = async () => (await server.alerts())
    .filter(({ state }) => state === 'firing')
    .map(({ labels: { alertname }, annotations: { summary } }) => `${alertname} ${summary}`)
    .sort()
  const valuesOf = async (expression: string) => Object.fromEntries((await server.query(expression)).map(({ labels, value }) => [labels['subset'] ?? labels['job'], value]))

  await until(async () => (await alertsOf()).length === 2, { timeout: 20_000, interval: 100 })
  t.strictSame(await alertsOf(), [
    `HealthCheckFailing ${identifier} (readiness) of 127.0.0.1:${port} is failing.`,
    `HealthSubsetFailing readiness of 127.0.0.1:${port} is unhealthy.`,
  ])
  t.strictSame(await valuesOf('up'), { 'shop-readiness': '1', 'shop-integrations': '1' })
  t.strictSame(await valuesOf('fastify_health_subset_status'), { readiness: '0', integrations: '1' })
  t.strictSame(await valuesOf('fastify_health_check_transitions_total'), { readiness: '1', integrations: '0' })
  t.strictSame((await server.targets()).map(({ health, lastError }) => [health, lastError]), [['up', ''], ['up', '']])
  const [{ labels } = { labels: {} }] = await server.query('fastify_health_check_status{subset="readiness"}')
  t.strictSame(labels, {
    __name__: 'fastify_health_check_status', check: identifier, instance: `127.0.0.1:${port}`, job: 'shop-readiness', service: 'shop', subset: 'readiness',
  })
  t.ok(Number(Object.values(await valuesOf('rate(fastify_health_check_runs_total{subset="integrations"}[10s])'))[0]) > 0)
  t.ok(Number(Object.values(await valuesOf('time() - fastify_health_check_last_success_timestamp_seconds'))[0]) < 5)

  broken = false
  await until(async () => (await alertsOf()).length === 0, { timeout: 20_000, interval: 100 })
  t.strictSame(await valuesOf('fastify_health_subset_status'), { readiness: '1', integrations: '1' })

  await app.close()
  await until(async () => (await alertsOf()).length === 2, { timeout: 20_000, interval: 100 })
  t.strictSame(await alertsOf(), ['shop-integrations', 'shop-readiness'].map(job => `HealthUnreachable ${job} of 127.0.0.1:${port} does not answer.`))
})
