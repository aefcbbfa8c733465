import { FST_HEALTH_INVALID_OBSERVATION } from '../errors.js'
import { shown } from '../values/shown.js'
import type { Observation } from '../../types/report.js'

/** One run keeps at most this many names. */
const mostNames = 20

const isNotEmpty = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** The values that one run of a check observed. */
export class Observations {
  readonly #clean: (text: string) => string
  readonly #found = new Map<string, Observation>()

  /** @param clean removes secrets from a text */
  constructor (clean: (text: string) => string) {
    this.#clean = clean
  }

  /** @throws FST_HEALTH_INVALID_OBSERVATION if one of the arguments has a wrong type. */
  add (name: unknown, value: unknown, unit: unknown): void {
    if (!isNotEmpty(name)) throw new FST_HEALTH_INVALID_OBSERVATION('name', shown(name), 'a non-empty string')
    if (!isNotEmpty(value) && !Number.isFinite(value)) {
      throw new FST_HEALTH_INVALID_OBSERVATION('value', shown(value), 'a finite number, or a non-empty string')
    }
    if (unit !== undefined && !isNotEmpty(unit)) {
      throw new FST_HEALTH_INVALID_OBSERVATION('unit', shown(unit), 'a non-empty string, or left out')
    }
    const known = this.#clean(name)
    if (this.#found.size >= mostNames && !this.#found.has(known)) return
    const seen = isNotEmpty(value) ? this.#clean(value) : value as number
    this.#found.set(known, unit === undefined ? { name: known, value: seen } : { name: known, value: seen, unit: this.#clean(unit) })
  }

  list (): Observation[] {
    return [...this.#found.values()]
  }
}
