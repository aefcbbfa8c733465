import { alarm, type Clock } from './clock.js'

/**
 * Settles as `work` does, or with the result of `late` after `limit` ms. Time during which the process was blocked does not count,
 * up to `grace` milliseconds. By default, `grace` is `limit`.
 */
export async function inTime<T> (clock: Clock, limit: number, work: Promise<T>, late: () => T, grace = limit): Promise<T> {
  let cancel!: () => void
  const isLate = new Promise<T>(resolve => { cancel = alarm(clock, clock.now() + limit, grace, () => resolve(late())) })
  return await Promise.race([work, isLate]).finally(cancel)
}
