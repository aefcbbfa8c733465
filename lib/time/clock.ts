/** The source of time and of random numbers. Tests replace it, so that they need not wait. All times are milliseconds. */
export interface Clock {
  /** Returns the monotonic time. */
  now (): number
  /** Returns the time since the epoch. */
  date (): number
  /** Calls back once, after `delay`, and returns a function that cancels this. A background timer does not keep the process alive. */
  after (delay: number, callback: () => void, background?: boolean): () => void
  /** Calls back after all answers of dependencies that have already arrived were delivered. */
  afterIO (callback: () => void): void
  /** Returns a number from 0 up to 1, without 1. */
  random (): number
}

/** Returns the milliseconds of a clock that never goes back. The global `performance` would load a module that a probe does not need. */
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

/** The key of the registry's clock in a check's context. All copies of this module share it, as they share the key of the signal. */
export const keepingTime = Symbol.for('fastify-health.clock')

/** Returns the clock of the registry, or that of the system for a context that no registry made. */
export function clockOf (context: object & { readonly [keepingTime]?: Clock }): Clock {
  return context[keepingTime] ?? systemClock
}

/** A timer that is late by more milliseconds than this was late because the process itself was suspended or blocked. */
const asleep = 20

/**
 * Calls back at `due` on the clock's monotonic time. Answers that arrived while the event loop was blocked are delivered first. The time
 * during which the process was blocked is added, up to `grace` milliseconds, since that delay is not the fault of the dependency. An alarm
 * in the background does not keep the process alive.
 */
export function alarm (clock: Clock, due: number, grace: number, callback: () => void, background = false): () => void {
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
    }, background)
  }
  arm(due)
  return () => {
    cancelled = true
    cancelTimer()
  }
}
