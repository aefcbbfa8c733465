import type { Clock } from './clock.js'

/** Of a deadline: as much of it may go by while a probe waits for its turn. */
const mostWaited = 0.1

/**
 * When probes came in. Those that are handled in one turn of the event loop were all there when it began, so what the later ones of
 * them waited counts against their deadlines. No more than a tenth of it does: after a turn that took long because of what else
 * the process did, a dependency still has to get its time.
 */
export class Arrivals {
  readonly #clock: Clock
  /** When the first one of this turn was handled. */
  #turn: number | undefined

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** When one that is handled `now` came in, on the clock's monotonic time; its deadline in milliseconds. */
  at (now: number, deadline: number): number {
    if (this.#turn === undefined) {
      this.#turn = now
      this.#clock.afterIO(() => { this.#turn = undefined })
    }
    return Math.max(this.#turn, now - deadline * mostWaited)
  }
}
