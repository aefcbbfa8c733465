/** Time and chance, given from outside so that the engine can be tested without waiting. All in milliseconds. */
export interface Clock {
  /** Monotonic. */
  now (): number
  /** Since the epoch. */
  date (): number
  /** Calls back once, after `delay`; what it returns calls it off. A background timer does not keep the process alive. */
  after (delay: number, callback: () => void, background?: boolean): () => void
  /** Calls back once everything that has already arrived (answers of dependencies) has been delivered. */
  afterIO (callback: () => void): void
  /** From 0 up to 1. */
  random (): number
}

/** Milliseconds on a clock that never goes back. The global `performance` would load a module that a probe has no use for. */
export function monotonic (): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

export const systemClock: Clock = {
  now: monotonic,
  date: Date.now,
  after (delay, callback, background = false) {
    const timer = setTimeout(callback, delay)
    if (background) timer.unref()
    return () => clearTimeout(timer)
  },
  afterIO: callback => { setImmediate(callback) },
  random: Math.random,
}

/** Later than this, a timer was late because the process itself was asleep. */
const asleep = 20

/**
 * Calls back at `due` on the clock's monotonic time. Answers that arrived while the event loop was blocked are delivered first,
 * and as much time as the process was itself asleep is added, up to `grace`: a dependency is not late because we were.
 */
export function alarm (clock: Clock, due: number, grace: number, callback: () => void): () => void {
  let cancelled = false
  let cancelTimer!: () => void
  let left = grace
  const arm = (at: number) => {
    const armed = clock.now()
    cancelTimer = clock.after(Math.max(0, at - armed), () => {
      const late = clock.now() - Math.max(at, armed)
      clock.afterIO(() => {
        if (cancelled) return
        if (late > asleep && left > 0) {
          const added = Math.min(late, left)
          left -= added
          arm(clock.now() + added)
        } else {
          callback()
        }
      })
    })
  }
  arm(due)
  return () => {
    cancelled = true
    cancelTimer()
  }
}
