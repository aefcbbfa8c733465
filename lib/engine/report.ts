import { isHealthCheckError } from '../errors.js'
import type { History } from './history.js'
import type { Fault } from '../config/options.js'
import { byIdentifier } from '../config/order.js'
import { redactBriefly, type Secrets } from '../values/redact.js'
import type { EntryOptions } from '../../types/check.js'
import type { Failure, Mute, Observation, Report, Result } from '../../types/report.js'

/** What one execution of a check found, before anybody judges it. */
export interface Outcome {
  readonly errors: readonly Failure[]
  /** Since the epoch. */
  readonly startedAt: number
  readonly duration: number
  /** What the check saw on the way. */
  readonly observed?: readonly Observation[]
  /** It is known without a run of the check. */
  readonly withoutRun?: true
}

/** What is wrong without asking: it took no time. */
export function failed (kind: Failure['kind'], message: string, at: number, duration = 0): Outcome {
  return { errors: [{ kind, message }], startedAt: at, duration }
}

/** Why a check was not run. */
export function notRun (message: string, at: number): Outcome {
  return { ...failed('unavailable', message, at), withoutRun: true }
}

/** A check's error as it may be reported; the text of anything that is no `HealthCheckError` is kept back. */
export function toFailure (error: unknown, secrets: Secrets): Failure {
  if (!isHealthCheckError(error)) return { kind: 'unknown error', message: '' }
  return { kind: error.kind, message: oneLine(redactBriefly(error.message, secrets)) }
}

/** A text that forges no line, and no colour, where it is printed. */
export function oneLine (text: string): string {
  return text.replace(/\s*\p{Cc}+\s*/gu, ' ').trim()
}

export function isHealthy (errors: readonly Failure[], warningsAsErrors: boolean): boolean {
  return errors.every(({ kind }) => kind === 'warning' && !warningsAsErrors)
}

/** What is said of a failure that is borne, which is for how long. */
function borneStatus (errors: readonly Failure[], time: number): string {
  return `working (${statusOf(errors).replaceAll('\n', '; ')}, for ${Math.floor(time / 1000)} s)`
}

/** `working`, or one `<kind>: <message>` a line. */
export function statusOf (errors: readonly Failure[]): string {
  if (errors.length === 0) return 'working'
  return errors.map(({ kind, message }) => message === '' ? kind : `${kind}: ${message}`).join('\n')
}

export interface Judged {
  readonly identifier: string
  readonly critical: boolean
  readonly outcome: Outcome
  readonly healthy: boolean
  /** The options of its entry say how many failures are borne. */
  readonly options?: EntryOptions
  /** Since when its failure is borne. */
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

/** One answer for each kind of fault of the configuration, named by its id. */
export function misconfigured (faults: readonly Fault[], at: number): Judged[] {
  return [...new Set(faults.map(({ id }) => id))].map(id => {
    const messages = faults.filter(fault => fault.id === id).map(({ message }) => redactBriefly(message))
    const errors = messages.map(message => ({ kind: 'unknown error' as const, message }))
    return { identifier: id, critical: true, outcome: { errors, startedAt: at, duration: 0 }, healthy: false }
  })
}

type Run = Pick<Report, 'subset' | 'draining' | 'startedAt' | 'duration'>

export function toReport (run: Run, results: readonly Result[]): Report {
  const sorted = [...results].sort(byIdentifier)
  const { subset, draining, startedAt, duration } = run
  return { subset, healthy: !draining && sorted.every(({ healthy, critical, muted }) => healthy || !critical || muted !== undefined), draining, startedAt, duration, results: sorted }
}

/** The same report for those who may see the state, but not the messages. */
export function withoutDetails (report: Report): Report {
  const results = report.results.map(({ observed, muted, ...shown }) => {
    const result: Result = muted === undefined ? shown : { ...shown, muted: { since: muted.since, until: muted.until } }
    const errors = result.errors.map(({ kind }) => ({ kind, message: '' }))
    const withheld = { ...result, errors, status: statusOf(errors) }
    return result.borneSince === undefined ? withheld : toBorne(withheld, result.borneSince)
  })
  return { ...report, results }
}

/** By whom, until when and why a check is muted. */
export function muteInWords ({ by, until, because }: Mute): string {
  return `muted${by === undefined ? '' : ` by ${by}`} until ${new Date(until).toISOString()}${because === undefined ? '' : `: ${because}`}`
}
