import { muteInWords } from '../engine/report.js'
import { oneLine } from '../values/shown.js'
import type { Report, Result } from '../../types/report.js'

/** What a monitoring plugin prints, and what it exits with. */
export interface PluginOutput {
  readonly line: string
  readonly exitCode: 0 | 1 | 2 | 3
}

const exitCodes = { OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 } as const

/**
 * One line with performance data, for Nagios, Icinga and their like: https://www.monitoring-plugins.org/doc/guidelines.html. A subset
 * that is healthy but for a check that is not critical, and one that fails by warnings alone, is a WARNING.
 */
export function nagios (report: Report): PluginOutput {
  const failing = report.results.filter(({ errors }) => errors.length > 0)
  const total = report.results.length
  const names = failing.map(({ identifier, status, muted }) => `${identifier} (${status}${muted === undefined ? '' : `; ${muteInWords(muted)}`})`).join(', ')
  const summary = failing.length === 0
    ? `${report.subset}: ${counted(total)} working`
    : `${report.subset}: ${failing.length} of ${counted(total)} failing: ${names}`
  return output(stateOf(report), summary, report.results.map(performance).join(' '))
}

/** The same for a subset that could not be asked, whatever the reason. */
export function nagiosUnknown (message: string): PluginOutput {
  return output('UNKNOWN', message)
}

function output (state: keyof typeof exitCodes, summary: string, performanceData = ''): PluginOutput {
  const text = `FASTIFY-HEALTH ${state} - ${onOneLine(summary)}`
  return { line: performanceData === '' ? text : `${text}|${performanceData}`, exitCode: exitCodes[state] }
}

function stateOf ({ healthy, results }: Report): 'OK' | 'WARNING' | 'CRITICAL' {
  if (healthy) return results.every(({ errors }) => errors.length === 0) ? 'OK' : 'WARNING'
  const fatal = results.filter(({ healthy, critical, muted }) => critical && !healthy && muted === undefined)
  const onlyWarnings = fatal.every(({ errors }) => errors.every(({ kind }) => kind === 'warning'))
  return fatal.length > 0 && onlyWarnings ? 'WARNING' : 'CRITICAL'
}

function counted (count: number): string {
  return count === 1 ? '1 check' : `${count} checks`
}

// A bar begins the performance data, and a line break the part that notifications leave out.
function onOneLine (text: string): string {
  return oneLine(text.replace(/\s+/g, space => /[\r\n]/.test(space) ? '; ' : space)).replaceAll('|', '/')
}

/** `'label'=value[unit];[warning];[critical];[least]`, where a label may hold no equals sign, and a quote of its own only doubled. */
function performance ({ identifier, duration }: Result): string {
  const label = onOneLine(identifier).replaceAll('=', '-').replaceAll("'", "''")
  return `'${label}'=${Math.round(duration * 1000) / 1000}ms;;;0`
}
