import { alarm, type Clock } from './clock.js'

/**
 * Settles as `work` does, or with what `late` gives once `limit` milliseconds are over. As much as `grace` of what the process slept
 * through does not count: by default, all of it.
 */
export async function inTime<T> (clock: Clock, limit: number, work: Promise<T>, late: () => T, grace = limit): Promise<T> {
  let cancel!: () => void
  const isLate = new Promise<T>(resolve => { cancel = alarm(clock, clock.now() + limit, grace, () => resolve(late())) })
  return await Promise.race([work, isLate]).finally(cancel)
}
