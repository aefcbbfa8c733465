import { settingsFaults, type Fault } from '../config/options.js'
import { FST_HEALTH_NO_FLEET } from '../errors.js'
import type { Fleet, FleetContext } from './fleet.js'

/** Opens the connection to the other instances. */
export type OpenFleet = (context: FleetContext) => Promise<Fleet>

/** The way of a registry to its fleet, which is opened when it is first needed. */
export class FleetAccess {
  readonly #context: FleetContext
  readonly #openFleet: OpenFleet | undefined
  #fleet: Promise<Fleet> | undefined

  constructor (context: FleetContext, openFleet: OpenFleet | undefined) {
    this.#context = context
    this.#openFleet = openFleet
  }

  /** The fleet, or `undefined` if it was not opened. */
  get opened (): Promise<Fleet> | undefined {
    return this.#fleet
  }

  /** Enters this instance into the fleet, if there is one. */
  start (): void {
    this.#open()?.then(fleet => fleet.start())
  }

  /** Says that something has changed which the other instances should learn soon. */
  changed (): void {
    this.#fleet?.then(fleet => fleet.changed())
  }

  /** @throws FST_HEALTH_NO_FLEET if there is none. */
  async get (): Promise<Fleet> {
    const fleet = this.#open()
    if (fleet === undefined) throw new FST_HEALTH_NO_FLEET()
    return await fleet
  }

  /** Finds E007: what the fleet needs and does not find. */
  async faults (): Promise<Fault[]> {
    const fleet = await this.#open()
    const missing = await fleet?.requirements() ?? []
    return missing.map(({ message, hint }) => ({ id: 'E007', message: `fleet: ${message}`, hint }))
  }

  async close (): Promise<void> {
    await (await this.#fleet)?.close()
  }

  /** Returns the fleet, or `undefined` if there is no such setting or the settings have faults. */
  #open (): Promise<Fleet> | undefined {
    const { settings } = this.#context
    const isPossible = settings.fleet !== undefined && settingsFaults(settings).length === 0
    if (!isPossible) return undefined
    this.#fleet ??= this.#openFleet?.(this.#context)
    return this.#fleet
  }
}
