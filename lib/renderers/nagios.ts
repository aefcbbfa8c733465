import { muteInWords } from '../engine/report.js'
import { counted, oneLine } from '../values/shown.js'
import type { Report, Result } from '../../types/report.js'

/** The line that a monitoring plugin prints, and its exit status. */
export interface PluginOutput {
  readonly line: string
  readonly exitCode: 0 | 1 | 2 | 3
}

const exitCodes = { OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 } as const

/**
 * Writes a report as one line with performance data, for programs such as Nagios and Icinga:
 * https://www.monitoring-plugins.org/doc/guidelines.html. A subset is a WARNING if it is healthy but a check has errors, or if it fails and
 * all errors of its failing critical checks are warnings.
 */
export function nagios (report: Report): PluginOutput {
  const failing = report.results.filter(({ errors }) => errors.length > 0)
  const total = report.results.length
  const names = failing.map(({ identifier, status, muted }) =>
    `${identifier} (${status}${muted === undefined ? '' : `; ${muteInWords(muted)}`})`).join(', ')
  const summary = failing.length === 0
    ? `${report.subset}: ${counted(total, 'check')} working`
    : `${report.subset}: ${failing.length} of ${counted(total, 'check')} failing: ${names}`
  return output(serviceState(report), summary, report.results.map(performance).join(' '))
}

/** Writes the line of a subset that could not be asked. */
export function nagiosUnknown (message: string): PluginOutput {
  return output('UNKNOWN', message)
}

function output (state: keyof typeof exitCodes, summary: string, performanceData = ''): PluginOutput {
  const text = `FASTIFY-HEALTH ${state} - ${onOneLine(summary)}`
  return { line: performanceData === '' ? text : `${text}|${performanceData}`, exitCode: exitCodes[state] }
}

function serviceState ({ healthy, results }: Report): 'OK' | 'WARNING' | 'CRITICAL' {
  if (healthy) return results.every(({ errors }) => errors.length === 0) ? 'OK' : 'WARNING'
  const fatal = results.filter(({ healthy, critical, muted }) => critical && !healthy && muted === undefined)
  const onlyWarnings = fatal.every(({ errors }) => errors.every(({ kind }) => kind === 'warning'))
  return fatal.length > 0 && onlyWarnings ? 'WARNING' : 'CRITICAL'
}

// A bar begins the performance data. A line break begins the part that notifications leave out.
function onOneLine (text: string): string {
  return oneLine(text.replace(/\s+/g, space => /[\r\n]/.test(space) ? '; ' : space)).replaceAll('|', '/')
}

/** Writes `'label'=value[unit];[warning];[critical];[least]`. A label must not contain `=`, and a quote in it must be doubled. */
function performance ({ identifier, duration }: Result): string {
  const label = onOneLine(identifier).replaceAll('=', '-').replaceAll("'", "''")
  return `'${label}'=${Math.round(duration * 1000) / 1000}ms;;;0`
}
