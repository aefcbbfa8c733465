import { FST_HEALTH_INVALID_MUTE } from '../errors.js'
import { shown } from '../values/rules.js'
import { oneLine } from './report.js'
import type { Mute, MuteOptions, Result } from '../../types/report.js'

/** The longest time that a check may be muted for, in milliseconds: 90 days. */
const longest = 90 * 24 * 60 * 60 * 1000

const isText = (value: unknown): value is string => typeof value === 'string' && oneLine(value) !== ''

/** Which checks do not fail their subsets for a while. Each mute ends by itself. */
export class Mutes {
  readonly #bySubset = new Map<string, Map<string, Mute>>()

  /** @throws FST_HEALTH_INVALID_MUTE where an option is missing or of a wrong kind, or `until` is not in the next 90 days. */
  add (subset: string, identifier: string, { until, because, by }: MuteOptions, now: number): void {
    const refuse = (option: string, value: unknown, expected: string) => { throw new FST_HEALTH_INVALID_MUTE(option, shown(value), expected) }
    if (!Number.isFinite(until) || until <= now || until > now + longest) refuse('until', until, 'a moment of the next 90 days, in milliseconds since the epoch')
    if (!isText(because)) refuse('because', because, 'a text that says why')
    if (by !== undefined && !isText(by)) refuse('by', by, 'a text that says who, or left out')
    const mutes = this.#bySubset.get(subset) ?? new Map<string, Mute>()
    this.#bySubset.set(subset, mutes)
    mutes.set(identifier, { since: now, until, because: oneLine(because), ...(by === undefined ? {} : { by: oneLine(by) }) })
  }

  /** Returns whether it was muted. */
  remove (subset: string, identifier: string): boolean {
    return this.#bySubset.get(subset)?.delete(identifier) ?? false
  }

  /** The results with the mutes that hold `now`; those that are over are forgotten. */
  applied (subset: string, results: readonly Result[], now: number): readonly Result[] {
    const mutes = this.#bySubset.get(subset)
    if (mutes === undefined) return results
    for (const [identifier, { until }] of mutes) if (until <= now) mutes.delete(identifier)
    if (mutes.size === 0) this.#bySubset.delete(subset)
    return results.map(result => {
      const muted = mutes.get(result.identifier)
      return muted === undefined ? result : { ...result, muted }
    })
  }
}
