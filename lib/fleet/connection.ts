import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../time/clock.js'
import { inTime } from '../time/timeout.js'
import { wordsFor } from '../clients/driver-errors.js'
import { isHealthCheckError } from '../errors.js'
import { reason } from '../values/shown.js'
import type { FleetClient } from './client.js'

export interface ConnectionOptions {
  readonly open: () => Promise<FleetClient>
  readonly clock: Clock
  readonly log: FastifyBaseLogger
  /** How long Redis may take for one question, in milliseconds. */
  readonly patience: () => number
}

/** Between two tries to reach it again, in milliseconds: the first one, and the longest. */
const firstPause = 500
const longestPause = 5000

const late = Symbol('late')

/**
 * The way to Redis. It is there or away: while it is away nobody waits for it, and one question now and then tries it. It never queues.
 */
export class FleetConnection {
  readonly #open: () => Promise<FleetClient>
  readonly #clock: Clock
  readonly #log: FastifyBaseLogger
  readonly #patience: () => number
  #client: Promise<FleetClient> | undefined
  #isClosed = false
  /** Why it is away. */
  #away: string | undefined
  #failures = 0
  /** When the next try is due, on the clock's monotonic time. */
  #tryAt = -Infinity
  readonly #warned = new Set<string>()

  constructor ({ open, clock, log, patience }: ConnectionOptions) {
    this.#patience = patience
    this.#open = open
    this.#clock = clock
    this.#log = log
  }

  /** Why it cannot be asked; `undefined` while it can, as far as is known. */
  get away (): string | undefined {
    return this.#away
  }

  /**
   * What Redis answers; `undefined` where it is away, does not answer in time, or answers what is none of ours. Never rejects.
   *
   * @param isTry whether to ask although it was away the last time, if it is time for that
   */
  async ask<T> (use: (client: FleetClient) => Promise<T>, isTry = false): Promise<T | undefined> {
    if (this.#isClosed || (this.#away !== undefined && !(isTry && this.#clock.now() >= this.#tryAt))) return undefined
    const client = this.#client ??= this.#connected()
    try {
      const answer = await inTime<T | typeof late>(this.#clock, this.#patience(), client.then(use), () => late)
      if (answer === late) throw new Error('Command timed out')
      this.#isBack()
      return answer
    } catch (error) {
      if (isForeign(error)) this.foreign('a key of it is of another type')
      else this.#isAway(client, error)
      return undefined
    }
  }

  /** Something in Redis is not what the fleet puts there: it is ignored, and logged once. */
  foreign (what: string): void {
    this.warnOnce(`what Redis holds of the fleet is not all of the fleet's own: ${what}. It is ignored.`)
  }

  warnOnce (message: string): void {
    if (this.#warned.has(message)) return
    this.#warned.add(message)
    this.#log.warn(`health: ${message}`)
  }

  /** Gives up the connection. Nothing is asked any more. */
  close (): void {
    this.#isClosed = true
    this.#drop()
  }

  async #connected (): Promise<FleetClient> {
    const client = await this.#open()
    // connect() itself says no more than that the connection is closed.
    let why: Error | undefined
    client.on('error', error => { why ??= error })
    try {
      await client.connect()
      return client
    } catch (error) {
      client.disconnect()
      throw why ?? error
    }
  }

  #drop (): void {
    const client = this.#client
    this.#client = undefined
    client?.then(client => client.disconnect(), () => {})
  }

  #isBack (): void {
    this.#failures = 0
    if (this.#away === undefined) return
    this.#away = undefined
    this.#log.warn('health: the fleet can be asked again')
  }

  // A new connection may lead elsewhere, as after a failover, and no answer of the old one is still to come.
  #isAway (client: Promise<FleetClient>, error: unknown): void {
    if (this.#client === client) {
      this.#drop()
      const pause = Math.min(longestPause, firstPause * 2 ** this.#failures++)
      this.#tryAt = this.#clock.now() + pause * (0.5 + this.#clock.random() / 2)
    }
    if (this.#isClosed || this.#away !== undefined) return
    this.#away = wordsFor(error) ?? (isHealthCheckError(error) ? error.message : 'unknown error')
    this.#log.warn({ err: { message: reason(error) } }, `health: the fleet cannot be asked: ${this.#away}. This instance asks for itself until that is over.`)
  }
}

function isForeign (error: unknown): boolean {
  return error instanceof Error && error.message.includes('WRONGTYPE')
}
