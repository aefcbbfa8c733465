import type { BatchObservableResult, Meter } from '@opentelemetry/api'
import { metrics } from './renderers/metrics.js'
import type { HealthRegistry } from './engine/registry.js'

export interface RegisterMetricsOptions {
  /** A meter of the service's `MeterProvider`, or of the global one: `metrics.getMeter('my-service')`. */
  meter: Meter
}

/**
 * Registers the metrics of the `openmetrics` format as observable instruments. A collection runs no check. It reports the last results of
 * each subset, and nothing for a subset that was never asked.
 *
 * @returns a function that ends the registration
 */
export function registerMetrics (health: HealthRegistry, { meter }: RegisterMetricsOptions): () => void {
  const instruments = metrics.map(({ name, help, type, unit, samples }) => {
    const options = { description: help, ...(unit === undefined ? {} : { unit: 's' }) }
    return {
      samples,
      instrument: type === 'gauge' ? meter.createObservableGauge(name, options) : meter.createObservableCounter(name, options),
    }
  })
  const observe = (result: BatchObservableResult) => {
    const reports = health.subsets().flatMap(subset => health.lastReport(subset) ?? [])
    for (const { samples, instrument } of instruments) {
      for (const { value, labels } of reports.flatMap(samples)) result.observe(instrument, value, labels)
    }
  }
  const observed = instruments.map(({ instrument }) => instrument)
  meter.addBatchObservableCallback(observe, observed)
  return () => meter.removeBatchObservableCallback(observe, observed)
}
