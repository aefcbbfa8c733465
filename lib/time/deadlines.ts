import { alarm, type Clock } from './clock.js'

/** The moment by which a response must be sent. */
export interface Deadline {
  /** The moment on the clock's monotonic time. It is `Infinity` if there is no limit. */
  readonly at: number
  /** The limit in milliseconds from the start, for messages. */
  readonly deadline: number
  /** Calls back at the deadline, and returns a function that cancels this. */
  onDue (callback: () => void): () => void
}

/** The deadline of a response without a limit. */
export const never: Deadline = { at: Infinity, deadline: Infinity, onDue: () => () => {} }

/**
 * The largest part of a deadline that may pass while a crowd's probes arrive, and the largest part that is reserved to send their
 * answers. Other work of the process delays both, and the dependency still has to get its time.
 */
const mostShare = 0.1

/** A turn of the event loop that takes a smaller part of the deadline than this delays no probe by much. */
const leastShare = 0.01

/**
 * Gives each probe the deadline of its answer. Probes that are handled in one turn of the event loop had all arrived when that turn began,
 * and the probes of the next turn arrived while it ran. They are a crowd: it counts as arrived with its first probe, and has one deadline.
 * Sending the answers takes about as long as accepting the probes took, so the deadline is earlier by that time; otherwise the last answer
 * would be late. Where turns are short, each probe has a deadline of its own.
 */
export class Deadlines {
  readonly #clock: Clock
  /** The deadlines that more probes may join, by their length. While there are any, each turn is watched. */
  readonly #open = new Map<number, SharedDeadline>()
  readonly #pending = new Set<SharedDeadline>()
  /** When the first probe of this turn of the event loop was handled. */
  #turn: number | undefined

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** The deadline of a probe that is handled `now`, on the clock's monotonic time, and may take `deadline` milliseconds. */
  of (deadline: number | undefined, now: number): Deadline {
    if (deadline === undefined) return never
    this.#turn ??= now
    if (this.#open.size === 0) this.#watch()
    let due = this.#open.get(deadline)
    if (due === undefined || !due.takes(now)) {
      due?.close()
      due = new SharedDeadline(this.#clock, this.#pending, deadline, now)
      this.#open.set(deadline, due)
    }
    due.add(now)
    return due
  }

  #watch (): void {
    this.#clock.afterIO(() => {
      const now = this.#clock.now()
      const took = this.#turn === undefined ? 0 : now - this.#turn
      for (const [deadline, due] of this.#open) {
        if (took > deadline * leastShare && due.takes(now)) continue
        due.close()
        this.#open.delete(deadline)
      }
      this.#turn = undefined
      if (this.#open.size > 0) this.#watch()
    })
  }
}

/** The one deadline of a crowd. */
class SharedDeadline implements Deadline {
  readonly deadline: number
  readonly #clock: Clock
  /** The deadlines that somebody waits for. */
  readonly #pending: Set<SharedDeadline>
  readonly #began: number
  /** When the last probe was handled. */
  #last: number
  /** `true` says that no more probes can join, so that the moment is final. */
  #isClosed = false
  readonly #callbacks = new Set<() => void>()
  #cancelAlarm = () => {}
  /** When its timer fired, or has to fire because of another crowd. */
  #noLater = Infinity

  constructor (clock: Clock, pending: Set<SharedDeadline>, deadline: number, began: number) {
    this.#clock = clock
    this.#pending = pending
    this.deadline = deadline
    this.#began = this.#last = began
  }

  get at (): number {
    return Math.min(this.#began + this.deadline - this.#kept, this.#noLater)
  }

  /** The time that the answers are expected to take. */
  get #kept (): number {
    return this.#last - this.#began
  }

  takes (now: number): boolean {
    return now - this.#began <= this.deadline * mostShare
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
    // All callbacks share one timer.
    if (this.#isClosed && this.#callbacks.size === 1) this.#arm()
    return () => {
      this.#callbacks.delete(callback)
      if (this.#callbacks.size === 0) this.#disarm()
    }
  }

  /** Moves the deadline forward, to where the answers of an earlier crowd start, since its own moment would fall among them. */
  #advance (at: number): void {
    this.#noLater = at
    this.#disarm()
    this.#arm()
  }

  #arm (): void {
    this.#pending.add(this)
    this.#cancelAlarm = alarm(this.#clock, this.at, 0, () => {
      this.#pending.delete(this)
      // A timer may fire early by less than a millisecond, and the deadline must not count as ahead again.
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
