import { isHealthy, notRun, type Judged, type Outcome } from './report.js'
import type { ResolvedEntry } from '../config/entry.js'
import type { Clock } from '../time/clock.js'
import type { Deadline } from '../time/deadlines.js'
import type { Result } from '../../types/report.js'

export interface Evaluation {
  /** The entries, in an order in which each entry stands behind the one that it comes `after`. */
  readonly entries: readonly ResolvedEntry[]
  readonly ask: (entry: ResolvedEntry) => Outcome | Promise<Outcome>
  /** Records an answer as soon as it is known. */
  readonly record: (judged: Judged) => Result
  readonly clock: Clock
  readonly sequential: boolean
  readonly warningsAsErrors: boolean
  /** The moment when the response must be sent. */
  readonly due: Deadline
}

/** After so many milliseconds the app's other work has its turn. */
const longestTurn = 1

/**
 * Asks every check of a subset in the order of its entries. It never rejects, and never takes longer than its deadline. The checks of a
 * large subset are asked in several turns of the event loop, and its report is made in one more, so that other requests need not wait for
 * all of that.
 */
export async function evaluate (evaluation: Evaluation): Promise<Result[]> {
  const { entries, sequential, clock } = evaluation
  const answers: Answers = new Map()
  let begun = clock.now()
  let turns = 1
  for (const entry of entries) {
    if (clock.now() - begun > longestTurn) {
      await nextTurn(clock)
      begun = clock.now()
      turns++
    }
    const answer = answerOf(entry, answers, evaluation)
    answers.set(entry.identifier, sequential ? await answer : answer)
  }
  const results = await Promise.all(answers.values())
  if (turns > 1) await nextTurn(clock)
  return results
}

async function nextTurn (clock: Clock): Promise<void> {
  await new Promise<void>(resolve => { clock.afterIO(resolve) })
}

/** The answers by identifier, in the order in which the checks were asked. */
type Answers = Map<string, Result | Promise<Result>>

function answerOf (entry: ResolvedEntry, answers: Answers, evaluation: Evaluation): Promise<Result> | Result {
  const { after } = entry.options
  if (after === undefined) return asked(entry, evaluation)
  return Promise.resolve(answers.get(after)).then(async first => {
    if (first?.healthy) return await asked(entry, evaluation)
    return judge(entry, notRun(`blocked by ${after}`, evaluation.clock.date()), evaluation)
  })
}

function asked (entry: ResolvedEntry, evaluation: Evaluation): Promise<Result> | Result {
  const { ask, clock, due } = evaluation
  const outcome = clock.now() < due.at ? ask(entry) : notRun(`timed out after ${due.deadline} ms`, clock.date())
  return outcome instanceof Promise ? outcome.then(outcome => judge(entry, outcome, evaluation)) : judge(entry, outcome, evaluation)
}

function judge ({ identifier, critical, options }: ResolvedEntry, outcome: Outcome, { warningsAsErrors, record }: Evaluation): Result {
  return record({ identifier, critical, options, outcome, healthy: isHealthy(outcome.errors, warningsAsErrors) })
}
