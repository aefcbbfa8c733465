import { FST_HEALTH_INVALID_MUTE } from '../errors.js'
import { numeric } from '../values/rules.js'
import { oneLine, shown } from '../values/shown.js'
import { assertDuration } from './durations.js'
import type { FleetMute } from '../../types/fleet.js'
import type { Mute, MuteOptions, Result } from '../../types/report.js'

/** A mute may last 90 days at most, in milliseconds. */
export const longestMute = 90 * 24 * 60 * 60 * 1000

const muteTime = numeric('a number of milliseconds, more than 0 and no more than 90 days', Number.MIN_VALUE, longestMute)

type BySubset = Map<string, Map<string, Mute>>

const isMeaningful = (value: unknown): value is string => typeof value === 'string' && oneLine(value) !== ''

function refuseOption (option: string, value: unknown, expected: string): never {
  throw new FST_HEALTH_INVALID_MUTE(option, shown(value), expected)
}

/** @throws FST_HEALTH_INVALID_DURATION if a mute cannot last that long. */
export function assertMuteTime (time: unknown): void {
  assertDuration('The time to mute', time, muteTime)
}

/** @throws FST_HEALTH_INVALID_MUTE if `because` is missing, or `by` is not a non-empty string. */
export function assertWords ({ because, by }: { because: unknown, by?: unknown }): void {
  if (!isMeaningful(because)) refuseOption('because', because, 'a text that says why')
  if (by !== undefined && !isMeaningful(by)) refuseOption('by', by, 'a text that says who, or left out')
}

/** The mutes: a muted check does not fail its subset for a limited time. Each mute ends by itself. */
export class Mutes {
  readonly #bySubset: BySubset = new Map()
  /** The mutes that hold on every instance of the fleet. */
  #ofFleet: BySubset = new Map()

  /** @throws FST_HEALTH_INVALID_MUTE if an option is missing or has a wrong type, or `until` is not in the next 90 days. */
  add (subset: string, identifier: string, { until, because, by }: MuteOptions, now: number): void {
    if (!Number.isFinite(until) || until <= now || until > now + longestMute) {
      refuseOption('until', until, 'a moment of the next 90 days, in milliseconds since the epoch')
    }
    assertWords({ because, by })
    const mutes = this.#bySubset.get(subset) ?? new Map<string, Mute>()
    this.#bySubset.set(subset, mutes)
    mutes.set(identifier, { since: now, until, because: oneLine(because), ...(by === undefined ? {} : { by: oneLine(by) }) })
  }

  /** @returns `true` if the check was muted */
  remove (subset: string, identifier: string): boolean {
    return this.#bySubset.get(subset)?.delete(identifier) ?? false
  }

  /** Replaces all mutes of the fleet. */
  setFleet (mutes: readonly FleetMute[]): void {
    const bySubset: BySubset = new Map()
    for (const { subset, identifier, ...mute } of mutes) bySubset.set(subset, (bySubset.get(subset) ?? new Map()).set(identifier, mute))
    this.#ofFleet = bySubset
  }

  /** Returns the results with the mutes that hold at `now`, and forgets the mutes that have ended. */
  applied (subset: string, results: readonly Result[], now: number): readonly Result[] {
    const [own, ofFleet] = [this.#bySubset, this.#ofFleet].map(mutes => holding(mutes, subset, now))
    if (own === undefined && ofFleet === undefined) return results
    return results.map(result => {
      const muted = own?.get(result.identifier) ?? ofFleet?.get(result.identifier)
      return muted === undefined ? result : { ...result, muted }
    })
  }
}

function holding (bySubset: BySubset, subset: string, now: number): ReadonlyMap<string, Mute> | undefined {
  const mutes = bySubset.get(subset)
  if (mutes === undefined) return undefined
  for (const [identifier, { until }] of mutes) if (until <= now) mutes.delete(identifier)
  if (mutes.size > 0) return mutes
  bySubset.delete(subset)
  return undefined
}
