import type { EventEmitter } from 'node:events'
import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../time/clock.js'
import { statusOf, type Judged } from './report.js'
import type { Transition, Verdict } from '../../types/report.js'

/** The events of a registry. */
export interface HealthEvents {
  transition: [Transition]
  verdict: [Verdict]
}

/** Tells the log and the listeners of a registry which checks and subsets have changed. */
export class Announcer {
  readonly #emitter: EventEmitter<HealthEvents>
  readonly #log: FastifyBaseLogger
  readonly #clock: Clock
  /** The last verdict of each subset. A subset without one counts as healthy. */
  readonly #verdicts = new Map<string, boolean>()

  constructor (emitter: EventEmitter<HealthEvents>, log: FastifyBaseLogger, clock: Clock) {
    this.#emitter = emitter
    this.#log = log
    this.#clock = clock
  }

  /** Tells that a check has begun to fail, or is healthy again. */
  transition (subset: string, { identifier, critical, healthy, outcome }: Judged, at: number): void {
    const transition: Transition = { subset, identifier, healthy, critical, status: statusOf(outcome.errors), at }
    this.#log[healthy ? 'info' : 'warn'](
      { health: transition },
      `health: ${identifier} of ${subset} is ${healthy ? 'healthy again' : 'failing'}`
    )
    this.#tellAll('transition', transition)
  }

  /** Tells the verdict on a subset if it differs from the last one. */
  verdict (subset: string, healthy: boolean): void {
    if (healthy === (this.#verdicts.get(subset) ?? true)) return
    this.#verdicts.set(subset, healthy)
    this.#tellAll('verdict', { subset, healthy, at: this.#clock.date() })
  }

  /** Forgets the verdicts on all subsets except the given ones. */
  keep (subsets: ReadonlyMap<string, unknown>): void {
    for (const subset of this.#verdicts.keys()) if (!subsets.has(subset)) this.#verdicts.delete(subset)
  }

  // The listeners are called one by one, since `emit` stops at the first that throws, and an unhandled rejection ends the process.
  #tellAll (event: keyof HealthEvents, change: Transition | Verdict): void {
    for (const listener of this.#emitter.rawListeners(event)) this.#tell(event, listener, change)
  }

  async #tell (event: string, listener: Function, change: Transition | Verdict): Promise<void> {
    try {
      await listener.call(this.#emitter, change)
    } catch (error) {
      this.#log.error({ err: error }, `health: a listener of "${event}" threw`)
    }
  }
}
