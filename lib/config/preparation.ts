import { milliseconds } from '../values/rules.js'

const isPositiveDuration = milliseconds(1).test

/** The shortest time, in milliseconds. */
const leastPreparation = 3000

/**
 * Returns the milliseconds that a module may take to load, or a check to list its requirements. This is the timeout of checks, but never
 * less than the default, since a short timeout would not be enough to load a driver.
 */
export function preparationTime (timeout: unknown): number {
  return isPositiveDuration(timeout) ? Math.max(timeout as number, leastPreparation) : leastPreparation
}
