import type { Clock } from '../time/clock.js'

/** Holds whether the process drains, and the callers that wait until the load balancer has noticed. */
export class Drain {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #begun = false

  constructor (clock: Clock) {
    this.#clock = clock
  }

  get begun (): boolean {
    return this.#begun
  }

  /** Begins to drain. It resolves after `ms` milliseconds, or when `end` is called. */
  async begin (ms: number): Promise<void> {
    this.#begun = true
    await new Promise<void>(resolve => {
      const end = () => {
        cancel()
        this.#waiting.delete(end)
        resolve()
      }
      const cancel = this.#clock.after(ms, end)
      this.#waiting.add(end)
    })
  }

  /** Ends all waits. A process that has begun to drain continues to drain until it ends. */
  end (): void {
    for (const end of this.#waiting) end()
  }
}
