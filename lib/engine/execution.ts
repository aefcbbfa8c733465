import { alarm, type Clock } from '../time/clock.js'
import { never, type Deadline } from '../time/deadlines.js'
import { FST_HEALTH_TIMEOUT } from '../errors.js'
import { failed, type Outcome } from './report.js'
import { StopSignal } from '../time/stop-signal.js'
import type { Observations } from './observations.js'
import type { Failure } from '../../types/report.js'

/** The part of an execution that its task sees. Both signals are aborted together. */
export interface Stoppable {
  readonly stopping: StopSignal
  /** The signal is made when it is first read. */
  readonly signal: AbortSignal
  /** The values that the task has observed. It is `undefined` until the first one. */
  observations?: Observations | undefined
}

/** A task asks the dependency once. It never rejects. */
export type Task = (execution: Stoppable, timeout: number) => Promise<readonly Failure[]>

/** The callbacks by which an execution informs its runner. */
export interface ExecutionEvents {
  /** The outcome is known. `tooShort` is the timeout, in milliseconds, that was not enough. */
  answered (outcome: Outcome, tooShort?: number): void
  /** The task has ended after it was told to stop. */
  gone (): void
}

/**
 * One run of a check's task, which many probes may wait for.
 *
 * | state    | `stopping.aborted` | `settled` | it ends with                                             |
 * |----------|--------------------|-----------|----------------------------------------------------------|
 * | running  | no                 | no        | `answered`, when the task settles or the longest timeout passes |
 * | answered | no                 | yes       |                                                          |
 * | hanging  | yes                | no        | `gone`, when the task settles after all                   |
 * | gone     | yes                | yes       |                                                          |
 */
export class Execution implements Stoppable {
  readonly begun: number
  /** `true` says that the task has ended. */
  settled = false
  readonly #clock: Clock
  readonly #events: ExecutionEvents
  readonly #startedAt: number
  readonly stopping = new StopSignal()
  observations: Observations | undefined
  /** `true` says that the task was called and has not yet returned its promise. Only the task itself can ask in that time. */
  #starting = false
  /** `true` says that the task has asked for its own outcome. */
  #asksItself = false
  #controller: AbortController | undefined
  readonly #outcome: Promise<Outcome>
  #resolve!: (outcome: Outcome) => void
  /** The outcome for each timeout that probes have given it. */
  readonly #limits: Array<{ readonly timeout: number, readonly background: boolean, readonly outcome: Promise<Outcome> }> = []
  /** The outcome for probes whose time was up before it ended, by their milliseconds. */
  #late: Map<number, Outcome> | undefined

  constructor (clock: Clock, events: ExecutionEvents) {
    this.#clock = clock
    this.#events = events
    this.begun = clock.now()
    this.#startedAt = clock.date()
    this.#outcome = new Promise(resolve => { this.#resolve = resolve })
  }

  /** Calls the task, once. */
  start (task: Task, timeout: number): this {
    this.#starting = true
    const found = task(this, timeout)
    this.#starting = false
    found.then(errors => {
      this.settled = true
      if (this.stopping.aborted) this.#events.gone()
      else this.#answer(errors)
    })
    return this
  }

  get signal (): AbortSignal {
    if (this.#controller === undefined) {
      const controller = this.#controller = new AbortController()
      const abort = () => controller.abort(this.stopping.reason)
      if (this.stopping.aborted) abort()
      else this.stopping.addEventListener('abort', abort)
    }
    return this.#controller.signal
  }

  /**
   * Resolves to the outcome, or to a timeout when the time of this probe is up.
   *
   * @param background `true` says that the wait must not keep the process alive.
   */
  wait ({ timeout, due }: { readonly timeout: number, readonly due: Deadline }, background = false): Promise<Outcome> {
    if (this.#starting) {
      this.#asksItself = true
      return Promise.resolve({ errors: [asksItself], startedAt: this.#startedAt, duration: 0 })
    }
    const inTime = this.#within(timeout, background)
    if (due === never) return inTime
    return unless(inTime, resolve => due.onDue(() => resolve(this.#lateOutcome(due.deadline))))
  }

  /** Aborts the signal. The outcome follows after I/O, so that a check that obeys the signal at once does not count as hanging. */
  stop (reason: Error, message: string, tooShort?: number): void {
    if (this.stopping.aborted) return
    this.stopping.abort(reason)
    this.#clock.afterIO(() => this.#answer([{ kind: 'unavailable', message }], tooShort))
  }

  #within (timeout: number, background: boolean): Promise<Outcome> {
    const known = this.#limits.find(limit => limit.timeout === timeout && (background || !limit.background))
    if (known !== undefined) return known.outcome
    const outcome = unless(this.#outcome, resolve => alarm(this.#clock, this.begun + timeout, timeout, () => {
      if (this.#limits.some(limit => limit.timeout > timeout)) resolve(this.#lateOutcome(timeout))
      else this.stop(new FST_HEALTH_TIMEOUT(timeout), timedOut(timeout), timeout)
    }, background))
    this.#limits.push({ timeout, background, outcome })
    return outcome
  }

  // All probes with the same limit get the same outcome, so that it counts as one failure.
  #lateOutcome (after: number): Outcome {
    this.#late ??= new Map()
    let outcome = this.#late.get(after)
    if (outcome === undefined) {
      outcome = failed('unavailable', timedOut(after), this.#startedAt, this.#clock.now() - this.begun)
      this.#late.set(after, outcome)
    }
    return outcome
  }

  #answer (errors: readonly Failure[], tooShort?: number): void {
    const found = {
      errors: this.#asksItself ? [...errors, asksItself] : errors,
      startedAt: this.#startedAt,
      duration: this.#clock.now() - this.begun,
    }
    const outcome = this.observations === undefined ? found : { ...found, observed: this.observations.list() }
    this.#events.answered(outcome, tooShort)
    this.#resolve(outcome)
  }
}

/** Resolves to the outcome, or earlier if `begin` resolves it. `begin` returns a function that cancels what it began. */
function unless (outcome: Promise<Outcome>, begin: (resolve: (outcome: Outcome) => void) => () => void): Promise<Outcome> {
  return new Promise(resolve => {
    const cancel = begin(resolve)
    outcome.then(outcome => {
      cancel()
      resolve(outcome)
    })
  })
}

const asksItself: Failure = { kind: 'unexpected result', message: 'the check asks for a subset that it is in' }

const timedOut = (after: number) => `timed out after ${after} ms`
