import { Counter, Gauge, register as defaultRegister, type OpenMetricsContentType, type Registry } from 'prom-client'
import { FST_HEALTH_INVALID_CONFIGURATION } from './errors.js'
import { metrics } from './renderers/metrics.js'
import type { HealthRegistry } from './engine/registry.js'
import type { Report } from '../types/report.js'

export interface RegisterMetricsOptions {
  /**
   * The registry of prom-client that gets the metrics.
   *
   * @default prom-client's default registry
   */
  register?: Registry | Registry<OpenMetricsContentType>
}

/**
 * Registers the metrics of the `openmetrics` format with prom-client. A scrape runs no check. It reports the last results of each subset,
 * from a probe or from an `interval`, and nothing for a subset that was never asked.
 *
 * Under `node:cluster`, prom-client's `AggregatorRegistry` takes the worst of all workers for a status.
 *
 * @throws FST_HEALTH_INVALID_CONFIGURATION if the registry already has a metric with one of these names. Nothing is registered then.
 */
export function registerMetrics (health: HealthRegistry, { register = defaultRegister }: RegisterMetricsOptions = {}): void {
  const taken = metrics.filter(({ name }) => register.getSingleMetric(name) !== undefined).map(({ name }) => name)
  if (taken.length > 0) {
    throw new FST_HEALTH_INVALID_CONFIGURATION(
      `The registry has ${taken.join(', ')} already. Call registerMetrics once for each registry of prom-client.`
    )
  }
  const lastReports = reportsOf(health)
  for (const { name, help, type, aggregator, labels, samples } of metrics) {
    const configuration = { name, help, labelNames: labels, aggregator, registers: [] }
    const metric = type === 'gauge' ? new Gauge(configuration) : new Counter(configuration)
    const get = metric.get.bind(metric)
    // To set each value in the metric, and read it out again, would take longer than the rest of the scrape.
    metric.get = async () => {
      const values = lastReports().flatMap(samples)
      return { ...await get(), values }
    }
    register.registerMetric(metric)
  }
}

/** Returns a function that reads the reports once for all metrics of a scrape, which are collected in the same turn. */
function reportsOf (health: HealthRegistry): () => Report[] {
  let reports: Report[] | undefined
  return () => {
    if (reports === undefined) {
      reports = health.subsets().flatMap(subset => health.lastReport(subset) ?? [])
      queueMicrotask(() => { reports = undefined })
    }
    return reports
  }
}
