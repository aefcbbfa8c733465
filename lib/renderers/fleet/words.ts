import type { FailingCheck, FleetInstance, Roster } from '../../../types/fleet.js'

/** Returns whether the instances are known, none of them is gone without goodbye, and all of them find every subset healthy. */
export function isWell ({ unavailable, gone, subsets }: Roster): boolean {
  return unavailable === undefined && gone === 0 && subsets.every(({ failing }) => failing === 0)
}

/** Returns the subsets that an instance found failing. */
export function failingOf ({ subsets }: FleetInstance): FleetInstance['subsets'] {
  return subsets.filter(({ healthy }) => !healthy)
}

export function failure ({ identifier, status, critical, muted }: FailingCheck): string {
  return `${identifier} ${status}${muted ? ' (muted)' : critical ? '' : ' (non-critical)'}`
}

/** Returns the moment when an instance came into its state. */
export function sinceOf (instance: FleetInstance): number {
  const { state, seen, since } = instance
  if (state === 'gone') return seen
  const moments = failingOf(instance).flatMap(({ at, failing }) =>
    failing.length === 0 ? [at] : failing.filter(({ critical, muted }) => critical && !muted).map(({ since }) => since))
  return moments.length === 0 ? since : Math.min(...moments)
}

/** Describes the state of an instance in a few words. */
export function stateInWords (instance: FleetInstance): string {
  const failing = failingOf(instance)
  const found = failing.map(({ subset, failing }) =>
    `${subset}: ${failing.length === 0 ? 'failing' : failing.map(failure).join(', ')}`).join('; ')
  if (instance.state === 'gone') return 'gone without goodbye'
  return instance.state === 'draining' ? `draining${found === '' ? '' : `; ${found}`}` : found === '' ? 'up' : found
}

export function counts ({ up, draining, gone }: Roster): string {
  return [`${up} up`, ...draining === 0 ? [] : [`${draining} draining`], ...gone === 0 ? [] : [`${gone} gone`]].join(', ')
}

export function subsetInWords ({ healthy, failing }: Roster['subsets'][number]): string {
  return failing === 0 ? `healthy at ${healthy}` : `failing at ${failing} of ${healthy + failing}`
}

/** Removes what only clients with access to details may see. */
export function withoutInstanceDetails (roster: Roster): Roster {
  return {
    ...roster,
    ...(roster.unavailable === undefined ? {} : { unavailable: 'unavailable' }),
    mutes: roster.mutes.map(({ subset, identifier, since, until }) => ({ subset, identifier, since, until })),
    instances: roster.instances.map(instance => ({
      ...instance,
      subsets: instance.subsets.map(subset => ({ ...subset, failing: subset.failing.map(check => ({ ...check, status: check.kind })) })),
    })),
  }
}
