import { metrics, type Metric, type Sample } from './metrics.js'
import type { Renderer } from '../../types/renderer.js'

/** Writes the OpenMetrics 1.0.0 text format. Parsers of the older Prometheus text format accept it as well. */
export const openmetrics: Renderer = {
  name: 'openmetrics',
  mediaType: 'application/openmetrics-text',
  contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  alwaysOk: true,
  render: report => exposition(metrics, report),
}

/** Writes the samples of metrics about a subject. */
export function exposition<Subject> (metrics: ReadonlyArray<Metric<Subject>>, subject: Subject): string {
  return `${metrics.flatMap(metric =>
    [...metadata(metric), ...metric.samples(subject).map(sample => sampleLine(metric, sample))]).join('\n')}\n# EOF\n`
}

// The two formats name the family of a counter differently: without `_total` in OpenMetrics, and with `_total` in the older format. Only
// leaving out its TYPE is valid, and documented, in both.
function metadata<Subject> ({ name, help, type, unit }: Metric<Subject>): string[] {
  return [
    `# HELP ${name} ${help}`,
    ...(type === 'counter' ? [] : [`# TYPE ${name} ${type}`]),
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
  ]
}

function sampleLine ({ name }: Pick<Metric, 'name'>, { labels, value }: Sample): string {
  let pairs = ''
  for (const label in labels) pairs += `${pairs === '' ? '' : ','}${label}="${escape(labels[label] as string)}"`
  return `${name}{${pairs}} ${value}`
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

const special = /[\\"\n]/

function escape (text: string): string {
  return !special.test(text) ? text : text.replace(/[\\"\n]/g, character => escapes[character] as string)
}
