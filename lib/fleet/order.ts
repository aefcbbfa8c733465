import { byIdentifier } from '../config/order.js'
import type { FleetInstance } from '../../types/fleet.js'

/** Returns the rank of an instance's state, the worst first, and the moment when it came into the state. */
function badness ({ state, seen, since, subsets }: FleetInstance): [rank: number, since: number] {
  if (state === 'gone') return [1, seen]
  const failing = subsets.filter(({ healthy }) => !healthy)
  if (failing.length > 0) return [0, Math.min(...failing.flatMap(({ at, failing }) => [at, ...failing.map(({ since }) => since)]))]
  return [state === 'draining' ? 2 : 3, since]
}

/** The order of instances: those that fail first, then those that are gone or drain, then the others; the longest in its state first. */
export function worstFirst (one: FleetInstance, other: FleetInstance): number {
  const [rank, since] = badness(one)
  const [otherRank, otherSince] = badness(other)
  return rank - otherRank || since - otherSince || byIdentifier({ identifier: one.instance }, { identifier: other.instance })
}
