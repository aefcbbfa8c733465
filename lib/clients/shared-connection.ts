import type { Interruption } from '../time/stop-signal.js'
import { abortable } from '../time/abortable.js'

/** A connection, from the moment that it is being made. */
export interface Connection<Client> {
  /** Resolves to the client that is lent. */
  readonly connected: Promise<Client>
  /** Whether it is lost, by its own state or by what came of using it. */
  isLost (failure?: unknown): boolean
  /** Says goodbye if the protocol has one. It settles in any case. */
  sayGoodbye? (): Promise<void>
  /** Gives up the socket at once, whatever hangs on it. */
  destroy (): void
}

interface Held<Client> {
  readonly connection: Connection<Client>
  isMade: boolean
  /** The number of runs that use it now. */
  users: number
}

/**
 * One connection for all checks of a URL, made by none of them in particular. What one of them gives up stays open until the
 * others are done with it; who comes later gets a new one.
 */
export class SharedConnection<Client> {
  readonly #open: () => Connection<Client>
  #current: Held<Client> | undefined

  constructor (open: () => Connection<Client>) {
    this.#open = open
  }

  /** @throws the signal's reason once aborted, whatever becomes of `use` */
  async use<T> (signal: Interruption, use: (client: Client) => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    const held = this.#held()
    const { isMade } = held
    try {
      return await this.#use(held, signal, use)
    } catch (error) {
      // It may have been lost since the last run, and that be noticed only now. What a probe asks can be asked twice.
      if (!isMade || signal.aborted || !held.connection.isLost(error)) throw error
      this.#giveUp(held)
      return await this.#use(this.#held(), signal, use)
    }
  }

  async close (): Promise<void> {
    if (this.#current === undefined) return
    const { connection, isMade } = this.#current
    this.#current = undefined
    if (isMade && !connection.isLost()) await connection.sayGoodbye?.()
    connection.destroy()
  }

  async #use<T> (held: Held<Client>, signal: Interruption, use: (client: Client) => Promise<T>): Promise<T> {
    held.users++
    const work = held.connection.connected.then(async client => {
      signal.throwIfAborted()
      return await use(client)
    })
    try {
      return await abortable(work, signal, () => this.#giveUp(held))
    } finally {
      held.users--
      if (held !== this.#current) this.#giveUp(held)
    }
  }

  #held (): Held<Client> {
    // Part of what is lost may still be open.
    if (this.#current?.connection.isLost() === true) this.#giveUp(this.#current)
    if (this.#current === undefined) {
      const connection = this.#open()
      const held = { connection, isMade: false, users: 0 }
      this.#current = held
      connection.connected.then(() => { held.isMade = true }, () => this.#giveUp(held))
    }
    return this.#current
  }

  #giveUp (held: Held<Client>): void {
    if (this.#current === held) this.#current = undefined
    if (held.users === 0) held.connection.destroy()
  }
}
