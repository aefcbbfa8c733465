import type { Clock } from '../time/clock.js'

/** Whether the process is on its way out, and who waits until the load balancer has noticed. */
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

  /** Resolves after `ms`, or when it ends. */
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

  /** Lets nobody wait any longer. What has begun to drain does so until the process ends. */
  end (): void {
    for (const end of this.#waiting) end()
  }
}
