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
