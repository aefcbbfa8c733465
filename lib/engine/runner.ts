import type { Clock } from '../time/clock.js'
import type { Deadline } from '../time/deadlines.js'
import { FST_HEALTH_CLOSED } from '../errors.js'
import { Execution, type Task } from './execution.js'
import { notRun, type Outcome } from './report.js'
import type { Failure } from '../../types/report.js'

/** What one probe asks of a check. Durations are milliseconds. */
export interface Question {
  readonly task: Task
  readonly timeout: number
  /** When the probe's response must leave. */
  readonly due: Deadline
  readonly cacheFor: number
  readonly maxStale: number
  /** Whether the runs on its interval answer it. */
  readonly background: boolean
}

/** Milliseconds between two tries of a check that hangs and ignores its signal. */
export const retryAfter = 30_000
/** How many executions of one check may hang at once. */
export const mostHanging = 10

const asksItself: Failure = { kind: 'unexpected result', message: 'the check asks for a subset that it is in' }

interface KeptResult {
  readonly outcome: Outcome
  readonly at: number
  /** The timeout, in milliseconds, that was not enough. It says nothing to a probe with a longer one. */
  readonly tooShort: number | undefined
}

/**
 * It runs one check for whoever asks: one execution at a time, which all share.
 *
 * | state   | what it holds                               | what a probe gets                                                     |
 * |---------|---------------------------------------------|-----------------------------------------------------------------------|
 * | fresh   | nothing                                     | a new execution                                                       |
 * | running | `#running`                                  | the outcome of that execution, or its own timeout                     |
 * | known   | `#kept`, which may be a timeout; `#before` is what was found before that | the kept result where the probe takes one, or a new execution |
 * | stuck   | `#stuck`, the last execution, which hangs; `#hanging` are all that do | "still running", and a new execution every 30 s          |
 */
export class Runner {
  readonly #clock: Clock
  /** The executions that were told to stop and have not ended, the oldest first. */
  readonly #hanging = new Set<Execution>()
  /** The last execution, where it hangs. */
  #stuck: Execution | undefined
  #running: Execution | undefined
  #kept: KeptResult | undefined
  /** The result before the kept one, where the kept one is a timeout. */
  #before: KeptResult | undefined
  /** Whether the check has been called and has not yet returned its promise. */
  #starting = false
  /** Whether the check that is starting asked for a subset that it is in. */
  #asksItself = false
  /** When it last ran on its interval. */
  #lastIntervalRun = -Infinity

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** How many executions have not ended, with those that hang. */
  get pending (): number {
    return this.#hanging.size + (this.#running === undefined ? 0 : 1)
  }

  /** The kept outcome, or a promise of a new one that settles in time and never rejects. */
  ask (question: Question): Outcome | Promise<Outcome> {
    return (question.background ? this.lastOutcome(question) : this.#keptFor(question)) ?? this.run(question)
  }

  /** A new outcome: no kept result is taken. */
  run (question: Question): Outcome | Promise<Outcome> {
    if (this.#starting) {
      this.#asksItself = true
      return { errors: [asksItself], startedAt: this.#clock.date(), duration: 0 }
    }
    if (this.#running !== undefined) return this.#running.wait(question)
    if (this.#hanging.size >= mostHanging) return this.#stillRunning()
    if (this.#stuck !== undefined && this.#clock.now() - this.#stuck.begun < retryAfter) return this.#stillRunning()
    return this.#start(question).wait(question)
  }

  /** Runs on an interval. A result that another subset's interval found less than `apart` milliseconds ago is taken instead. */
  runOnInterval (question: Question, apart: number): Outcome | Promise<Outcome> {
    const now = this.#clock.now()
    const kept = this.#kept
    const isKnown = kept !== undefined && kept === this.#keptWithin(question.timeout)
    if (this.#running === undefined && isKnown && now - this.#lastIntervalRun < apart) return kept.outcome
    this.#lastIntervalRun = now
    return this.run(question)
  }

  /** Takes over what was found elsewhere, so many milliseconds ago. */
  learn (outcome: Outcome, age: number): void {
    this.#kept = { outcome, at: this.#clock.now() - age, tooShort: undefined }
    // That a run of its own hangs no longer matters.
    this.#stuck = undefined
  }

  /** Drops the kept result, so that the next probe runs the check. */
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

  /** What was found last, or that it is too old; `undefined` where nothing is known. */
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
    this.#asksItself = false
    this.#starting = true
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
    this.#starting = false
    if (this.#asksItself) execution.fault = asksItself
    this.#running = execution
    return execution
  }
}

const wholeSeconds = (ms: number) => Math.floor(ms / 1000)
