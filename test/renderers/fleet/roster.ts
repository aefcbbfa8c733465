import type { Roster } from '../../../types/fleet.js'

const second = 1000
export const noon = Date.UTC(2026, 1, 3, 12, 0, 0)

/** One of each kind of instance. */
export const roster: Roster = {
  fleet: 'shop <1>',
  at: noon,
  up: 4,
  draining: 2,
  gone: 1,
  subsets: [{ subset: 'integrations', healthy: 4, failing: 2 }, { subset: 'readiness', healthy: 5, failing: 0 }],
  mutes: [{ subset: 'integrations', identifier: 'Till', since: noon - 60 * second, until: noon + 3600 * second, because: 'a <move>', by: 'ops' }],
  instances: [
    {
      instance: 'bad:1',
      state: 'up',
      since: noon - 7200 * second,
      seen: noon - second,
      version: '1.2.3',
      releaseId: 'abc',
      subsets: [
        {
          subset: 'integrations',
          healthy: false,
          at: noon - 2 * second,
          failing: [
            { identifier: 'Payments', kind: 'unavailable', status: 'unavailable: connection refused', critical: true, muted: false, since: noon - 34 * second },
            { identifier: 'Till', kind: 'unavailable', status: 'unavailable: locked', critical: true, muted: true, since: noon - 90 * second },
            { identifier: 'Disk', kind: 'warning', status: 'warning: full', critical: false, muted: false, since: noon - 120 * second },
          ],
        },
        { subset: 'readiness', healthy: true, at: noon, failing: [] },
      ],
    },
    { instance: 'odd:1', state: 'draining', since: noon - 7200 * second, seen: noon, subsets: [{ subset: 'integrations', healthy: false, at: noon - 5 * second, failing: [] }] },
    { instance: 'lost:1', state: 'gone', since: noon - 7200 * second, seen: noon - 180 * second, subsets: [{ subset: 'readiness', healthy: true, at: noon - 181 * second, failing: [] }] },
    { instance: 'leaving:1', state: 'draining', since: noon - 60 * second, seen: noon, subsets: [] },
    {
      instance: 'fair:1',
      state: 'up',
      since: noon - 60 * second,
      seen: noon,
      subsets: [{ subset: 'integrations', healthy: true, at: noon, failing: [{ identifier: 'Till', kind: 'unavailable', status: 'unavailable: locked', critical: true, muted: true, since: noon - 90 * second }] }],
    },
    { instance: 'good:1', state: 'up', since: noon - 60 * second, seen: noon, version: '1.2.3', subsets: [{ subset: 'readiness', healthy: true, at: noon, failing: [] }] },
  ],
}

/** Everybody is well. */
export const well: Roster = { fleet: 'shop', at: noon, up: 1, draining: 0, gone: 0, subsets: [], mutes: [], instances: roster.instances.slice(-1) }

/** What one instance knows without Redis. */
export const alone: Roster = { ...well, unavailable: 'connection refused' }
