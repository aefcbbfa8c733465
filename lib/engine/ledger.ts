import { History } from './history.js'
import { toResult, type Judged } from './report.js'
import type { Result } from '../../types/report.js'

interface Slot {
  readonly history: History
  readonly judged: Judged
  readonly inError: InError | undefined
}

/** The failures in a row, including those that are borne. */
interface InError {
  readonly failures: number
  readonly since: number
}

/** Keeps the history of the entries of each subset, and reports changes of state. */
export class Ledger {
  readonly #slots = new Map<string, Map<string, Slot>>()
  readonly #changed: (subset: string, judged: Judged, at: number) => void

  constructor (changed: (subset: string, judged: Judged, at: number) => void) {
    this.#changed = changed
  }

  /** Records an outcome. An outcome that is served again is recorded once. */
  record (subset: string, found: Judged, at: number): Result {
    let slots = this.#slots.get(subset)
    if (slots === undefined) this.#slots.set(subset, slots = new Map())
    const last = slots.get(found.identifier)
    const history = last?.history ?? new History()
    const isNew = last?.judged.outcome !== found.outcome
    const inError = found.healthy
      ? undefined
      : { failures: (last?.inError?.failures ?? 0) + Number(isNew), since: last?.inError?.since ?? at }
    const judged = inError !== undefined && isBorne(inError, found, at) ? { ...found, healthy: true, borneSince: inError.since } : found
    slots.set(found.identifier, { history, judged, inError })
    // The same outcome may count differently now, since `warningsAsErrors` may have changed.
    const isJudgedAnew = last !== undefined && last.judged.healthy !== judged.healthy
    const isRun = isNew && judged.outcome.withoutRun !== true
    if ((isNew || isJudgedAnew) && history.record(judged.healthy, at, isRun, found.healthy)) this.#changed(subset, judged, at)
    return toResult(judged, history)
  }

  /** Makes a result that is not recorded, since it says nothing about the dependency. */
  unrecorded (subset: string, judged: Judged): Result {
    return toResult(judged, this.#slots.get(subset)?.get(judged.identifier)?.history ?? new History())
  }

  /** Returns whether an entry was healthy in its last record, or `undefined` if it has none. */
  isHealthy (subset: string, identifier: string): boolean | undefined {
    return this.#slots.get(subset)?.get(identifier)?.judged.healthy
  }

  /** Returns the last result of each entry of a subset. */
  last (subset: string): Result[] {
    return Array.from(this.#slots.get(subset)?.values() ?? [], ({ judged, history }) => toResult(judged, history))
  }

  /** Forgets all entries except the given identifiers of each subset. */
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
