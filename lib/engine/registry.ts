import { EventEmitter } from 'node:events'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { Announcer, type HealthEvents } from './announcer.js'
import { Background } from './background.js'
import { systemClock, type Clock } from '../time/clock.js'
import { inTime } from '../time/timeout.js'
import { Drain } from './drain.js'
import type { ResolvedEntry } from '../config/entry.js'
import { FST_HEALTH_INVALID_CONFIGURATION, FST_HEALTH_NO_LISTENER, FST_HEALTH_UNKNOWN_CHECK, FST_HEALTH_UNKNOWN_SUBSET } from '../errors.js'
import { Executor } from './executor.js'
import { assertDuration } from './durations.js'
import { FleetAccess, type OpenFleet } from './fleet-access.js'
import { lineLogger } from './logger.js'
import { isOptions } from '../values/plain-data.js'
import { caseFault, fleetSubset, nameFault, toSettings, type Fault } from '../config/options.js'
import { assertMuteTime, assertWords, Mutes } from './mutes.js'
import type { Plan } from '../config/plan.js'
import { Planner } from '../config/planner.js'
import { Reporter } from './reporter.js'
import { suggestion } from '../values/rules.js'
import { oneLine, shown } from '../values/shown.js'
import { RunnerPool } from './runner-pool.js'
import { findFaults, timeNeeded } from '../config/faults.js'
import type { FleetMute, FleetMuteTime, Roster } from '../../types/fleet.js'
import type { Entry, HealthOptions, Settings } from '../../types/options.js'
import type { ListenOptions } from '../../types/settings.js'
import type { MuteOptions, Report, Result, SystemCheck } from '../../types/report.js'

/** A separate server for the probes. */
export interface Listener {
  readonly address: string
  close (): Promise<void>
}

/** The environment of a registry. */
export interface RegistryContext {
  /** The Fastify instance whose decorators hold the clients that checks use. */
  app?: FastifyInstance
  log?: FastifyBaseLogger
  clock?: Clock
  /** The registry calls this when a check reads `app` and there is none. */
  onAppMissing?: () => void
  /** The prefix of the context that the plugin was registered in. It comes before the paths of the settings. */
  mountedAt?: string
  /** `false` says that the names of subsets must differ by more than case. */
  caseSensitive?: boolean
  /** `true` makes every subset fail as `starting` until `start` is called. */
  starting?: boolean
  /** Opens a listener for `listen`. */
  openListener?: (registry: HealthRegistry, options: ListenOptions, log: FastifyBaseLogger) => Promise<Listener>
  /** Opens the connection to the other instances, for the setting `fleet`. */
  openFleet?: OpenFleet
  /** The registry calls this once, when draining begins. */
  onDrain?: () => void
  /** The faults in the way the registry was made, which no setting can correct. */
  faults?: readonly Fault[]
}

/** Closing takes at most this many milliseconds, so that the resource of a check cannot delay a shutdown. */
const closingTime = 500

/** The registry holds the subsets of checks and their results. It works without Fastify. */
export class HealthRegistry extends EventEmitter<HealthEvents> {
  /** The settings. Each run reads them again, so a change holds from the next run on. */
  readonly settings: Settings
  /** The prefix that comes before the paths of the settings. */
  readonly mountedAt: string
  readonly #log: FastifyBaseLogger
  readonly #clock: Clock
  readonly #planner: Planner
  readonly #executor: Executor
  readonly #background: Background
  readonly #runners: RunnerPool
  readonly #reporter: Reporter
  readonly #caseSensitive: boolean
  readonly #faults: readonly Fault[]
  readonly #drain: Drain
  readonly #mutes = new Mutes()
  readonly #announcer: Announcer
  readonly #fleet: FleetAccess
  readonly #onDrain: () => void
  readonly #openListener: RegistryContext['openListener']
  #listener: Promise<Listener> | undefined
  #starting: boolean

  constructor (options: HealthOptions = {}, context: RegistryContext = {}) {
    const { app, log, clock = systemClock, onAppMissing, mountedAt = '', caseSensitive = true } = context
    const { onDrain = () => {}, starting = false, openListener, openFleet, faults = [] } = context
    super()
    this.settings = toSettings(options)
    this.mountedAt = mountedAt
    this.#log = log ?? lineLogger(line => process.stderr.write(line))
    this.#clock = clock
    this.#drain = new Drain(clock)
    this.#onDrain = onDrain
    this.#starting = starting
    this.#openListener = openListener
    this.#caseSensitive = caseSensitive
    this.#faults = faults
    this.#planner = new Planner(this.settings, (subset, plan) => this.#replanned(subset, plan), clock)
    this.#executor = new Executor(this.settings, this.#log, app, onAppMissing, clock)
    this.#announcer = new Announcer(this, this.#log, clock)
    this.#fleet = new FleetAccess({
      settings: this.settings,
      getApp: () => this.#executor.requirementsContext().app,
      log: this.#log,
      clock,
      reports: () => this.subsets().flatMap(subset => this.lastReport(subset) ?? []),
      isDraining: () => this.#drain.begun,
      onMutes: mutes => this.#mutes.setFleet(mutes),
    }, openFleet)
    this.#runners = new RunnerPool(this.settings, clock, this.#executor, () => this.#fleet.opened)
    this.#reporter = new Reporter({
      settings: this.settings,
      clock,
      planner: this.#planner,
      runners: this.#runners,
      mutes: this.#mutes,
      nameFault: subset => this.nameFault(subset),
      changed: (subset, judged, at) => {
        this.#fleet.changed()
        this.#announcer.transition(subset, judged, at)
      },
    })
    this.#background = new Background(clock, { entries: () => this.#entries(), run: (subset, entry) => this.#runOnInterval(subset, entry) })
  }

  /** Returns the names of the subsets. */
  subsets (): string[] {
    const { subsets } = this.settings
    return isOptions(subsets) ? Object.keys(subsets) : []
  }

  /** Returns the reason why no path can lead to a subset of that name (E003). */
  nameFault (subset: string): Fault | undefined {
    // The router may ignore case.
    const name = this.#caseSensitive || subset.toLowerCase() !== fleetSubset ? subset : fleetSubset
    return nameFault(name, this.settings.fleet) ?? (this.#caseSensitive ? undefined : caseFault(subset, this.subsets()))
  }

  /**
   * Adds entries to a subset, and makes the subset if it does not exist. The entries are asked from the next probe on.
   *
   * @throws FST_HEALTH_INVALID_CONFIGURATION if no path can lead to the name.
   */
  add (subset: string, ...entries: Entry[]): this {
    const fault = this.nameFault(subset)
    if (fault !== undefined) throw new FST_HEALTH_INVALID_CONFIGURATION(`${fault.id} ${fault.message}. ${fault.hint}`)
    const { subsets } = this.settings
    // The name may be one that every object inherits, such as `constructor`, so an assignment would not do.
    if (!Object.hasOwn(subsets, subset)) {
      Object.defineProperty(subsets, subset, { value: [], writable: true, enumerable: true, configurable: true })
    }
    const list: unknown = subsets[subset]
    if (!Array.isArray(list)) {
      throw new FST_HEALTH_INVALID_CONFIGURATION(`E002 subset '${subset}' is ${shown(list)}. Make it an array of entries first.`)
    }
    list.push(...entries)
    this.#background.refresh()
    return this
  }

  /**
   * Asks every check of a subset. It never rejects because of a check.
   *
   * @param options.deadline The milliseconds that the run may take. The default is the setting `deadline`.
   * @throws FST_HEALTH_UNKNOWN_SUBSET if there is no subset of that name; FST_HEALTH_INVALID_DURATION if the deadline is no number of
   * milliseconds.
   */
  async run (subset: string, { deadline }: { deadline?: number | undefined } = {}): Promise<Report> {
    this.#mustExist(subset)
    if (deadline !== undefined) assertDuration('The deadline', deadline)
    const report = await this.#reporter.run({
      subset,
      draining: () => this.#drains(subset),
      starting: this.#starting,
      deadline: deadline ?? this.settings.deadline,
      background: this.#background.started,
    })
    this.#announcer.verdict(subset, report.healthy)
    return report
  }

  /**
   * Returns the last results of a subset without a run, or `undefined` if no check has run yet. The report begins at the oldest result,
   * and its duration is the longest one.
   *
   * @throws FST_HEALTH_UNKNOWN_SUBSET if there is no subset of that name.
   */
  lastReport (subset: string): Report | undefined {
    this.#mustExist(subset)
    return this.#reporter.last(subset, this.#drains(subset))
  }

  /**
   * Returns the milliseconds that a run of a subset may take. This follows from the timeouts of its checks, and is at most the deadline.
   *
   * @param options.background `true` says that checks with an `interval` run in the background, as they do in a server.
   */
  async longestRun (subset: string, { background = true }: { background?: boolean } = {}): Promise<number> {
    const { entries } = await this.#planner.plan(subset)
    return Math.min(timeNeeded(entries, this.settings, background), this.settings.deadline ?? Infinity)
  }

  /** Returns every fault of the configuration as it is now, or only the faults of the given subsets. */
  async systemChecks (...subsets: string[]): Promise<SystemCheck[]> {
    const isAll = subsets.length === 0
    const fleetFaults = isAll ? await this.#fleet.faults() : []
    return await findFaults({
      settings: this.settings,
      registryFaults: isAll ? [...this.#faults, ...fleetFaults] : [],
      subsets: isAll ? this.subsets() : subsets,
      nameFault: subset => this.nameFault(subset),
      plan: async subset => await this.#planner.plan(subset),
      context: this.#executor.requirementsContext(),
      clock: this.#clock,
    })
  }

  /** Returns the identifiers of a subset's checks, and which of them are critical. Entries with faults are left out. */
  async checks (subset: string): Promise<Array<Pick<Result, 'identifier' | 'critical'>>> {
    const { entries } = await this.#planner.plan(subset)
    return entries.map(({ identifier, critical }) => ({ identifier, critical }))
  }

  /** Starts the checks that have an `interval`. The plugin does so once the app is ready. */
  start (): void {
    this.#starting = false
    this.#fleet.start()
    this.#background.start()
  }

  /**
   * Returns the instances of the fleet, the worst first. It never rejects because of Redis.
   *
   * @param options.limit the largest number of instances. The default is 200.
   * @throws FST_HEALTH_NO_FLEET if there is no setting `fleet`.
   */
  async roster ({ limit = 200 }: { limit?: number } = {}): Promise<Roster> {
    return await (await this.#fleet.get()).roster(limit)
  }

  /**
   * Mutes a check on every instance of the fleet, including instances that start later. The registry need not be started.
   *
   * @param options.time the duration in milliseconds, at most 90 days
   * @throws FST_HEALTH_NO_FLEET if there is no setting `fleet`; FST_HEALTH_FLEET_UNAVAILABLE if Redis cannot be asked; and as `mute`.
   */
  async muteFleet (subset: string, identifier: string, { time, because, by }: FleetMuteTime): Promise<FleetMute> {
    await this.#mustBeKnown(subset, identifier)
    assertMuteTime(time)
    assertWords({ because, by })
    return await (await this.#fleet.get()).mute({
      subset,
      identifier,
      time,
      because: oneLine(because),
      by: by === undefined ? undefined : oneLine(by),
    })
  }

  /**
   * Ends a mute on every instance of the fleet, and returns whether there was one.
   *
   * @throws FST_HEALTH_NO_FLEET if there is no setting `fleet`; FST_HEALTH_FLEET_UNAVAILABLE if Redis cannot be asked.
   */
  async unmuteFleet (subset: string, identifier: string): Promise<boolean> {
    return await (await this.#fleet.get()).unmute(subset, identifier)
  }

  /**
   * Mutes a check, so that it does not fail its subset for a limited time. The check still runs, and its result is shown. Every format but
   * `json` says who muted it, why and until when. A second call replaces the first.
   *
   * @throws FST_HEALTH_UNKNOWN_SUBSET or FST_HEALTH_UNKNOWN_CHECK if there is none of that name; FST_HEALTH_INVALID_MUTE if `until` is not
   * in the next 90 days, or `because` is missing.
   */
  async mute (subset: string, identifier: string, options: MuteOptions): Promise<void> {
    await this.#mustBeKnown(subset, identifier)
    this.#mutes.add(subset, identifier, options, this.#clock.date())
    this.#log.warn({ subset, check: identifier, ...options }, `health: ${identifier} of ${subset} is muted`)
  }

  /** Ends a mute, and returns whether there was one. */
  unmute (subset: string, identifier: string): boolean {
    const wasMuted = this.#mutes.remove(subset, identifier)
    if (wasMuted) this.#log.warn({ subset, check: identifier }, `health: ${identifier} of ${subset} is no longer muted`)
    return wasMuted
  }

  /**
   * Serves liveness and every subset on a separate listener, for a worker that has no Fastify app. The package `fastify` must be installed.
   * The listener does not keep the process alive, and `close` closes it last. A second call returns the same address.
   *
   * @returns the address, such as `http://0.0.0.0:9000`
   * @throws FST_HEALTH_ADDRESS_IN_USE if another process listens there; FST_HEALTH_CANNOT_LISTEN if the address cannot be used.
   */
  async listen (options: ListenOptions = {}): Promise<string> {
    if (this.#openListener === undefined) throw new FST_HEALTH_NO_LISTENER()
    this.#listener ??= this.#openListener(this, options, this.#log)
    try {
      const { address } = await this.#listener
      return address
    } catch (error) {
      this.#listener = undefined
      throw error
    }
  }

  /** `true` says that `drain` was called. */
  get draining (): boolean {
    return this.#drain.begun
  }

  /**
   * Makes the `drainSubsets` fail from now on, and resolves after `ms` milliseconds, the time that the load balancer needs to notice.
   *
   * @throws FST_HEALTH_INVALID_DURATION if `ms` is no number of milliseconds. Nothing is drained then.
   */
  async drain (ms = 0): Promise<void> {
    assertDuration('The time to drain', ms)
    const isFirst = !this.#drain.begun
    const drained = this.#drain.begin(ms)
    if (isFirst) {
      this.#onDrain()
      for (const subset of this.subsets()) if (this.#drains(subset)) this.#announcer.verdict(subset, false)
      this.#fleet.changed()
    }
    await drained
  }

  /** Stops as `stop` does, and then closes the separate listener. */
  async close (): Promise<void> {
    await this.stop()
    await (await this.#listener)?.close()
  }

  /**
   * Stops the background runs, aborts the runs under way, closes the resources of checks, and ends the wait of `drain`. A separate listener
   * continues: it answers liveness, and every subset fails as `closing`.
   */
  async stop (): Promise<void> {
    this.#drain.end()
    this.#reporter.close()
    this.#background.stop()
    const closed = Promise.all([this.#runners.close(), this.#fleet.close()])
    await inTime<unknown>(this.#clock, closingTime, closed, () => {}, 0)
  }

  #mustExist (subset: string): void {
    const { subsets } = this.settings
    // If `subsets` is not an object, the answer for every name is the fault in the configuration.
    if (isOptions(subsets) && !Object.hasOwn(subsets, subset)) throw new FST_HEALTH_UNKNOWN_SUBSET(subset)
  }

  async #mustBeKnown (subset: string, identifier: string): Promise<void> {
    this.#mustExist(subset)
    const known = (await this.checks(subset)).map(({ identifier }) => identifier)
    if (!known.includes(identifier)) throw new FST_HEALTH_UNKNOWN_CHECK(subset, identifier, suggestion(identifier, known))
  }

  #drains (subset: string): boolean {
    const { drainSubsets } = this.settings
    return this.#drain.begun && Array.isArray(drainSubsets) && drainSubsets.includes(subset)
  }

  async #runOnInterval (subset: string, entry: ResolvedEntry): Promise<number | undefined> {
    await this.#reporter.runOnInterval(subset, entry)
    const last = this.#reporter.last(subset, this.#drains(subset))
    if (last !== undefined) this.#announcer.verdict(subset, last.healthy)
    return this.#runners.nextIn(entry)
  }

  // Without this, the data of removed entries would be kept for ever.
  #replanned (subset: string, { faults, disabled }: Plan): void {
    const { identifiers, questions } = this.#planner.inUse()
    this.#reporter.keep(identifiers)
    this.#runners.keep(questions)
    this.#announcer.keep(identifiers)
    for (const label of disabled) this.#log.info({ subset }, `health: ${label} of ${subset} is left out, since its \`enabled\` is false`)
    if (!this.#background.started) return
    for (const { id, message, hint } of faults) this.#log.error({ subset }, `health: ${id} ${message}. ${hint}`)
    this.#background.refresh()
  }

  #entries (): Array<[subset: string, entry: ResolvedEntry]> {
    return this.subsets().flatMap(subset =>
      (this.#planner.known(subset)?.entries ?? []).map((entry): [string, ResolvedEntry] => [subset, entry]))
  }
}
