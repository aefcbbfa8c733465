import { alarm, type Clock } from '../time/clock.js'
import { never, type Deadline } from '../time/deadlines.js'
import { FST_HEALTH_CLOSED, FST_HEALTH_TIMEOUT } from '../errors.js'
import { failed, notRun, type Outcome } from './report.js'
import { StopSignal } from '../time/stop-signal.js'
import type { Observations } from './observations.js'
import type { Failure } from '../../types/report.js'

/** What an execution lends its task: twice the same signal. */
export interface Stoppable {
  readonly stopping: StopSignal
  /** Made when it is first asked for. */
  readonly signal: AbortSignal
  /** What the task sees on the way, once it tells something. */
  observations?: Observations | undefined
}

/** Asks the dependency once. Never rejects. */
export type Task = (execution: Stoppable, timeout: number) => Promise<readonly Failure[]>

/** What one probe wants of a check. Durations are milliseconds. */
export interface Question {
  readonly task: Task
  readonly timeout: number
  /** When the probe's response has to leave. */
  readonly due: Deadline
  readonly cacheFor: number
  readonly maxStale: number
  /** Whether runs of its own clock answer it. */
  readonly background: boolean
}

/** Between two tries of a check that hangs and ignores its signal. */
export const retryAfter = 30_000
/** How many executions of one check may hang at once. */
export const mostHanging = 10

interface KeptResult {
  readonly outcome: Outcome
  readonly at: number
  /** Milliseconds that were too short for it; who gives it longer learns nothing from that. */
  readonly tooShort: number | undefined
}

/**
 * Everything about running one check, whoever asks: one execution at a time, shared; a result kept for those who take a kept
 * one; a limit on how long it may take; and no new execution while earlier ones hang, but for a try now and then.
 */
export class Runner {
  readonly #clock: Clock
  /** Told to stop and still alive, the oldest first. */
  readonly #hanging = new Set<Execution>()
  /** The last one of them, unless a later execution has answered. */
  #stuck: Execution | undefined
  #running: Execution | undefined
  #kept: KeptResult | undefined
  /** What was found before the kept result, where that only is that it took too long. */
  #before: KeptResult | undefined
  /** When its interval came round last. */
  #lastIntervalRun = -Infinity

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Executions that have not settled, those given up included. */
  get pending (): number {
    return this.#hanging.size + (this.#running === undefined ? 0 : 1)
  }

  /** What is known, or a promise of it that settles in time and never rejects. */
  ask (question: Question): Outcome | Promise<Outcome> {
    return (question.background ? this.#lastOutcome(question) : this.#keptFor(question)) ?? this.run(question)
  }

  /** Like `ask`, with no kept result. */
  run (question: Question): Outcome | Promise<Outcome> {
    if (this.#running !== undefined) return this.#running.wait(question)
    if (this.#hanging.size >= mostHanging) return this.#stillRunning()
    if (this.#stuck !== undefined && this.#clock.now() - this.#stuck.begun < retryAfter) return this.#stillRunning()
    return this.#start(question).wait(question)
  }

  /** A run of an interval; what a beat less than `apart` ago found, for another subset, is as good. */
  runOnInterval (question: Question, apart: number): Outcome | Promise<Outcome> {
    const now = this.#clock.now()
    const kept = this.#kept
    const isKnown = kept !== undefined && kept === this.#keptWithin(question.timeout)
    if (this.#running === undefined && isKnown && now - this.#lastIntervalRun < apart) return kept.outcome
    this.#lastIntervalRun = now
    return this.run(question)
  }

  /** Whoever asks next is not told what was found before. */
  forget (): void {
    this.#kept = this.#before = undefined
  }

  /** Tells the execution under way to stop. */
  close (): void {
    this.#running?.stop(new FST_HEALTH_CLOSED(), 'closing')
  }

  #keptFor ({ cacheFor, maxStale, timeout }: Question): Outcome | undefined {
    const kept = this.#keptWithin(timeout)
    if (kept === undefined) return undefined
    return this.#clock.now() - kept.at < Math.min(cacheFor, maxStale) ? kept.outcome : undefined
  }

  #lastOutcome ({ maxStale, timeout }: Question): Outcome | undefined {
    if (this.#stuck !== undefined) return this.#stillRunning()
    const kept = this.#keptWithin(timeout)
    if (kept === undefined) return undefined
    const age = this.#clock.now() - kept.at
    return age > maxStale ? notRun(`stale for ${wholeSeconds(age)} s`, this.#clock.date()) : kept.outcome
  }

  #keptWithin (timeout: number): KeptResult | undefined {
    return this.#kept?.tooShort !== undefined && this.#kept.tooShort < timeout ? this.#before : this.#kept
  }

  #stillRunning (): Outcome {
    const since = Math.min(...Array.from(this.#hanging, ({ begun }) => begun))
    return notRun(`still running after ${wholeSeconds(this.#clock.now() - since)} s`, this.#clock.date())
  }

  #start ({ task, timeout }: Question): Execution {
    const execution: Execution = new Execution(this.#clock, task, timeout, {
      answered: (outcome, tooShort) => {
        this.#running = undefined
        if (this.#kept?.tooShort === undefined) this.#before = this.#kept
        this.#kept = { outcome, at: this.#clock.now(), tooShort }
        this.#stuck = execution.settled ? undefined : execution
        if (!execution.settled) this.#hanging.add(execution)
      },
      gone: () => {
        this.#hanging.delete(execution)
        if (this.#stuck === execution) this.#stuck = undefined
      },
    })
    this.#running = execution
    return execution
  }
}

const wholeSeconds = (ms: number) => Math.floor(ms / 1000)

interface ExecutionEvents {
  /** Its outcome is known, which may be that so many milliseconds were too short. */
  answered (outcome: Outcome, tooShort?: number): void
  /** It was told to stop, and nothing of it is alive any more. */
  gone (): void
}

class Execution implements Stoppable {
  readonly begun: number
  /** Whether its task has ended. */
  settled = false
  readonly #clock: Clock
  readonly #events: ExecutionEvents
  readonly #startedAt: number
  readonly stopping = new StopSignal()
  observations: Observations | undefined
  #controller: AbortController | undefined
  readonly #outcome: Promise<Outcome>
  #resolve!: (outcome: Outcome) => void
  /** What those who give it as long as each of these are told. */
  readonly #limits: Array<{ readonly timeout: number, readonly outcome: Promise<Outcome> }> = []
  /** What those whose deadlines have this name are told. */
  #late: Map<number, Outcome> | undefined

  constructor (clock: Clock, task: Task, timeout: number, events: ExecutionEvents) {
    this.#clock = clock
    this.#events = events
    this.begun = clock.now()
    this.#startedAt = clock.date()
    this.#outcome = new Promise(resolve => { this.#resolve = resolve })
    task(this, timeout).then(errors => {
      this.settled = true
      if (this.stopping.aborted) events.gone()
      else this.#answer(errors)
    })
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

  /** Settles with the outcome, or when this question's own time is up. */
  wait ({ timeout, due }: Question): Promise<Outcome> {
    const inTime = this.#within(timeout)
    if (due === never) return inTime
    return unless(inTime, resolve => due.onDue(() => resolve(this.#lateOutcome(due.deadline))))
  }

  /** Aborts its signal. A check that heeds it is gone before anybody hears of that, and so does not count as hanging. */
  stop (reason: Error, message: string, tooShort?: number): void {
    if (this.stopping.aborted) return
    this.stopping.abort(reason)
    this.#clock.afterIO(() => this.#answer([{ kind: 'unavailable', message }], tooShort))
  }

  #within (timeout: number): Promise<Outcome> {
    const known = this.#limits.find(limit => limit.timeout === timeout)
    if (known !== undefined) return known.outcome
    const outcome = unless(this.#outcome, resolve => alarm(this.#clock, this.begun + timeout, timeout, () => {
      if (this.#limits.some(limit => limit.timeout > timeout)) resolve(this.#lateOutcome(timeout))
      else this.stop(new FST_HEALTH_TIMEOUT(timeout), timedOut(timeout), timeout)
    }))
    this.#limits.push({ timeout, outcome })
    return outcome
  }

  // However many gave up on it, it failed them only once.
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
    const found = { errors, startedAt: this.#startedAt, duration: this.#clock.now() - this.begun }
    const outcome = this.observations === undefined ? found : { ...found, observed: this.observations.list() }
    this.#events.answered(outcome, tooShort)
    this.#resolve(outcome)
  }
}

/** The outcome, unless what `begin` waits for comes first; it gives what calls that off. */
function unless (outcome: Promise<Outcome>, begin: (resolve: (outcome: Outcome) => void) => () => void): Promise<Outcome> {
  return new Promise(resolve => {
    const cancel = begin(resolve)
    outcome.then(outcome => {
      cancel()
      resolve(outcome)
    })
  })
}

const timedOut = (after: number) => `timed out after ${after} ms`
