import type { CheckContext } from '../../types/check.js'

/** What waiting for an AbortSignal takes of it. */
export interface Interruption {
  readonly aborted: boolean
  readonly reason: unknown
  throwIfAborted (): void
  addEventListener (type: 'abort', listener: () => void, options?: { once: true }): void
  removeEventListener (type: 'abort', listener: () => void): void
}

/**
 * A signal for the engine and its own checks. A real AbortSignal costs more than the rest of a check's execution, to make, to
 * listen to and to collect, so one is made only for those who ask for it.
 */
export class StopSignal implements Interruption {
  #reason: unknown
  #listeners: Array<() => void> = []

  get aborted (): boolean {
    return this.#reason !== undefined
  }

  get reason (): unknown {
    return this.#reason
  }

  throwIfAborted (): void {
    if (this.#reason !== undefined) throw this.#reason
  }

  /** Tells every listener, once. */
  abort (reason: unknown): void {
    if (this.aborted) return
    this.#reason = reason
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener()
  }

  addEventListener (_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener)
  }

  removeEventListener (_type: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners.filter(known => known !== listener)
  }
}

/** Where the engine puts its own signal into a check's context. It is shared by every copy of this module: the command is compiled apart. */
export const stopping = Symbol.for('fastify-health.stopping')

/** What interrupts a run: the engine's own signal, or in a context of somebody else's making the one that is in it. */
export function interruptionOf (context: Pick<CheckContext, 'signal'> & { readonly [stopping]?: Interruption }): Interruption {
  return context[stopping] ?? context.signal
}
