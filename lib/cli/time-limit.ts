import { monotonic } from '../time/clock.js'
import { within } from '../time/timeout.js'
import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'
import { longestTimer } from '../values/rules.js'

/** Closing takes at most this many milliseconds. */
const closingLimit = 1000

/** The limit on the time of a whole command, which `--timeout` sets. The timers of this class keep the process alive. */
export class TimeLimit {
  readonly #timeout: number | undefined
  readonly #begun = monotonic()

  constructor (timeout: number | undefined) {
    this.#timeout = timeout
  }

  /** Returns the milliseconds that are left, at least 1, or `undefined` if there is no `--timeout`. */
  left (): number | undefined {
    return this.#timeout === undefined ? undefined : Math.max(1, Math.round(this.#timeout - (monotonic() - this.#begun)))
  }

  /**
   * Waits for work that must be done before a check can be asked. `patience` is the limit if `--timeout` was not given.
   *
   * @throws FST_HEALTH_INVALID_CONFIGURATION if the work is not done in time.
   */
  async prepare<T> (work: Promise<T>, patience = longestTimer): Promise<T> {
    return await within(this.left() ?? patience, work, () => {
      throw new FST_HEALTH_INVALID_CONFIGURATION(
        `Nothing could be asked within ${this.#timeout ?? patience} ms: the configuration, the app, or what the checks need was still ` +
        'starting. Raise --timeout.'
      )
    })
  }

  /** Waits until something is closed. An error or a delay is ignored, since the output is already complete. */
  async close (work: Promise<unknown>): Promise<void> {
    await within<unknown>(Math.min(this.left() ?? closingLimit, closingLimit), work, () => {}).catch(() => {})
  }
}
