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
 * Of a deadline: as much of it may go by while probes of a crowd are taken in, and as much may be kept for their answers to leave. What
 * else the process is busy with delays both, and a dependency still has to get its time.
 */
const most = 0.1

/** Of a deadline: a turn of the event loop that takes less delays nobody by much. */
const least = 0.01

/**
 * Tells each probe when it has to be answered. Those that are handled in one turn of the event loop were all there when it began, and
 * those of the next turn came while it went on: a crowd, that is taken to have come with its first probe and is told together. As it
 * takes about as long to answer them as it took to take them in, they are told that much earlier: otherwise the last of them would hear
 * too late. Where turns are short, each is by itself.
 */
export class Departures {
  readonly #clock: Clock
  /** Those that more probes may join, by deadline. While there are any, each turn is watched. */
  readonly #open = new Map<number, SharedDeparture>()
  readonly #pending = new Set<SharedDeparture>()
  /** When the first probe of this turn of the event loop was handled. */
  #turn: number | undefined

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Of a probe that is handled `now`, on the clock's monotonic time, and may take `deadline` milliseconds. */
  of (deadline: number | undefined, now: number): Departure {
    if (deadline === undefined) return never
    this.#turn ??= now
    if (this.#open.size === 0) this.#watch()
    let departure = this.#open.get(deadline)
    if (departure === undefined || !departure.takes(now)) {
      departure?.close()
      departure = new SharedDeparture(this.#clock, this.#pending, deadline, now)
      this.#open.set(deadline, departure)
    }
    departure.add(now)
    return departure
  }

  #watch (): void {
    this.#clock.afterIO(() => {
      const now = this.#clock.now()
      const took = this.#turn === undefined ? 0 : now - this.#turn
      for (const [deadline, departure] of this.#open) {
        if (took > deadline * least && departure.takes(now)) continue
        departure.close()
        this.#open.delete(deadline)
      }
      this.#turn = undefined
      if (this.#open.size > 0) this.#watch()
    })
  }
}

/** Of a crowd. */
class SharedDeparture implements Departure {
  readonly deadline: number
  readonly #clock: Clock
  /** Those with somebody to tell. */
  readonly #pending: Set<SharedDeparture>
  readonly #began: number
  /** When the last probe was handled. */
  #last: number
  /** Whether nobody joins any more, so that it is known when to leave. */
  #isClosed = false
  readonly #callbacks = new Set<() => void>()
  #cancelAlarm = () => {}
  /** When it went off, or has to because of another. */
  #noLater = Infinity

  constructor (clock: Clock, pending: Set<SharedDeparture>, deadline: number, began: number) {
    this.#clock = clock
    this.#pending = pending
    this.deadline = deadline
    this.#began = this.#last = began
  }

  get at (): number {
    return Math.min(this.#began + this.deadline - this.#kept, this.#noLater)
  }

  /** How long the answers are expected to take. */
  get #kept (): number {
    return this.#last - this.#began
  }

  takes (now: number): boolean {
    return now - this.#began <= this.deadline * most
  }

  add (now: number): void {
    this.#last = now
  }

  close (): void {
    this.#isClosed = true
    if (this.#callbacks.size === 0) return
    const { at } = this
    const until = at + this.#kept
    for (const other of this.#pending) if (other.at > at && other.at <= until) other.#advance(at)
    this.#arm()
  }

  onDue (callback: () => void): () => void {
    this.#callbacks.add(callback)
    // One timer, however many wait.
    if (this.#isClosed && this.#callbacks.size === 1) this.#arm()
    return () => {
      this.#callbacks.delete(callback)
      if (this.#callbacks.size === 0) this.#disarm()
    }
  }

  /** Where its own time would fall into that of another's answers, it leaves with that one. */
  #advance (at: number): void {
    this.#noLater = at
    this.#disarm()
    this.#arm()
  }

  #arm (): void {
    this.#pending.add(this)
    this.#cancelAlarm = alarm(this.#clock, this.at, 0, () => {
      this.#pending.delete(this)
      // A timer may be early by less than a millisecond: what is over stays over.
      this.#noLater = this.#clock.now()
      const callbacks = [...this.#callbacks]
      this.#callbacks.clear()
      for (const callback of callbacks) callback()
    })
  }

  #disarm (): void {
    this.#pending.delete(this)
    this.#cancelAlarm()
  }
}
