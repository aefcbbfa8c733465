import { json as ofSubset } from '../json.js'
import { isWell } from './words.js'
import type { Roster } from '../../../types/fleet.js'
import type { Renderer } from '../../../types/renderer.js'

const iso = (at: number) => new Date(at).toISOString()

/** Writes the roster as it is, with its moments as text. */
export const json: Renderer<Roster> = {
  ...ofSubset,
  render: roster => ({
    ...roster,
    healthy: isWell(roster),
    at: iso(roster.at),
    mutes: roster.mutes.map(mute => ({ ...mute, since: iso(mute.since), until: iso(mute.until) })),
    instances: roster.instances.map(instance => ({
      ...instance,
      since: iso(instance.since),
      seen: iso(instance.seen),
      subsets: instance.subsets.map(subset =>
        ({ ...subset, at: iso(subset.at), failing: subset.failing.map(check => ({ ...check, since: iso(check.since) })) })),
    })),
  }),
}
