import { fileURLToPath } from 'node:url'
import { HealthCheck } from '../../lib/check.js'
import { toSettings } from '../../lib/config/options.js'
import type { Plan } from '../../lib/config/plan.js'
import { Planner } from '../../lib/config/planner.js'
import type { EntryOptions } from '../../types/check.js'
import { FakeClock } from './fake-clock.js'

const baseDir = fileURLToPath(new URL('../fixtures/checks/', import.meta.url))

export class A extends HealthCheck {
  override check () {}
}

/** A planner of some subsets, and the plans that it told of. */
export function planner (subsets: unknown) {
  const settings = toSettings({ baseDir, subsets: subsets as Record<string, []> })
  const told: Array<[string, Plan]> = []
  const clock = new FakeClock()
  return { settings, told, clock, planner: new Planner(settings, (subset, plan) => { told.push([subset, plan]) }, clock) }
}

export const named = (identifier: string, options: EntryOptions = {}) => [A, { identifier, ...options }]
export const identifiers = ({ entries }: Plan) => entries.map(({ identifier }) => identifier)
export const faults = ({ faults }: Plan) => faults.map(({ id, entry, message }) => [id, entry, message])
