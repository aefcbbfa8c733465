import { FST_HEALTH_USAGE } from '../errors.js'
import type { Manifest } from './input.js'
import { needsHttp, servedSubsets } from './questions.js'
import { indented, quoted } from './quoting.js'

interface Alert {
  readonly alert: string
  /** Returns the expression. `service` is a matcher that selects the series of the service. */
  readonly expr: (service: string) => string
  readonly for: string
  readonly severity: 'critical' | 'warning'
  readonly summary: string
}

const alerts: readonly Alert[] = [
  {
    alert: 'HealthUnreachable',
    expr: service => `up{${service}} == 0`,
    for: '2m',
    severity: 'critical',
    summary: '{{ $labels.job }} of {{ $labels.instance }} does not answer.',
  },
  {
    alert: 'HealthSubsetFailing',
    expr: service => `fastify_health_subset_status{${service}} == 0`,
    for: '2m',
    severity: 'critical',
    summary: '{{ $labels.subset }} of {{ $labels.instance }} is unhealthy.',
  },
  {
    alert: 'HealthCheckFailing',
    expr: service => `fastify_health_check_status{${service}} == 0`,
    for: '5m',
    severity: 'warning',
    summary: '{{ $labels.check }} ({{ $labels.subset }}) of {{ $labels.instance }} is failing.',
  },
  {
    alert: 'HealthCheckFlapping',
    expr: service => `increase(fastify_health_check_transitions_total{${service}}[30m]) > 6`,
    for: '0s',
    severity: 'warning',
    summary: '{{ $labels.check }} ({{ $labels.subset }}) of {{ $labels.instance }} keeps changing between healthy and failing.',
  },
]

/** Writes two YAML documents: scrape jobs for prometheus.yml, and alert rules for a file that its `rule_files` names. */
export const prometheus: Manifest = input => {
  const { name, port } = input
  needsHttp(input, 'Prometheus')
  const served = servedSubsets(input)
  if (served.length === 0) {
    throw new FST_HEALTH_USAGE(
      'Prometheus scrapes the subsets of a web app, and there is none to scrape: make one, or register the metrics with prom-client.'
    )
  }
  const jobs = served.flatMap(({ subset, timeoutSeconds }) => [
    `- job_name: ${quoted(`${name}-${subset.name}`)}`,
    ...indented([
      `metrics_path: ${quoted(subset.path)}`,
      'params:',
      '  format: ["openmetrics"]',
      `scrape_interval: ${Math.max(30, timeoutSeconds)}s`,
      `scrape_timeout: ${timeoutSeconds}s`,
      'static_configs:',
      `  - targets: [${quoted(`127.0.0.1:${port}`)}]`,
      '    labels:',
      `      service: ${quoted(name)}`,
    ], 1),
  ])
  const rules = alerts.flatMap(({ alert, expr, for: patience, severity, summary }) => [
    `- alert: ${alert}`,
    ...indented([
      `expr: ${quoted(expr(`service="${name}"`))}`,
      `for: ${patience}`,
      'labels:',
      `  severity: ${severity}`,
      'annotations:',
      `  summary: ${quoted(summary)}`,
    ], 1),
  ])
  return [
    '# For prometheus.yml. Every subset is a job of its own: a scrape asks its checks. List every instance among the targets.',
    'scrape_configs:',
    ...indented(jobs, 1),
    '---',
    '# For a file of its own that `rule_files` of prometheus.yml names.',
    'groups:',
    `  - name: ${quoted(`${name}-health`)}`,
    '    rules:',
    ...indented(rules, 3),
    '',
  ].join('\n')
}
