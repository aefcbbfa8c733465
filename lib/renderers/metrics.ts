import type { Report, Result } from '../../types/report.js'

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A metric. Its labels hold only names of the configuration, so that no series comes and goes. */
export interface Metric<Subject = Report> {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly unit?: 'seconds'
  /** The function that joins the values of the workers of a `node:cluster`. A sum of statuses would hide a worker that fails. */
  readonly aggregator: 'min' | 'max' | 'sum'
  readonly labels: readonly string[]
  samples (subject: Subject): Sample[]
}

const ofEachCheck = (value: (result: Result) => number | null): Pick<Metric, 'labels' | 'samples'> => ({
  labels: ['subset', 'check'],
  samples: ({ subset, results }) => results.flatMap(result => {
    const measured = value(result)
    return measured === null ? [] : [{ labels: { subset, check: result.identifier }, value: measured }]
  }),
})

// The value is rounded to microseconds, since further digits are only noise of floating point.
const seconds = (milliseconds: number) => Math.round(milliseconds * 1000) / 1e6

/** The metrics of a report. */
export const metrics: readonly Metric[] = [
  {
    name: 'fastify_health_subset_status',
    help: 'Whether the subset is healthy: 1, or 0.',
    type: 'gauge',
    aggregator: 'min',
    labels: ['subset'],
    samples: ({ subset, healthy }) => [{ labels: { subset }, value: Number(healthy) }],
  },
  {
    name: 'fastify_health_check_status',
    help: 'Whether the check is healthy: 1, or 0.',
    type: 'gauge',
    aggregator: 'min',
    ...ofEachCheck(({ healthy }) => Number(healthy)),
  },
  {
    name: 'fastify_health_check_borne',
    help: 'Whether a failure of the check is borne, so that it counts as healthy: 1, or 0.',
    type: 'gauge',
    aggregator: 'max',
    ...ofEachCheck(({ borne }) => Number(borne === true)),
  },
  {
    name: 'fastify_health_check_muted_since_timestamp_seconds',
    help: 'Since when the check is muted, in seconds since the epoch; there is none where it is not.',
    type: 'gauge',
    aggregator: 'min',
    unit: 'seconds',
    ...ofEachCheck(({ muted }) => muted === undefined ? null : seconds(muted.since)),
  },
  {
    name: 'fastify_health_check_observed',
    help: 'The last number that the check observed under this name.',
    type: 'gauge',
    aggregator: 'max',
    labels: ['subset', 'check', 'name'],
    samples: ({ subset, results }) => results.flatMap(({ identifier, observed = [] }) => observed.flatMap(({ name, value }) => {
      return typeof value === 'number' ? [{ labels: { subset, check: identifier, name }, value }] : []
    })),
  },
  {
    name: 'fastify_health_check_duration_seconds',
    help: 'How long the last run of the check took.',
    type: 'gauge',
    aggregator: 'max',
    unit: 'seconds',
    ...ofEachCheck(({ duration }) => seconds(duration)),
  },
  {
    // The value is a moment and not an age. An age would be wrong between two requests, and PromQL's `time()` makes an age of a moment.
    name: 'fastify_health_check_last_success_timestamp_seconds',
    help: 'When the check was healthy last, in seconds since the epoch; there is none before its first success.',
    type: 'gauge',
    aggregator: 'min',
    unit: 'seconds',
    ...ofEachCheck(({ lastSuccess }) => lastSuccess === null ? null : seconds(lastSuccess)),
  },
  {
    name: 'fastify_health_check_runs_total',
    help: 'Runs of the check since the process started.',
    type: 'counter',
    aggregator: 'sum',
    ...ofEachCheck(({ runs }) => runs),
  },
  {
    name: 'fastify_health_check_transitions_total',
    help: 'Changes of the check between healthy and failing since the process started.',
    type: 'counter',
    aggregator: 'sum',
    ...ofEachCheck(({ transitions }) => transitions),
  },
]
