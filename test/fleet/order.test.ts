import { test } from 'tap'
import { worstFirst } from '../../lib/fleet/order.js'
import type { FleetInstance } from '../../types/fleet.js'

function instance (name: string, more: Partial<FleetInstance>): FleetInstance {
  return { instance: name, state: 'up', since: 0, seen: 0, subsets: [], ...more } as FleetInstance
}

function failing (at: number, ...since: number[]): Partial<FleetInstance> {
  return { subsets: [{ subset: 's', healthy: false, at, failing: since.map(since => ({ since })) }] } as unknown as Partial<FleetInstance>
}

test('instances that fail come first, then those that are gone, then those that drain, each by how long that has lasted', async t => {
  const sorted = [
    instance('failing for longest', failing(9, 1, 5)),
    instance('failing', failing(2)),
    instance('gone before', { state: 'gone', seen: 3 }),
    instance('gone', { state: 'gone', seen: 4 }),
    instance('draining', { state: 'draining' }),
    instance('up before', { since: 1 }),
    instance('a', { since: 2 }),
    instance('b', { since: 2 }),
  ]
  t.strictSame([...sorted].reverse().sort(worstFirst).map(({ instance }) => instance), sorted.map(({ instance }) => instance))
})
