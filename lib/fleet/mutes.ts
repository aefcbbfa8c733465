import type { FleetConnection } from './connection.js'
import type { Keys } from './keys.js'
import { muteName, muteWords, readMute } from './records.js'
import type { FleetContext, FleetMuteOptions } from '../engine/fleet.js'
import type { FleetMute } from '../../types/fleet.js'

export interface FleetMutesOptions {
  readonly connection: FleetConnection
  readonly keys: Keys
  readonly context: Pick<FleetContext, 'clock' | 'settings' | 'onMutes'>
  /** `true` writes messages to Redis. */
  readonly details: boolean
}

/** The answer of the script that lists the mutes. */
export type MutesAnswer = [now: number, version: string, namesAndValues: string[]]

/** The mutes that hold on every instance. Redis has them, with a version that changes with each of them. */
export class FleetMutes {
  readonly #options: FleetMutesOptions
  /** The version that this instance knows. */
  #version = ''

  constructor (options: FleetMutesOptions) {
    this.#options = options
  }

  /** @throws FST_HEALTH_FLEET_UNAVAILABLE if Redis cannot be asked. */
  async add ({ subset, identifier, time, because, by }: FleetMuteOptions): Promise<FleetMute> {
    const { connection, keys: { mutes, version }, context: { clock, settings }, details } = this.#options
    // The reason is meant for all instances, so it is written. If nobody may see details, it is not.
    const words = !details && settings.details === 'never' ? {} : { because, ...(by === undefined ? {} : { by }) }
    const name = muteName(subset, identifier)
    const [now, until] = await connection.mustAsk(client =>
      client.fleetMute(2, mutes, version, name, Math.ceil(time), muteWords(words))) as [number, number]
    const at = clock.date()
    return { subset, identifier, since: at, until: at + until - now, ...words }
  }

  /**
   * @returns `true` if the check was muted
   * @throws FST_HEALTH_FLEET_UNAVAILABLE if Redis cannot be asked.
   */
  async remove (subset: string, identifier: string): Promise<boolean> {
    const { connection, keys: { mutes, version } } = this.#options
    return await connection.mustAsk(client => client.fleetUnmute(2, mutes, version, muteName(subset, identifier))) === 1
  }

  /** Returns the version that Redis has, or `undefined` if Redis cannot be asked. */
  async version (): Promise<string | undefined> {
    const { connection, keys } = this.#options
    return await connection.ask(async client => await client.get(keys.version) ?? '', true)
  }

  /** Tells the registry all mutes if this version of them is new. */
  async learn (version: string | undefined): Promise<void> {
    if (version === undefined || version === this.#version) return
    const { connection, keys, context } = this.#options
    const muted = await connection.ask<MutesAnswer>(client => client.fleetMutes(2, keys.mutes, keys.version))
    if (muted === undefined) return
    this.#version = muted[1]
    context.onMutes(this.read(muted))
  }

  /** Reads the mutes that hold. A mute that cannot be read is ignored, and logged once. */
  read ([now, , namesAndValues]: MutesAnswer): FleetMute[] {
    const { connection, context: { clock } } = this.#options
    const at = clock.date()
    const mutes: FleetMute[] = []
    for (let index = 0; index < namesAndValues.length; index += 2) {
      const mute = readMute(namesAndValues[index] as string, namesAndValues[index + 1] as string, now, at)
      if (mute === undefined) connection.foreign('a mute cannot be read')
      else if (mute.until > at) mutes.push(mute)
    }
    return mutes
  }
}
