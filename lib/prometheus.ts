import { Counter, Gauge, register as defaultRegister, type OpenMetricsContentType, type Registry } from 'prom-client'
import { metrics, type Sample } from './metrics.js'
import type { HealthRegistry } from './registry.js'
import type { Report } from '../types/report.js'

export interface RegisterMetricsOptions {
  /** Where to register them; default: prom-client's own registry. */
  register?: Registry | Registry<OpenMetricsContentType>
}

/**
 * Registers the metrics of the `openmetrics` format with prom-client. A scrape runs no check: it tells what the last runs found,
 * whoever asked for them (a probe, or the check's own `interval`), and nothing of a subset that was never asked.
 *
 * @throws Error where the registry has a metric of one of these names already.
 */
export function registerMetrics (health: HealthRegistry, { register = defaultRegister }: RegisterMetricsOptions = {}): void {
  const lastReports = reportsOf(health)
  for (const { name, help, type, labels, samples } of metrics) {
    const found = (): Sample[] => lastReports().flatMap(samples)
    const configuration = { name, help, labelNames: labels, registers: [] }
    register.registerMetric(type === 'gauge'
      ? new Gauge({
        ...configuration,
        collect () {
          this.reset()
          for (const { labels, value } of found()) this.set(labels, value)
        },
      })
      : new Counter({
        ...configuration,
        collect () {
          this.reset()
          for (const { labels, value } of found()) this.inc(labels, value)
        },
      }))
  }
}

/** Worked out once for all metrics of a scrape, which are collected in one go. */
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
