import { about, healthJson as ofSubset, measurementKey } from '../health-json.js'
import { failure, isWell, sinceOf, stateInWords } from './words.js'
import type { FleetInstance, Roster } from '../../../types/fleet.js'
import type { Renderer } from '../../../types/renderer.js'

/** Writes a component for each instance, and one for each subset that the instance was asked for. */
export const healthJson: Renderer<Roster> = {
  ...ofSubset,
  render: (roster, service) => {
    const checks = new Map<string, object[]>()
    for (const instance of roster.instances) {
      for (const [key, component] of components(instance)) checks.set(key, [...checks.get(key) ?? [], component])
    }
    return {
      status: isWell(roster) ? 'pass' : 'fail',
      ...about(service),
      ...(roster.unavailable === undefined ? {} : { output: `only this instance is known: ${roster.unavailable}` }),
      checks: Object.fromEntries(checks),
    }
  },
}

function components (instance: FleetInstance): Array<[key: string, component: object]> {
  const { instance: name, state, version, releaseId, subsets } = instance
  const about = {
    componentId: name,
    componentType: 'system',
    ...(version === undefined ? {} : { version }),
    ...(releaseId === undefined ? {} : { releaseId }),
  }
  const own = {
    ...about,
    observedValue: state,
    status: state === 'gone' ? 'fail' : state === 'draining' ? 'warn' : 'pass',
    time: new Date(instance.seen).toISOString(),
    ...(state === 'up' ? {} : { output: stateInWords(instance), since: new Date(sinceOf(instance)).toISOString() }),
  }
  // The last results of an instance that is gone say nothing about now.
  return [[measurementKey(name, 'state'), own], ...state === 'gone'
    ? []
    : subsets.map(({ subset, healthy, at, failing }): [string, object] => [measurementKey(name, subset), {
      ...about,
      observedValue: healthy ? 'healthy' : 'failing',
      status: !healthy ? 'fail' : failing.length === 0 ? 'pass' : 'warn',
      time: new Date(at).toISOString(),
      ...(failing.length === 0 ? {} : { output: failing.map(failure).join('\n') }),
    }])]
}
