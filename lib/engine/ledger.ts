import { History } from './history.js'
import { toResult, type Judged } from './report.js'
import type { Result } from '../../types/report.js'

interface Slot {
  readonly history: History
  readonly judged: Judged
  readonly inError: InError | undefined
}

/** Failures in a row, the ones that are borne included. */
interface InError {
  readonly failures: number
  readonly since: number
}

/** What became of the entries of each subset, and whether their state changed. */
export class Ledger {
  readonly #slots = new Map<string, Map<string, Slot>>()
  readonly #changed: (subset: string, judged: Judged, at: number) => void

  constructor (changed: (subset: string, judged: Judged, at: number) => void) {
    this.#changed = changed
  }

  /** Records an outcome, unless it is the one recorded last: one that is served again happened only once. */
  record (subset: string, found: Judged, at: number): Result {
    let slots = this.#slots.get(subset)
    if (slots === undefined) this.#slots.set(subset, slots = new Map())
    const last = slots.get(found.identifier)
    const history = last?.history ?? new History()
    const isNew = last?.judged.outcome !== found.outcome
    const inError = found.healthy ? undefined : { failures: (last?.inError?.failures ?? 0) + Number(isNew), since: last?.inError?.since ?? at }
    const judged = inError !== undefined && isBorne(inError, found, at) ? { ...found, healthy: true, borneSince: inError.since } : found
    slots.set(found.identifier, { history, judged, inError })
    // What it found before may count otherwise by now: `warningsAsErrors` is live.
    const isJudgedAnew = last !== undefined && last.judged.healthy !== judged.healthy
    const isRun = isNew && judged.outcome.withoutRun !== true
    if ((isNew || isJudgedAnew) && history.record(judged.healthy, at, isRun, found.healthy)) this.#changed(subset, judged, at)
    return toResult(judged, history)
  }

  /** A result that says nothing about the check itself. */
  unrecorded (subset: string, judged: Judged): Result {
    return toResult(judged, this.#slots.get(subset)?.get(judged.identifier)?.history ?? new History())
  }

  /** Whether an entry was healthy when it was recorded last; `undefined` where it never was. */
  isHealthy (subset: string, identifier: string): boolean | undefined {
    return this.#slots.get(subset)?.get(identifier)?.judged.healthy
  }

  /** What was recorded last of each entry of a subset. */
  last (subset: string): Result[] {
    return Array.from(this.#slots.get(subset)?.values() ?? [], ({ judged, history }) => toResult(judged, history))
  }

  /** Forgets all but these identifiers of each subset. */
  keep (inUse: ReadonlyMap<string, ReadonlySet<string>>): void {
    for (const [subset, slots] of this.#slots) {
      const identifiers = inUse.get(subset)
      for (const identifier of slots.keys()) if (!identifiers?.has(identifier)) slots.delete(identifier)
      if (slots.size === 0) this.#slots.delete(subset)
    }
  }
}

function isBorne ({ failures, since }: InError, { options }: Judged, at: number): boolean {
  const { maxFailures, maxTimeInError } = options ?? {}
  if (maxFailures === undefined && maxTimeInError === undefined) return false
  return failures <= (maxFailures ?? Infinity) && at - since <= (maxTimeInError ?? Infinity)
}
