import type { Clock } from '../../lib/time/clock.js'

interface Timer {
  readonly due: number
  readonly callback: () => void
  readonly background: boolean
}

/** A clock that stands still until it is told to go on, and an event loop of its own. All in milliseconds. */
export class FakeClock implements Clock {
  /** What `random` gives. */
  chance = 0.5
  readonly #epoch: number
  #now = 0
  #arrived: Array<() => void> = []
  // In the order that they were set, which is the order in which those that are due at the same moment go off.
  readonly #timers = new Set<Timer>()

  constructor (epoch = 1_000_000) {
    this.#epoch = epoch
  }

  /** The timers that are set: those that keep a process alive, and those that do not. */
  get timers (): { foreground: number, background: number } {
    const background = [...this.#timers].filter(timer => timer.background).length
    return { foreground: this.#timers.size - background, background }
  }

  now (): number {
    return this.#now
  }

  date (): number {
    return this.#epoch + this.#now
  }

  after (delay: number, callback: () => void, background = false): () => void {
    if (!(delay >= 0 && delay < 2 ** 31)) throw new RangeError(`No timer takes ${delay} ms`)
    const timer = { due: this.#now + delay, callback, background }
    this.#timers.add(timer)
    return () => { this.#timers.delete(timer) }
  }

  afterIO (callback: () => void): void {
    this.#arrived.push(callback)
  }

  random (): number {
    return this.chance
  }

  /** Resolves once `ms` have gone by, and everything that was due in them has happened in order. */
  async advance (ms: number): Promise<void> {
    const end = this.#now + ms
    await this.settle()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.due)
      this.#timers.delete(next)
      next.callback()
      await this.settle()
    }
    this.#now = end
  }

  /** The event loop is blocked for `ms`: no timer goes off in time. */
  block (ms: number): void {
    this.#now += ms
  }

  /** Resolves once nothing is left that happens without time going by. */
  async settle (): Promise<void> {
    for (;;) {
      await new Promise<void>(resolve => { setImmediate(resolve) })
      const arrived = this.#arrived
      if (arrived.length === 0) return
      this.#arrived = []
      for (const callback of arrived) callback()
    }
  }

  #next (end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer
    return next
  }
}
