import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { test, type Test } from 'tap'
import { createHealth, defineCheck, ServiceUnavailable } from '../lib/index.js'
import { registerMetrics } from '../lib/opentelemetry.js'
import { metrics } from '../lib/renderers/metrics.js'
import { recordedLog } from './helpers/recorded-log.js'

function setUp (t: Test) {
  let runs = 0
  const check = defineCheck({
    identifier: 'Queue',
    check ({ observe }) {
      observe('lag', 3)
      if (++runs > 1) throw new ServiceUnavailable('gone')
    },
  })
  const health = createHealth({ subsets: { readiness: [check] } }, { log: recordedLog().log })
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 31 - 1 })
  const provider = new MeterProvider({ readers: [reader] })
  t.teardown(() => provider.shutdown())
  const end = registerMetrics(health, { meter: provider.getMeter('test') })
  const collected = async () => {
    exporter.reset()
    await reader.forceFlush()
    return exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics).flatMap(({ metrics }) => metrics)
      .flatMap(({ descriptor: { name, unit }, dataPoints }) => dataPoints.map(({ attributes, value }) => ({ name, unit, attributes, value })))
  }
  return { health, end, collected, runs: () => runs }
}

test('collecting tells what the last runs found, and runs nothing', async t => {
  const { health, collected, runs } = setUp(t)
  t.strictSame(await collected(), [], 'nothing has run')
  await health.run('readiness')
  await health.run('readiness')
  const found = await collected()
  const attributes = { subset: 'readiness', check: 'Queue' }
  for (const expected of [
    { name: 'fastify_health_subset_status', unit: '', attributes: { subset: 'readiness' }, value: 0 },
    { name: 'fastify_health_check_status', unit: '', attributes, value: 0 },
    { name: 'fastify_health_check_observed', unit: '', attributes: { ...attributes, name: 'lag' }, value: 3 },
    { name: 'fastify_health_check_runs_total', unit: '', attributes, value: 2 },
    { name: 'fastify_health_check_transitions_total', unit: '', attributes, value: 1 },
  ]) t.strictSame(found.find(({ name }) => name === expected.name), expected)
  t.match(found.find(({ name }) => name === 'fastify_health_check_duration_seconds'), { unit: 's', attributes })
  const known = new Set(metrics.map(({ name }) => name))
  t.ok(found.every(({ name }) => known.has(name)))
  t.equal(runs(), 2)
})

test('a registration can be ended', async t => {
  const { health, end, collected } = setUp(t)
  await health.run('readiness')
  end()
  t.strictSame(await collected(), [])
})
