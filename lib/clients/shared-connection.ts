import type { Interruption } from '../time/stop-signal.js'
import { abortable } from '../time/abortable.js'
import { within } from '../time/timeout.js'

/** A server may take this many milliseconds to say goodbye. */
export const goodbyeTime = 250

/** A connection that is being made or is ready. */
export interface Connection<Client> {
  /** The promise of the client. */
  readonly connected: Promise<Client>
  /** Returns whether the connection is lost, according to its state or to the failure of a use. */
  isLost (failure?: unknown): boolean
  /** Says goodbye if the protocol has one, and settles when the server has answered it. */
  sayGoodbye? (): Promise<void>
  /** Closes the socket at once, even if a request waits for an answer. */
  destroy (): void
}

interface Held<Client> {
  readonly connection: Connection<Client>
  isMade: boolean
  /** The number of runs that use it now. */
  users: number
}

/**
 * One connection that all checks of a URL share. If a run gives up the connection, it stays open until the other runs are done with it, and
 * later runs get a new one.
 */
export class SharedConnection<Client> {
  readonly #open: () => Connection<Client>
  #current: Held<Client> | undefined

  constructor (open: () => Connection<Client>) {
    this.#open = open
  }

  /** @throws the reason of the signal as soon as it is aborted, even if `use` never settles. */
  async use<T> (signal: Interruption, use: (client: Client) => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    const held = this.#held()
    const { isMade } = held
    try {
      return await this.#use(held, signal, use)
    } catch (error) {
      // The connection may have been lost since the last run, and only this request noticed. A probe may be repeated, so it asks again.
      if (!isMade || signal.aborted || !held.connection.isLost(error)) throw error
      this.#giveUp(held)
      return await this.#use(this.#held(), signal, use)
    }
  }

  async close (): Promise<void> {
    if (this.#current === undefined) return
    const { connection, isMade } = this.#current
    this.#current = undefined
    const goodbye = async () => { if (isMade && !connection.isLost()) await connection.sayGoodbye?.() }
    await within(goodbyeTime, goodbye(), () => {}).finally(() => connection.destroy())
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
    // A part of a lost connection may still be open, so it is closed.
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
