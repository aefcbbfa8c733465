import { alarm, systemClock, type Clock } from './clock.js'

/**
 * Settles as `work` does, or with the result of `late` after `limit` ms. Time during which the process was blocked does not count,
 * up to `grace` milliseconds. By default, `grace` is `limit`.
 */
export async function inTime<T> (clock: Clock, limit: number, work: Promise<T>, late: () => T, grace = limit): Promise<T> {
  let cancel!: () => void
  const isLate = new Promise<void>(resolve => { cancel = alarm(clock, clock.now() + limit, grace, resolve) }).then(late)
  return await Promise.race([work, isLate]).finally(cancel)
}

/** Settles as `work` does, or as `late` does after `ms` milliseconds, whether or not the process was blocked. */
export async function within<T> (ms: number, work: Promise<T>, late: () => T): Promise<T> {
  return await inTime(systemClock, ms, work, late, 0)
}
