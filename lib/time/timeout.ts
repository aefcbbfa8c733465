import { alarm, type Clock } from './clock.js'
import { milliseconds } from '../values/rules.js'

const isDuration = milliseconds(1).test

/** In milliseconds. */
const least = 3000

/**
 * Milliseconds that a module may take to load, or a check to make out what it needs: the timeout of checks. One that fits a dependency
 * that answers at once is too short for a driver that has to be loaded first, and so never less than the default.
 */
export function preparationTime (timeout: unknown): number {
  return isDuration(timeout) ? Math.max(timeout as number, least) : least
}

/**
 * Settles as `work` does, or with what `late` gives once `limit` milliseconds are over. As much as `grace` of what the process slept
 * through does not count: by default, all of it.
 */
export async function inTime<T> (clock: Clock, limit: number, work: Promise<T>, late: () => T, grace = limit): Promise<T> {
  let cancel!: () => void
  const isLate = new Promise<T>(resolve => { cancel = alarm(clock, clock.now() + limit, grace, () => resolve(late())) })
  return await Promise.race([work, isLate]).finally(cancel)
}
