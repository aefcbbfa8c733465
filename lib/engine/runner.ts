import type { Clock } from '../time/clock.js'
import type { Deadline } from '../time/deadlines.js'
import { FST_HEALTH_CLOSED } from '../errors.js'
import { Execution, type Task } from './execution.js'
import { notRun, type Outcome } from './report.js'

/** A question of one probe to a check. Durations are milliseconds. */
export interface Question {
  readonly task: Task
  readonly timeout: number
  /** The moment when the probe's response must be sent. */
  readonly due: Deadline
  readonly cacheFor: number
  readonly maxStale: number
  /** `true` says that the runs on the interval answer the question. */
  readonly background: boolean
}

/** A check that hangs and ignores its signal is tried again after this many milliseconds. */
export const retryAfter = 30_000
/** At most this many executions of one check may hang at once. */
export const mostHanging = 10

interface KeptResult {
  readonly outcome: Outcome
  readonly at: number
  /** The timeout, in milliseconds, that was not enough. The result does not answer a probe with a longer timeout. */
  readonly tooShort: number | undefined
}

/**
 * Runs one check for all probes. There is one execution at a time, which the probes share.
 *
 * | state   | what it holds                                       | what a probe gets                                             |
 * |---------|-----------------------------------------------------|---------------------------------------------------------------|
 * | fresh   | nothing                                             | a new execution                                               |
 * | running | `#running`                                          | the outcome of that execution, or its own timeout             |
 * | known   | `#kept`, which may be a timeout, and `#before` that | the kept result where the probe takes one, or a new execution |
 * | stuck   | `#stuck`, the last in `#hanging`                    | "still running", and a new execution every 30 s               |
 */
export class Runner {
  readonly #clock: Clock
  /** The executions that were told to stop and have not ended, the oldest first. */
  readonly #hanging = new Set<Execution>()
  /** The last execution, if it hangs. */
  #stuck: Execution | undefined
  #running: Execution | undefined
  #kept: KeptResult | undefined
  /** The result before the kept one, if the kept one is a timeout. */
  #before: KeptResult | undefined
  /** The moment of the last run on the interval, on the clock's monotonic time. */
  #lastIntervalRun = -Infinity

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** The number of executions that have not ended, including those that hang. */
  get pending (): number {
    return this.#hanging.size + (this.#running === undefined ? 0 : 1)
  }

  /** Returns the kept outcome, or a promise of a new one that settles in time and never rejects. */
  ask (question: Question): Outcome | Promise<Outcome> {
    return (question.background ? this.lastOutcome(question) : this.#keptFor(question)) ?? this.run(question)
  }

  /**
   * Returns a new outcome, and never a kept one.
   *
   * @param onInterval `true` says that nobody waits for the outcome, so a check that hangs must not keep the process alive.
   */
  run (question: Question, onInterval = false): Outcome | Promise<Outcome> {
    if (this.#running !== undefined) return this.#running.wait(question, onInterval)
    if (this.#hanging.size >= mostHanging) return this.#stillRunning()
    if (this.#stuck !== undefined && this.#clock.now() - this.#stuck.begun < retryAfter) return this.#stillRunning()
    return this.#start(question).wait(question, onInterval)
  }

  /** Runs on an interval. If another subset's interval ran less than `apart` milliseconds ago, its result is used instead. */
  runOnInterval (question: Question, apart: number): Outcome | Promise<Outcome> {
    const now = this.#clock.now()
    const kept = this.#kept
    const isKnown = kept !== undefined && kept === this.#keptWithin(question.timeout)
    if (this.#running === undefined && isKnown && now - this.#lastIntervalRun < apart) return kept.outcome
    this.#lastIntervalRun = now
    return this.run(question, true)
  }

  /** Keeps an outcome that another instance found `age` milliseconds ago. */
  learn (outcome: Outcome, age: number): void {
    this.#kept = { outcome, at: this.#clock.now() - age, tooShort: undefined }
    // A run of this instance that hangs no longer matters.
    this.#stuck = undefined
  }

  /** Drops the kept result, so that the next probe runs the check. */
  forget (): void {
    this.#kept = this.#before = undefined
  }

  /** Stops the execution under way. */
  close (): void {
    this.#running?.stop(new FST_HEALTH_CLOSED(), 'closing')
  }

  #keptFor ({ cacheFor, maxStale, timeout }: Question): Outcome | undefined {
    const kept = this.#keptWithin(timeout)
    if (kept === undefined) return undefined
    return this.#clock.now() - kept.at < Math.min(cacheFor, maxStale) ? kept.outcome : undefined
  }

  /** Returns the last outcome, or a failure if it is too old, or `undefined` if there is none. */
  lastOutcome ({ maxStale, timeout }: Question): Outcome | undefined {
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
    const execution: Execution = new Execution(this.#clock, {
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
    // The task may ask for itself while it is called.
    this.#running = execution
    return execution.start(task, timeout)
  }
}

const wholeSeconds = (ms: number) => Math.floor(ms / 1000)
