import { monotonic } from '../time/clock.js'
import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'
import { longestTimer } from '../values/rules.js'

/** How long closing may take, in milliseconds. */
const closingTime = 1000

/** The time that a whole command may take: that of `--timeout`, where it was given. What waits here keeps the process alive. */
export class TimeLimit {
  readonly #timeout: number | undefined
  readonly #begun = monotonic()

  constructor (timeout: number | undefined) {
    this.#timeout = timeout
  }

  /** Milliseconds, 1 at least. */
  left (): number | undefined {
    return this.#timeout === undefined ? undefined : Math.max(1, Math.round(this.#timeout - (monotonic() - this.#begun)))
  }

  /**
   * What has to be there before anything can be asked, for which `patience` counts where `--timeout` was not given.
   *
   * @throws FST_HEALTH_INVALID_CONFIGURATION where it is not there in time.
   */
  async prepare<T> (work: Promise<T>, patience = longestTimer): Promise<T> {
    return await within(this.left() ?? patience, work, () => {
      throw new FST_HEALTH_INVALID_CONFIGURATION(`Nothing could be asked within ${this.#timeout ?? patience} ms: the configuration, the app, or what the checks need was still starting. Raise --timeout.`)
    })
  }

  /** Whatever becomes of it: all has been said by then. */
  async close (work: Promise<unknown>): Promise<void> {
    await within<unknown>(Math.min(this.left() ?? closingTime, closingTime), work, () => {}).catch(() => {})
  }
}

async function within<T> (ms: number, work: Promise<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const isLate = new Promise<void>(resolve => { timer = setTimeout(resolve, ms) }).then(late)
  return await Promise.race([work, isLate]).finally(() => clearTimeout(timer))
}
