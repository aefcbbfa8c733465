import { age } from '../html/moments.js'
import { muteInWords } from '../../engine/report.js'
import { plain as ofSubset, statusLine } from '../plain.js'
import { counts, failingOf, isWell, sinceOf, stateInWords, subsetInWords } from './words.js'
import type { FleetInstance, Roster } from '../../../types/fleet.js'
import type { Renderer } from '../../../types/renderer.js'

export interface Line {
  readonly name: string
  readonly words: string
  readonly look: 'good' | 'mild' | 'bad'
}

/** Makes one line for the fleet, and one for each subset, each muted check and each instance. */
export function fleetLines (roster: Roster): Line[] {
  const { fleet, unavailable, subsets, mutes, instances, at } = roster
  return [
    {
      name: fleet,
      words: unavailable === undefined ? counts(roster) : `only this instance is known: ${unavailable}`,
      look: isWell(roster) ? 'good' : 'bad',
    },
    ...subsets.map((subset): Line => ({ name: subset.subset, words: subsetInWords(subset), look: subset.failing === 0 ? 'good' : 'bad' })),
    ...mutes.map((mute): Line => ({ name: `${mute.subset}: ${mute.identifier}`, words: muteInWords(mute), look: 'mild' })),
    ...instances.map((instance): Line =>
      ({ name: instance.instance, words: `${stateInWords(instance)}, since ${age(at - sinceOf(instance))}`, look: lookOf(instance) })),
  ]
}

function lookOf (instance: FleetInstance): Line['look'] {
  if (instance.state === 'gone' || failingOf(instance).length > 0) return 'bad'
  return instance.state === 'draining' ? 'mild' : 'good'
}

export const plain: Renderer<Roster> = {
  ...ofSubset,
  render: roster => fleetLines(roster).map(({ name, words }) => statusLine(name, words)).join(''),
}
