import { alarm, type Clock } from './clock.js'

/** When a response has to leave. */
export interface Departure {
  /** On the clock's monotonic time; `Infinity` where it may take as long as it takes. */
  readonly at: number
  /** The same in milliseconds from the start, to name it. */
  readonly deadline: number
  /** Calls back when it is time; what it returns calls it off. */
  onDue (callback: () => void): () => void
}

/** Of a response without deadline. */
export const never: Departure = { at: Infinity, deadline: Infinity, onDue: () => () => {} }

/**
 * Of a deadline: as much of it may be kept for the answers to leave. What else the process is busy with makes a crowd come in slowly,
 * too, and a dependency still has to get its time.
 */
const share = 0.1

/**
 * Tells each probe when it has to be answered. Those that come in while the event loop is never idle are a crowd: they are taken to
 * have come with its first one, however long they waited for their turn, and are told together. As it takes about as long to answer
 * them as it took to take them in, they are told that much earlier: otherwise the last of them would hear too late.
 */
export class Departures {
  readonly #clock: Clock
  /** Those that more probes may join, by deadline. */
  readonly #open = new Map<number, SharedDeparture>()
  /** Whether a probe came in during this turn of the event loop. */
  #isBusy = false
  #isWatching = false

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Of a probe that is handled `now`, on the clock's monotonic time, and may take `deadline` milliseconds. */
  of (deadline: number | undefined, now: number): Departure {
    if (deadline === undefined) return never
    this.#isBusy = true
    if (!this.#isWatching) this.#watch()
    let departure = this.#open.get(deadline)
    if (departure === undefined || !departure.takes(now)) {
      departure?.close()
      departure = new SharedDeparture(this.#clock, deadline, now)
      this.#open.set(deadline, departure)
    }
    departure.add(now)
    return departure
  }

  #watch (): void {
    this.#isWatching = true
    this.#clock.afterIO(() => {
      const now = this.#clock.now()
      for (const [deadline, departure] of this.#open) {
        if (this.#isBusy && departure.takes(now)) continue
        departure.close()
        this.#open.delete(deadline)
      }
      this.#isBusy = false
      this.#isWatching = false
      if (this.#open.size > 0) this.#watch()
    })
  }
}

/** Of a crowd. */
class SharedDeparture implements Departure {
  readonly deadline: number
  readonly #clock: Clock
  readonly #began: number
  /** When the last probe was handled. */
  #last: number
  /** Whether nobody joins any more, so that it is known when to leave. */
  #isClosed = false
  readonly #callbacks = new Set<() => void>()
  #cancel: (() => void) | undefined

  constructor (clock: Clock, deadline: number, began: number) {
    this.#clock = clock
    this.deadline = deadline
    this.#began = this.#last = began
  }

  get at (): number {
    return this.#began + this.deadline - (this.#last - this.#began)
  }

  takes (now: number): boolean {
    return now - this.#began <= this.deadline * share
  }

  add (now: number): void {
    this.#last = now
  }

  close (): void {
    this.#isClosed = true
    if (this.#callbacks.size > 0) this.#arm()
  }

  onDue (callback: () => void): () => void {
    this.#callbacks.add(callback)
    // One timer, however many wait.
    if (this.#isClosed && this.#callbacks.size === 1) this.#arm()
    return () => {
      this.#callbacks.delete(callback)
      if (this.#callbacks.size === 0) this.#cancel?.()
    }
  }

  #arm (): void {
    this.#cancel = alarm(this.#clock, this.at, 0, () => {
      const callbacks = [...this.#callbacks]
      this.#callbacks.clear()
      for (const callback of callbacks) callback()
    })
  }
}
