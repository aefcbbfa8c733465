import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { fleetClientRequirements, newClient } from './client.js'
import { FleetConnection } from './connection.js'
import { Keys } from './keys.js'
import { FleetMutes, type MutesAnswer } from './mutes.js'
import { worstFirst } from './order.js'
import { isHealthyBeforeDraining, readInstance, writtenInstance } from './records.js'
import { lifetimes } from './scripts.js'
import { Turns } from './turns.js'
import type { Fleet, FleetContext, FleetMuteOptions, SharedQuestion, Turn } from '../engine/fleet.js'
import type { Requirement } from '../../types/check.js'
import type { FleetInstance, FleetMute, FleetOptions, Roster } from '../../types/fleet.js'
import type { Report } from '../../types/report.js'

/** The milliseconds between two looks for new mutes, with a jitter of a tenth. A mute takes effect within two seconds. */
const look = 1000
const lookJitter = 0.1
/** Redis may take this many milliseconds for one answer, but at most half of the setting `deadline`. */
const longestAnswer = 500
/** An instance reports once in this part of its `ttl`. */
const beats = 1 / 3

/** The answers of the scripts. */
type SummaryOfSubset = [subset: string, healthy: number, failing: number]
type Summary = [now: number, there: number, draining: number, gone: number, subsets: SummaryOfSubset[], ids: string[]]
type Beaten = [now: number, began: string, twins: string[], former: string[], version: string]

/** Opens the fleet of the settings. */
export function openFleet (context: FleetContext): Fleet {
  return new RedisFleet(context, context.settings.fleet as FleetOptions)
}

class RedisFleet implements Fleet {
  readonly #context: FleetContext
  readonly #options: FleetOptions
  readonly #connection: FleetConnection
  readonly #keys: Keys
  readonly #turns: Turns
  readonly #mutes: FleetMutes
  readonly #id = randomBytes(9).toString('base64url')
  readonly #instance: string
  readonly #ttl: number
  readonly #details: boolean
  readonly #since: number
  /** The moment of the first report of this instance, in microseconds of the clock of Redis. */
  #began = ''
  /** The monotonic time from which the next report of this instance is due. */
  #beatAt = -Infinity
  #isTwin = false
  /** The subsets that this instance has reported. */
  readonly #told = new Set<string>()
  #state: 'idle' | 'started' | 'closed' = 'idle'
  #stop = () => {}
  #looking: Promise<void> | undefined

  constructor (context: FleetContext, options: FleetOptions) {
    const { name, instance = `${hostname()}:${process.pid}`, ttl = 30_000, details = false } = options
    const { clock, log, getApp } = context
    this.#context = context
    this.#options = options
    this.#instance = instance
    this.#ttl = ttl
    this.#details = details
    this.#since = clock.date()
    this.#keys = new Keys(name)
    const { settings } = context
    const patience = () => Math.min(longestAnswer, (settings.deadline ?? Infinity) / 2)
    this.#connection = new FleetConnection({ open: () => newClient(options, getApp), clock, log, patience })
    this.#mutes = new FleetMutes({ connection: this.#connection, keys: this.#keys, context, details })
    this.#turns = new Turns({ connection: this.#connection, keys: this.#keys, clock, id: this.#id, details, ttl })
  }

  async requirements (): Promise<Requirement[]> {
    return await fleetClientRequirements(this.#options, this.#context.getApp)
  }

  start (): void {
    if (this.#state !== 'idle') return
    this.#state = 'started'
    this.#look()
  }

  changed (): void {
    this.#beatAt = -Infinity
  }

  async turn (question: SharedQuestion): Promise<Turn> {
    return await this.#turns.take(question)
  }

  async roster (limit: number): Promise<Roster> {
    const { instances, draining, subsets, mutes, version } = this.#keys
    const answer = await this.#connection.ask(async client => {
      const asked = [instances, draining, subsets, limit, this.#keys.found('', true), this.#keys.found('', false)]
      const [summary, muted] = await Promise.all([
        client.fleetSummary(3, ...asked) as Promise<Summary>,
        client.fleetMutes(2, mutes, version) as Promise<MutesAnswer>,
      ])
      const keys = summary[5].map(id => this.#keys.instance(id))
      return { summary, muted, records: keys.length === 0 ? [] : await client.mget(keys) }
    }, this.#state === 'idle')
    const at = this.#context.clock.date()
    const fleet = this.#options.name
    if (answer === undefined) {
      const { reason } = this.#connection
      const instances = this.#state === 'started' ? this.#onlyThis(at) : []
      const draining = instances.filter(({ state }) => state === 'draining').length
      return { fleet, at, unavailable: reason, up: instances.length - draining, draining, gone: 0, subsets: [], mutes: [], instances }
    }
    const { summary: [now, there, drain, gone, found], muted, records } = answer
    return {
      fleet,
      at,
      up: there - drain,
      draining: drain,
      gone,
      subsets: found.map(([subset, healthy, failing]) => ({ subset, healthy, failing })),
      mutes: this.#mutes.read(muted),
      instances: this.#instancesOf(records, now, at).sort(worstFirst),
    }
  }

  async mute (mute: FleetMuteOptions): Promise<FleetMute> {
    return await this.#mutes.add(mute)
  }

  async unmute (subset: string, identifier: string): Promise<boolean> {
    return await this.#mutes.remove(subset, identifier)
  }

  async close (): Promise<void> {
    const wasStarted = this.#state === 'started'
    this.#state = 'closed'
    this.#stop()
    await this.#looking
    if (wasStarted) await Promise.all([this.#leave(this.#id), this.#turns.yield()])
    this.#connection.close()
  }

  // The timers of the fleet do not keep the process alive.
  #look (): void {
    const { clock } = this.#context
    this.#looking = this.#lookOnce().then(() => {
      if (this.#state === 'closed') return
      const pause = Math.min(look, this.#ttl * beats)
      this.#stop = clock.after(pause * (1 - lookJitter + 2 * lookJitter * clock.random()), () => this.#look(), true)
    })
  }

  async #lookOnce (): Promise<void> {
    const { clock } = this.#context
    // While Redis is away, the attempt is a write, since Redis may refuse writes only.
    const isBeat = clock.now() >= this.#beatAt || this.#connection.away !== undefined
    await this.#mutes.learn(isBeat ? await this.#beat() : await this.#mutes.version())
  }

  /** Reports this instance, and returns the version of the mutes, or `undefined` if Redis cannot be asked. */
  async #beat (): Promise<string | undefined> {
    const { clock, isDraining, reports } = this.#context
    const found = reports()
    for (const { subset } of found) this.#told.add(subset)
    const { instances, draining, subsets, version } = this.#keys
    const keys = [
      instances, draining, subsets, this.#keys.instance(this.#id), this.#keys.named(this.#instance), version,
      ...found.flatMap(({ subset }) => this.#found(subset)),
    ]
    const values = [
      this.#id, this.#ttl, this.#ttl * lifetimes, isDraining() ? '1' : '', this.#self(found, clock.date()), this.#began,
      ...found.flatMap(report => [report.subset, isHealthyBeforeDraining(report) ? '1' : '']),
    ]
    this.#beatAt = clock.now() + this.#ttl * beats
    const answer = await this.#connection.ask<Beaten>(client => client.fleetBeat(keys.length, ...keys, ...values), true)
    if (answer === undefined) {
      this.#beatAt = -Infinity
      return undefined
    }
    const [, began, twins, former, muted] = answer
    this.#began = began
    if (twins.length > 0 && !this.#isTwin) {
      this.#context.log.warn(
        `health: another instance of the fleet is called '${this.#instance}' as well. Give each a name of its own: \`fleet.instance\`.`
      )
    }
    this.#isTwin = twins.length > 0
    // A former instance of this name was restarted as this one, so it must not count as gone.
    for (const id of former) await this.#leave(id)
    return muted
  }

  async #leave (id: string): Promise<void> {
    const { instances, draining } = this.#keys
    const keys = [
      instances, draining, this.#keys.instance(id), this.#keys.named(this.#instance),
      ...[...this.#told].flatMap(subset => this.#found(subset)),
    ]
    await this.#connection.ask(client => client.fleetLeave(keys.length, ...keys, id))
  }

  #found (subset: string): [healthy: string, failing: string] {
    return [this.#keys.found(subset, true), this.#keys.found(subset, false)]
  }

  #self (reports: readonly Report[], now: number): string {
    const { isDraining, settings: { service: { version, releaseId } } } = this.#context
    return writtenInstance(
      { instance: this.#instance, since: this.#since, version, releaseId, draining: isDraining(), ttl: this.#ttl, reports },
      now,
      this.#details
    )
  }

  #onlyThis (at: number): FleetInstance[] {
    return this.#instancesOf([`${at} ${this.#self(this.#context.reports(), at)}`], at, at)
  }

  #instancesOf (records: ReadonlyArray<string | null>, now: number, at: number): FleetInstance[] {
    return records.flatMap(record => {
      // The record has expired since the instances were counted.
      if (record === null) return []
      const instance = readInstance(record, now, at)
      if (instance !== undefined) return [instance]
      this.#connection.foreign('what an instance says cannot be read')
      return []
    })
  }
}
