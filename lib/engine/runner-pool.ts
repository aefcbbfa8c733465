import type { Clock } from '../time/clock.js'
import { never, type Deadline } from '../time/deadlines.js'
import type { ResolvedEntry } from '../config/entry.js'
import { ofSubset } from '../config/options.js'
import type { Executor } from './executor.js'
import type { Fleet, SharedQuestion } from './fleet.js'
import type { Outcome } from './report.js'
import { Runner, type Question } from './runner.js'
import { SharedQuestionRunner } from './shared-question.js'
import type { Settings } from '../../types/options.js'

/** The subset and the limits of the one who asks. */
export interface AskOptions {
  readonly subset: string
  /** The moment when the response must be sent. */
  readonly due: Deadline
  /** `true` says that checks with an `interval` run in the background. */
  readonly background: boolean
}

/** Two runs on an interval are at least this part of it apart. Timers may fire as early as nine tenths of the interval. */
const leastApart = 0.8

/** Holds one runner for each question, so that entries with the same question share its result. */
export class RunnerPool {
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #executor: Executor
  readonly #runners = new Map<string, Runner>()
  readonly #sharedQuestions = new Map<string, SharedQuestionRunner>()
  readonly #fleet: () => Promise<Fleet> | undefined

  /** @param fleet returns the other instances, or `undefined` if there is no fleet */
  constructor (settings: Settings, clock: Clock, executor: Executor, fleet: () => Promise<Fleet> | undefined = () => undefined) {
    this.#settings = settings
    this.#fleet = fleet
    this.#clock = clock
    this.#executor = executor
  }

  /** Returns the kept outcome, or a promise of a new one that settles in time and never rejects. */
  ask (entry: ResolvedEntry, options: AskOptions): Outcome | Promise<Outcome> {
    const question = this.#question(entry, options)
    const fleet = question.background ? this.#fleetOf(entry) : undefined
    if (fleet === undefined) return this.#runner(entry).ask(question)
    return this.#sharedQuestion(entry).ask(fleet, this.#shared(entry), question)
  }

  /** Runs a check on its interval. All subsets that hold the check share the run, and so do all instances if the check is `shared`. */
  runOnInterval (entry: ResolvedEntry, subset: string, interval: number): Outcome | Promise<Outcome> {
    const question = this.#question(entry, { subset, due: never, background: true })
    const fleet = this.#fleetOf(entry)
    if (fleet === undefined) return this.#runner(entry).runOnInterval(question, interval * leastApart)
    return this.#sharedQuestion(entry).runOnInterval(fleet, this.#shared(entry), question)
  }

  /** Returns the milliseconds until the next run of a shared check, or `undefined` if the interval of the entry decides. */
  nextIn ({ question }: ResolvedEntry): number | undefined {
    return this.#sharedQuestions.get(question)?.nextIn
  }

  /** Drops the kept result, so that the next probe runs the check. */
  forget (entry: ResolvedEntry): void {
    this.#runner(entry).forget()
  }

  /** Forgets all questions except the given ones and those whose runs have not ended. */
  keep (questions: ReadonlySet<string>): void {
    for (const [question, runner] of this.#runners) {
      if (questions.has(question) || runner.pending > 0) continue
      this.#runners.delete(question)
      this.#sharedQuestions.delete(question)
    }
  }

  /** Aborts the runs under way, and closes the resources of checks. */
  async close (): Promise<void> {
    for (const runner of this.#runners.values()) runner.close()
    await this.#executor.close()
  }

  #runner ({ question }: ResolvedEntry): Runner {
    let runner = this.#runners.get(question)
    if (runner === undefined) this.#runners.set(question, runner = new Runner(this.#clock))
    return runner
  }

  #fleetOf ({ options: { shared } }: ResolvedEntry): Promise<Fleet> | undefined {
    return shared === true ? this.#fleet() : undefined
  }

  #sharedQuestion (entry: ResolvedEntry): SharedQuestionRunner {
    let shared = this.#sharedQuestions.get(entry.question)
    if (shared === undefined) this.#sharedQuestions.set(entry.question, shared = new SharedQuestionRunner(this.#clock, this.#runner(entry)))
    return shared
  }

  #shared (entry: ResolvedEntry): SharedQuestion {
    // A shared entry always has an interval (E008).
    return { entry, interval: entry.options.interval as number, timeout: entry.timeout ?? this.#settings.timeout }
  }

  #question (entry: ResolvedEntry, { subset, due, background }: AskOptions): Question {
    const { options, timeout = this.#settings.timeout } = entry
    const { interval, cacheFor = ofSubset(this.#settings.cacheFor, subset, 0), maxStale } = options
    return {
      task: (execution, timeout) => this.#executor.execute(entry, execution, timeout),
      timeout,
      due,
      cacheFor,
      // Three intervals may pass without a result, so that one slow answer does not count as stale.
      maxStale: maxStale ?? (interval === undefined ? Infinity : 3 * interval + timeout),
      background: background && interval !== undefined,
    }
  }
}
