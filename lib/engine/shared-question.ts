import type { Clock } from '../time/clock.js'
import type { Fleet, Known, OwnTurn, SharedQuestion } from './fleet.js'
import { failed, type Outcome } from './report.js'
import type { Question, Runner } from './runner.js'
import { never } from '../time/deadlines.js'

/** A run under way, which several probes may wait for. */
interface RunUnderWay {
  readonly outcome: Promise<Outcome>
  readonly begun: number
  /** The outcome for probes that gave up, by the milliseconds that they waited. They share it, so that it counts as one failure. */
  readonly late: Map<number, Outcome>
}

/** A timer may fire early by this part of the interval. An instance that comes earlier than that gets its kept result. */
const early = 0.05

/** Answers a question that one instance of the fleet asks for all instances. */
export class SharedQuestionRunner {
  readonly #clock: Clock
  readonly #runner: Runner
  #run: RunUnderWay | undefined
  /** The moment of the next turn, on the clock's monotonic time, or `undefined` if the fleet does not say. */
  #nextAt: number | undefined

  constructor (clock: Clock, runner: Runner) {
    this.#clock = clock
    this.#runner = runner
  }

  /** The milliseconds until this instance should ask the fleet again. */
  get nextIn (): number | undefined {
    return this.#nextAt === undefined ? undefined : Math.max(0, this.#nextAt - this.#clock.now())
  }

  /** Returns the kept outcome, or a promise of a new one that settles in time and never rejects. */
  ask (fleet: Promise<Fleet>, shared: SharedQuestion, question: Question): Outcome | Promise<Outcome> {
    return this.#runner.lastOutcome(question) ?? this.#wait(this.#begin(fleet, shared, question), question)
  }

  /** Asks the fleet for a turn, unless it is too early. It never rejects. */
  runOnInterval (fleet: Promise<Fleet>, shared: SharedQuestion, question: Question): Outcome | Promise<Outcome> {
    const isEarly = this.#run === undefined && this.nextIn !== undefined && this.nextIn > early * shared.interval
    return (isEarly ? this.#runner.lastOutcome(question) : undefined) ?? this.#begin(fleet, shared, question).outcome
  }

  #begin (fleet: Promise<Fleet>, shared: SharedQuestion, question: Question): RunUnderWay {
    this.#run ??= {
      outcome: this.#take(fleet, shared, question).finally(() => { this.#run = undefined }),
      begun: this.#clock.now(),
      late: new Map(),
    }
    return this.#run
  }

  async #take (fleet: Promise<Fleet>, shared: SharedQuestion, question: Question): Promise<Outcome> {
    const turn = await (await fleet).turn(shared)
    this.#nextAt = turn.next === undefined ? undefined : this.#clock.now() + turn.next
    if (turn.known !== undefined) return this.#learn(turn.known, question)
    // The probe that began the run may have less time than the probes that wait for it.
    const outcome = await this.#runner.run({ ...question, due: never })
    this.#tell(turn, outcome, question)
    return outcome
  }

  // Nothing waits for this, since a slow Redis must not delay a probe.
  async #tell (turn: OwnTurn, outcome: Outcome, question: Question): Promise<void> {
    const newer = await turn.tell(outcome)
    if (newer !== undefined) this.#learn(newer, question)
  }

  #learn (known: Known, question: Question): Outcome {
    this.#runner.learn(known.outcome, known.age)
    return this.#runner.lastOutcome(question) as Outcome
  }

  #wait (run: RunUnderWay, { timeout, due }: Question): Promise<Outcome> {
    return new Promise(resolve => {
      const settle = (outcome: Outcome) => {
        cancelTimer()
        cancelDue()
        resolve(outcome)
      }
      const cancelTimer = this.#clock.after(timeout, () => settle(this.#late(run, timeout)))
      const cancelDue = due.onDue(() => settle(this.#late(run, due.deadline)))
      run.outcome.then(settle)
    })
  }

  #late ({ begun, late }: RunUnderWay, after: number): Outcome {
    let outcome = late.get(after)
    if (outcome === undefined) {
      const took = this.#clock.now() - begun
      late.set(after, outcome = failed('unavailable', `timed out after ${after} ms`, this.#clock.date() - took, took))
    }
    return outcome
  }
}
