import type { FailingCheck, FleetInstance, Roster } from '../../../types/fleet.js'

/** Whether all is well: every instance is there that has not said goodbye, and finds each subset healthy. */
export function isWell ({ unavailable, gone, subsets }: Roster): boolean {
  return unavailable === undefined && gone === 0 && subsets.every(({ failing }) => failing === 0)
}

/** The subsets that an instance found failing. */
export function failingOf ({ subsets }: FleetInstance): FleetInstance['subsets'] {
  return subsets.filter(({ healthy }) => !healthy)
}

export function failure ({ identifier, status, critical, muted }: FailingCheck): string {
  return `${identifier} ${status}${muted ? ' (muted)' : critical ? '' : ' (non-critical)'}`
}

/** Since when an instance is as it is. */
export function sinceOf (instance: FleetInstance): number {
  const { state, seen, since } = instance
  if (state === 'gone') return seen
  const moments = failingOf(instance).flatMap(({ at, failing }) => failing.length === 0 ? [at] : failing.filter(({ critical, muted }) => critical && !muted).map(({ since }) => since))
  return moments.length === 0 ? since : Math.min(...moments)
}

/** How the instance is, in a few words. */
export function stateInWords (instance: FleetInstance): string {
  const failing = failingOf(instance)
  const found = failing.map(({ subset, failing }) => `${subset}: ${failing.length === 0 ? 'failing' : failing.map(failure).join(', ')}`).join('; ')
  if (instance.state === 'gone') return 'gone without goodbye'
  return instance.state === 'draining' ? `draining${found === '' ? '' : `; ${found}`}` : found === '' ? 'up' : found
}

export function counts ({ up, draining, gone }: Roster): string {
  return [`${up} up`, ...draining === 0 ? [] : [`${draining} draining`], ...gone === 0 ? [] : [`${gone} gone`]].join(', ')
}

export function subsetInWords ({ healthy, failing }: Roster['subsets'][number]): string {
  return failing === 0 ? `healthy at ${healthy}` : `failing at ${failing} of ${healthy + failing}`
}

/** The same for those who may see the state, but not the messages. */
export function withoutDetails (roster: Roster): Roster {
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
