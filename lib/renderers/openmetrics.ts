import { metrics, type Metric, type Sample } from './metrics.js'
import type { Renderer } from '../../types/renderer.js'

/** The OpenMetrics 1.0.0 text format. It is as well what parsers of the older Prometheus text format take. */
export const openmetrics: Renderer = {
  name: 'openmetrics',
  mediaType: 'application/openmetrics-text',
  contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  alwaysOk: true,
  render: report => exposition(metrics, report),
}

/** What metrics say of something, as text. */
export function exposition<Subject> (metrics: ReadonlyArray<Metric<Subject>>, subject: Subject): string {
  return `${metrics.flatMap(metric => [...metadata(metric), ...metric.samples(subject).map(sample => line(metric, sample))]).join('\n')}\n# EOF\n`
}

// The two formats disagree on a counter's family: OpenMetrics names it without `_total`, and must not see the name with it declared
// as one; the older format knows it with `_total` only. Leaving its TYPE out is the one way that is valid, and documented, in both.
function metadata<Subject> ({ name, help, type, unit }: Metric<Subject>): string[] {
  return [
    `# HELP ${name} ${help}`,
    ...(type === 'counter' ? [] : [`# TYPE ${name} ${type}`]),
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
  ]
}

function line ({ name }: Pick<Metric, 'name'>, { labels, value }: Sample): string {
  let pairs = ''
  for (const label in labels) pairs += `${pairs === '' ? '' : ','}${label}="${escape(labels[label] as string)}"`
  return `${name}{${pairs}} ${value}`
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

const special = /[\\"\n]/

function escape (text: string): string {
  return !special.test(text) ? text : text.replace(/[\\"\n]/g, character => escapes[character] as string)
}
