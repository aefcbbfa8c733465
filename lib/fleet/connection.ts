import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../time/clock.js'
import { inTime } from '../time/timeout.js'
import { wordsFor } from '../clients/driver-errors.js'
import { FST_HEALTH_FLEET_UNAVAILABLE, isHealthCheckError } from '../errors.js'
import { reason } from '../values/shown.js'
import type { FleetClient } from './client.js'

export interface ConnectionOptions {
  readonly open: () => Promise<FleetClient>
  readonly clock: Clock
  readonly log: FastifyBaseLogger
  /** Returns the milliseconds that Redis may take for one answer. */
  readonly patience: () => number
}

/** The first and the longest pause between two attempts to reach Redis again, in milliseconds. */
const firstPause = 500
const longestPause = 5000

const late = Symbol('late')

/**
 * The connection to Redis. While Redis is away, questions fail at once, and one of them now and then tries to reach it. There is no queue.
 */
export class FleetConnection {
  readonly #open: () => Promise<FleetClient>
  readonly #clock: Clock
  readonly #log: FastifyBaseLogger
  readonly #patience: () => number
  #client: Promise<FleetClient> | undefined
  #isClosed = false
  /** The reason why Redis is away. */
  #away: string | undefined
  #failures = 0
  /** The monotonic time from which the next attempt is due. */
  #tryAt = -Infinity
  readonly #warned = new Set<string>()

  constructor ({ open, clock, log, patience }: ConnectionOptions) {
    this.#patience = patience
    this.#open = open
    this.#clock = clock
    this.#log = log
  }

  /** The reason why Redis cannot be asked, or `undefined` if no reason is known. */
  get away (): string | undefined {
    return this.#away
  }

  /** The reason why a question got no answer. */
  get reason (): string {
    return this.#away ?? 'what Redis holds is not of the fleet'
  }

  /**
   * Asks Redis. It never rejects, and returns `undefined` if Redis is away, does not answer in time, or holds a key of another program.
   *
   * @param isTry `true` asks even if Redis was away before, when the next attempt is due
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

  /**
   * Asks Redis even if it was away before.
   *
   * @throws FST_HEALTH_FLEET_UNAVAILABLE if Redis cannot be asked.
   */
  async mustAsk (use: (client: FleetClient) => Promise<unknown>): Promise<unknown> {
    const answer = await this.ask(use, true)
    if (answer === undefined) throw new FST_HEALTH_FLEET_UNAVAILABLE(this.reason)
    return answer
  }

  /** Logs once that Redis holds something that the fleet did not write. */
  foreign (what: string): void {
    this.warnOnce(`what Redis holds of the fleet is not all of the fleet's own: ${what}. It is ignored.`)
  }

  warnOnce (message: string): void {
    if (this.#warned.has(message)) return
    this.#warned.add(message)
    this.#log.warn(`health: ${message}`)
  }

  /** Closes the connection. Later questions get no answer. */
  close (): void {
    this.#isClosed = true
    this.#drop()
  }

  async #connected (): Promise<FleetClient> {
    const client = await this.#open()
    // The error of `connect()` says only that the connection is closed, so the reason is taken from the event.
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

  // The connection is dropped, so that no late answer arrives, and so that the next one can lead to another server after a failover.
  #isAway (client: Promise<FleetClient>, error: unknown): void {
    if (this.#client === client) {
      this.#drop()
      const pause = Math.min(longestPause, firstPause * 2 ** this.#failures++)
      this.#tryAt = this.#clock.now() + pause * (0.5 + this.#clock.random() / 2)
    }
    if (this.#isClosed || this.#away !== undefined) return
    this.#away = wordsFor(error) ?? (isHealthCheckError(error) ? error.message : 'unknown error')
    this.#log.warn(
      { err: { message: reason(error) } },
      `health: the fleet cannot be asked: ${this.#away}. This instance asks for itself until that is over.`
    )
  }
}

function isForeign (error: unknown): boolean {
  return error instanceof Error && error.message.includes('WRONGTYPE')
}
