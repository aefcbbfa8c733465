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

/** Who asks. */
export interface AskOptions {
  readonly subset: string
  /** When its response has to leave. */
  readonly due: Deadline
  /** Whether checks that have an `interval` run in the background. */
  readonly background: boolean
}

/** Of an interval: beats come as early as nine tenths of it. */
const leastApart = 0.8

/** A runner for each question, so that entries that ask the same share what is known of it. */
export class RunnerPool {
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #executor: Executor
  readonly #runners = new Map<string, Runner>()
  readonly #sharedQuestions = new Map<string, SharedQuestionRunner>()
  readonly #fleet: () => Promise<Fleet> | undefined

  /** @param fleet the other instances, where there are any */
  constructor (settings: Settings, clock: Clock, executor: Executor, fleet: () => Promise<Fleet> | undefined = () => undefined) {
    this.#settings = settings
    this.#fleet = fleet
    this.#clock = clock
    this.#executor = executor
  }

  /** What is known, or a promise of it that settles in time and never rejects. */
  ask (entry: ResolvedEntry, options: AskOptions): Outcome | Promise<Outcome> {
    const question = this.#question(entry, options)
    const fleet = question.background ? this.#fleetOf(entry) : undefined
    if (fleet === undefined) return this.#runner(entry).ask(question)
    return this.#sharedQuestion(entry).ask(fleet, this.#shared(entry), question)
  }

  /** A run of the check's own interval: one for all the subsets that hold it, and for all instances of a fleet where it is shared. */
  runOnInterval (entry: ResolvedEntry, subset: string, interval: number): Outcome | Promise<Outcome> {
    const question = this.#question(entry, { subset, due: never, background: true })
    const fleet = this.#fleetOf(entry)
    if (fleet === undefined) return this.#runner(entry).runOnInterval(question, interval * leastApart)
    return this.#sharedQuestion(entry).runOnInterval(fleet, this.#shared(entry), question)
  }

  /** Milliseconds until the next run of a shared check's interval; `undefined` where its own interval says. */
  nextIn ({ question }: ResolvedEntry): number | undefined {
    return this.#sharedQuestions.get(question)?.nextIn
  }

  /** Whoever asks next is not told what was found before. */
  forget (entry: ResolvedEntry): void {
    this.#runner(entry).forget()
  }

  /** Forgets all but these questions, and what is still being asked. */
  keep (questions: ReadonlySet<string>): void {
    for (const [question, runner] of this.#runners) {
      if (questions.has(question) || runner.pending > 0) continue
      this.#runners.delete(question)
      this.#sharedQuestions.delete(question)
    }
  }

  /** Aborts what is under way, and closes what checks kept open. */
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
    // Without an interval, none of them is shared.
    return { entry, interval: entry.options.interval as number, timeout: entry.timeout ?? this.#settings.timeout }
  }

  #question (entry: ResolvedEntry, { subset, due, background }: AskOptions): Question {
    const { options: { interval, cacheFor = ofSubset(this.#settings.cacheFor, subset, 0), maxStale }, timeout = this.#settings.timeout } = entry
    return {
      task: (execution, timeout) => this.#executor.execute(entry, execution, timeout),
      timeout,
      due,
      cacheFor,
      // Three beats may be missed, so that one slow answer is not yet a stale one.
      maxStale: maxStale ?? (interval === undefined ? Infinity : 3 * interval + timeout),
      background: background && interval !== undefined,
    }
  }
}
