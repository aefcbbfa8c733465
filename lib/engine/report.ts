import { isHealthCheckError } from '../errors.js'
import type { History } from './history.js'
import type { Fault } from '../config/options.js'
import { byIdentifier } from '../config/order.js'
import { redactBriefly } from '../values/redact.js'
import type { Secrets } from '../values/secrets.js'
import { oneLine } from '../values/shown.js'
import type { EntryOptions } from '../../types/check.js'
import type { Failure, Mute, Observation, Report, Result } from '../../types/report.js'

/** The outcome of one execution of a check. Whether it counts as healthy is decided later. */
export interface Outcome {
  readonly errors: readonly Failure[]
  /** The moment in milliseconds since the epoch. */
  readonly startedAt: number
  readonly duration: number
  /** The values that the check observed. */
  readonly observed?: readonly Observation[]
  /** `true` says that the outcome is known without a run of the check. */
  readonly withoutRun?: true
}

/** Makes an outcome with one failure. */
export function failed (kind: Failure['kind'], message: string, at: number, duration = 0): Outcome {
  return { errors: [{ kind, message }], startedAt: at, duration }
}

/** Makes the outcome of a check that was not run. */
export function notRun (message: string, at: number): Outcome {
  return { ...failed('unavailable', message, at), withoutRun: true }
}

/** Turns an error into a failure that may be reported. The text of an error that is no `HealthCheckError` is withheld. */
export function toFailure (error: unknown, secrets: Secrets): Failure {
  if (!isHealthCheckError(error)) return { kind: 'unknown error', message: '' }
  return { kind: error.kind, message: oneLine(redactBriefly(error.message, secrets)) }
}

export function isHealthy (errors: readonly Failure[], warningsAsErrors: boolean): boolean {
  return errors.every(({ kind }) => kind === 'warning' && !warningsAsErrors)
}

/** Makes the status of a failure that is borne. It says for how long. */
function borneStatus (errors: readonly Failure[], time: number): string {
  return `working (${statusOf(errors).replaceAll('\n', '; ')}, for ${Math.floor(time / 1000)} s)`
}

/** Returns `working`, or one line of `<kind>: <message>` for each failure. */
export function statusOf (errors: readonly Failure[]): string {
  if (errors.length === 0) return 'working'
  return errors.map(({ kind, message }) => message === '' ? kind : `${kind}: ${message}`).join('\n')
}

export interface Judged {
  readonly identifier: string
  readonly critical: boolean
  readonly outcome: Outcome
  readonly healthy: boolean
  /** The options of the entry, which say how many failures are borne. */
  readonly options?: EntryOptions
  /** The moment of the first of the failures that are borne. */
  readonly borneSince?: number
}

export function toResult ({ identifier, critical, outcome, healthy, borneSince }: Judged, history: History): Result {
  const { errors, startedAt, duration, observed } = outcome
  const { since, lastSuccess, consecutiveFailures, runs, transitions } = history
  const known: Result = {
    identifier,
    healthy,
    critical,
    status: statusOf(errors),
    errors,
    startedAt,
    duration,
    since,
    lastSuccess,
    consecutiveFailures,
    runs,
    transitions,
    history: history.outcomes(),
  }
  const result = observed === undefined ? known : { ...known, observed }
  return borneSince === undefined ? result : toBorne(result, borneSince)
}

function toBorne (result: Result, borneSince: number): Result {
  const time = Math.max(0, result.startedAt + result.duration - borneSince)
  return { ...result, borne: true, borneSince, status: borneStatus(result.errors, time) }
}

/** Makes one answer for each kind of fault in the configuration. The id of the fault is its identifier. */
export function misconfigured (faults: readonly Fault[], at: number): Judged[] {
  return [...new Set(faults.map(({ id }) => id))].map(id => {
    const messages = faults.filter(fault => fault.id === id).map(({ message }) => oneLine(redactBriefly(message)))
    const errors = messages.map(message => ({ kind: 'unknown error' as const, message }))
    return { identifier: id, critical: true, outcome: { errors, startedAt: at, duration: 0 }, healthy: false }
  })
}

type ReportHead = Pick<Report, 'subset' | 'draining' | 'startedAt' | 'duration'>

export function toReport (run: ReportHead, results: readonly Result[]): Report {
  const sorted = [...results].sort(byIdentifier)
  const { subset, draining, startedAt, duration } = run
  return {
    subset,
    healthy: !draining && sorted.every(({ healthy, critical, muted }) => healthy || !critical || muted !== undefined),
    draining,
    startedAt,
    duration,
    results: sorted,
  }
}

/** Removes what only clients with access to details may see. */
export function withoutDetails (report: Report): Report {
  const results = report.results.map(({ observed, muted, ...shown }) => {
    const result: Result = muted === undefined ? shown : { ...shown, muted: { since: muted.since, until: muted.until } }
    const errors = result.errors.map(({ kind }) => ({ kind, message: '' }))
    const withheld = { ...result, errors, status: statusOf(errors) }
    return result.borneSince === undefined ? withheld : toBorne(withheld, result.borneSince)
  })
  return { ...report, results }
}

/** Says who muted a check, until when and why. */
export function muteInWords ({ by, until, because }: Mute): string {
  return `muted${by === undefined ? '' : ` by ${by}`} until ${new Date(until).toISOString()}${because === undefined ? '' : `: ${because}`}`
}
