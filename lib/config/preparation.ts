import { milliseconds } from '../values/rules.js'

const isDuration = milliseconds(1).test

/** The shortest time, in milliseconds. */
const least = 3000

/**
 * Returns the milliseconds that a module may take to load, or a check to list its requirements. This is the timeout of checks, but never
 * less than the default, since a short timeout would not be enough to load a driver.
 */
export function preparationTime (timeout: unknown): number {
  return isDuration(timeout) ? Math.max(timeout as number, least) : least
}
