import type { Metric, Sample } from '../metrics.js'
import { exposition, openmetrics as ofSubset } from '../openmetrics.js'
import type { Roster } from '../../../types/fleet.js'
import type { Renderer } from '../../../types/renderer.js'

// There is no series for an instance, since instances come and go, and each exposes its own metrics.
const fleetMetrics: ReadonlyArray<Metric<Roster>> = [
  {
    name: 'fastify_health_fleet_reachable',
    help: 'Whether the instances of the fleet can be known: 1, or 0.',
    type: 'gauge',
    aggregator: 'min',
    labels: ['fleet'],
    samples: ({ fleet, unavailable }) => [{ labels: { fleet }, value: Number(unavailable === undefined) }],
  },
  {
    name: 'fastify_health_fleet_instances',
    help: 'Instances of the fleet, by their state; what is gone did not say goodbye.',
    type: 'gauge',
    aggregator: 'max',
    labels: ['fleet', 'state'],
    samples: ifAvailable(roster =>
      (['up', 'draining', 'gone'] as const).map(state => ({ labels: { fleet: roster.fleet, state }, value: roster[state] }))),
  },
  {
    name: 'fastify_health_fleet_subset_instances',
    help: 'Instances of the fleet by what they found of the subset last.',
    type: 'gauge',
    aggregator: 'max',
    labels: ['fleet', 'subset', 'found'],
    samples: ifAvailable(({ fleet, subsets }) => subsets.flatMap(({ subset, healthy, failing }) => [
      { labels: { fleet, subset, found: 'healthy' }, value: healthy },
      { labels: { fleet, subset, found: 'failing' }, value: failing },
    ])),
  },
  {
    name: 'fastify_health_fleet_muted_since_timestamp_seconds',
    help: 'Since when the check is muted at every instance, in seconds since the epoch.',
    type: 'gauge',
    aggregator: 'min',
    unit: 'seconds',
    labels: ['fleet', 'subset', 'check'],
    samples: ifAvailable(({ fleet, mutes }) =>
      mutes.map(({ subset, identifier, since }) => ({ labels: { fleet, subset, check: identifier }, value: since / 1000 }))),
  },
]

/** Leaves out the samples if Redis cannot be asked, since the instances are then unknown. */
function ifAvailable (samples: (roster: Roster) => Sample[]): (roster: Roster) => Sample[] {
  return roster => roster.unavailable === undefined ? samples(roster) : []
}

export const openmetrics: Renderer<Roster> = { ...ofSubset, render: roster => exposition(fleetMetrics, roster) }
