import { systemClock, type Clock } from '../../lib/time/clock.js'

/** The clock of the system, which can skip time that nobody wants to wait for. All in milliseconds. */
export function skippingClock (): Clock & { skip (ms: number): void } {
  let skipped = 0
  return {
    ...systemClock,
    now: () => systemClock.now() + skipped,
    date: () => systemClock.date() + skipped,
    skip (ms) { skipped += ms },
  }
}
