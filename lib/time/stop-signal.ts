import type { CheckContext } from '../../types/check.js'

/** The part of an AbortSignal that is needed to wait for it. */
export interface Interruption {
  readonly aborted: boolean
  readonly reason: unknown
  throwIfAborted (): void
  addEventListener (type: 'abort', listener: () => void, options?: { once: true }): void
  removeEventListener (type: 'abort', listener: () => void): void
}

/**
 * The signal of the engine and of the built-in checks. A real AbortSignal costs more than the rest of a check's execution (to make it, to
 * listen to it, and to collect it), so it is made only when a check reads `signal`.
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

/** Makes a signal that is aborted with another one, until `unfollow` is called. */
export function follow (signal: Interruption): { readonly follower: StopSignal, readonly unfollow: () => void } {
  const follower = new StopSignal()
  const onAbort = () => follower.abort(signal.reason)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return { follower, unfollow: () => signal.removeEventListener('abort', onAbort) }
}

/** The key of the engine's signal in a check's context. All copies of this module share it, since the command is compiled separately. */
export const stopping = Symbol.for('fastify-health.stopping')

/** Returns the engine's signal, or the `signal` of a context that the engine did not make. */
export function interruptionOf (context: Pick<CheckContext, 'signal'> & { readonly [stopping]?: Interruption }): Interruption {
  return context[stopping] ?? context.signal
}
