import { EventEmitter } from 'node:events'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { Background } from './background.js'
import { alarm, systemClock, type Clock } from './clock.js'
import type { ResolvedEntry } from './entry.js'
import { FST_HEALTH_INVALID_CONFIGURATION, FST_HEALTH_INVALID_DURATION, FST_HEALTH_UNKNOWN_SUBSET } from './errors.js'
import { evaluate } from './evaluate.js'
import { Executor } from './executor.js'
import { Ledger } from './ledger.js'
import { lineLogger } from './logger.js'
import { caseFault, isRecord, nameFault, settingsFaults, toSettings, type Fault } from './options.js'
import { Planner, type Plan } from './plan.js'
import { failed, isHealthy, misconfigured, statusOf, toReport, type Judged } from './report.js'
import { longestTimer, numeric, shown } from './rules.js'
import { Runners } from './runners.js'
import { SharedRuns } from './shared-runs.js'
import { findFaults, timeNeeded } from './system-checks.js'
import type { Entry, HealthOptions, Settings } from '../types/options.js'
import type { Report, Result, SystemCheck, Transition } from '../types/report.js'

/** What a registry works in. */
export interface Surroundings {
  /** What checks over decorated clients look at. */
  app?: FastifyInstance
  log?: FastifyBaseLogger
  clock?: Clock
  /** Called when a check asks for `app` where there is none. */
  onAppMissing?: () => void
  /** `false`: the names of subsets must differ by more than case. */
  caseSensitive?: boolean
  /** What is wrong with how the registry came into them: system checks that no setting can mend. */
  faults?: readonly Fault[]
}

/** One run of a subset. */
interface Run {
  readonly subset: string
  readonly draining: boolean
  /** Since the epoch. */
  readonly startedAt: number
  /** On the clock's monotonic time, as is `until`. */
  readonly begun: number
  /** Milliseconds from the start; `Infinity` where there is no limit. */
  readonly deadline: number
  /** When the response has to leave. */
  readonly until: number
}

/** How long closing may take: nothing that a check kept open can hold up a shutdown. */
const closingTime = 500

/** The subsets of checks, and everything that is known of them. It needs no Fastify. */
export class HealthRegistry extends EventEmitter<{ transition: [Transition] }> {
  /** Live: each run reads them anew. */
  readonly settings: Settings
  readonly #log: FastifyBaseLogger
  readonly #clock: Clock
  readonly #planner: Planner
  readonly #executor: Executor
  readonly #background: Background
  readonly #runners: Runners
  readonly #sharedRuns = new SharedRuns()
  readonly #caseSensitive: boolean
  readonly #faults: readonly Fault[]
  readonly #ledger = new Ledger((subset, judged, at) => this.#changed(subset, judged, at))
  #draining = false
  #closed = false

  constructor (options: HealthOptions = {}, { app, log, clock = systemClock, onAppMissing, caseSensitive = true, faults = [] }: Surroundings = {}) {
    super()
    this.settings = toSettings(options)
    this.#log = log ?? lineLogger(line => process.stderr.write(line))
    this.#clock = clock
    this.#caseSensitive = caseSensitive
    this.#faults = faults
    this.#planner = new Planner(this.settings, (subset, plan) => this.#replanned(subset, plan), clock)
    this.#executor = new Executor(this.settings, this.#log, app, onAppMissing)
    this.#runners = new Runners(this.settings, clock, this.#executor)
    this.#background = new Background(clock, { entries: () => this.#entries(), run: async (subset, entry) => await this.#beat(subset, entry) })
  }

  /** The names of the subsets. */
  subsets (): string[] {
    const { subsets } = this.settings
    return isRecord(subsets) ? Object.keys(subsets) : []
  }

  /** Why no path leads to a subset of that name (E003). */
  nameFault (subset: string): Fault | undefined {
    return nameFault(subset) ?? (this.#caseSensitive ? undefined : caseFault(subset, this.subsets()))
  }

  /**
   * Adds entries to a subset, which is made if there is none of that name. It holds from the next probe on.
   *
   * @throws FST_HEALTH_INVALID_CONFIGURATION where no path can lead to the name.
   */
  add (subset: string, ...entries: Entry[]): this {
    const fault = this.nameFault(subset)
    if (fault !== undefined) throw new FST_HEALTH_INVALID_CONFIGURATION(`${fault.id} ${fault.message}. ${fault.hint}`)
    const { subsets } = this.settings
    // A property of its own, even where the name is one that every object inherits.
    if (!Object.hasOwn(subsets, subset)) Object.defineProperty(subsets, subset, { value: [], writable: true, enumerable: true, configurable: true })
    const list: unknown = subsets[subset]
    if (!Array.isArray(list)) throw new FST_HEALTH_INVALID_CONFIGURATION(`E002 subset '${subset}' is ${shown(list)}. Make it an array of entries first.`)
    list.push(...entries)
    this.#background.refresh()
    return this
  }

  /**
   * Asks every check of a subset. It never rejects for what a check does.
   *
   * @param options.deadline Milliseconds it may take; default: the settings' `deadline`.
   * @throws FST_HEALTH_UNKNOWN_SUBSET where there is no subset of that name; FST_HEALTH_INVALID_DURATION where the deadline is no
   * number of milliseconds.
   */
  async run (subset: string, { deadline = this.settings.deadline }: { deadline?: number | undefined } = {}): Promise<Report> {
    this.#mustExist(subset)
    const faults = settingsFaults(this.settings)
    // A setting that is none is told with the others.
    if (faults.length === 0 && deadline !== undefined) mustBeDuration('The deadline', deadline)
    const limit = deadline ?? Infinity
    const begun = this.#clock.now()
    const run: Run = { subset, draining: this.#drains(subset), startedAt: this.#clock.date(), begun, deadline: limit, until: begun + limit }
    if (faults.length > 0) return this.#report(run, this.#misconfigured(subset, faults))
    const planned = this.#planner.plan(subset)
    const plan = planned instanceof Promise ? await this.#inTime(planned, run.until) : planned
    if (plan === undefined) return this.#report(run, this.#unrecorded(subset, [this.#down({ identifier: subset, critical: true }, `timed out after ${limit} ms`)]))
    // What is closed opens nothing any more.
    const refusal = this.#closed ? 'closing' : run.draining ? 'draining' : undefined
    if (refusal !== undefined) return this.#report(run, this.#unrecorded(subset, plan.entries.map(entry => this.#down(entry, refusal))))
    // With a deadline, each probe has one of its own.
    if (deadline !== undefined) return await this.#evaluated(run, plan, () => {})
    const { sequential, warningsAsErrors, timeout } = this.settings
    return await this.#sharedRuns.join(subset, [plan, sequential, warningsAsErrors, timeout], async onAnswer => await this.#evaluated(run, plan, onAnswer))
  }

  /**
   * What the last runs of a subset's checks found, without asking any of them: as of the oldest one, and with the longest time that
   * one of them took. `undefined` where none has run yet.
   *
   * @throws FST_HEALTH_UNKNOWN_SUBSET where there is no subset of that name.
   */
  lastReport (subset: string): Report | undefined {
    this.#mustExist(subset)
    const invalid = settingsFaults(this.settings)
    const results = invalid.length > 0
      ? this.#misconfigured(subset, invalid)
      : [...this.#ledger.last(subset), ...this.#misconfigured(subset, this.#faultsOf(subset, this.#planner.known(subset)))]
    if (results.length === 0) return undefined
    const startedAt = Math.min(...results.map(({ startedAt }) => startedAt))
    const duration = Math.max(...results.map(({ duration }) => duration))
    return toReport({ subset, draining: this.#drains(subset), startedAt, duration }, results)
  }

  /** Milliseconds that a run of a subset may take: what its checks' timeouts come to, or the deadline where that is less. */
  async longestRun (subset: string): Promise<number> {
    const { entries } = await this.#planner.plan(subset)
    return Math.min(timeNeeded(entries, this.settings), this.settings.deadline ?? Infinity)
  }

  /** Every fault of the configuration as it is now: all there are, or those that concern the subsets named. */
  async systemChecks (...subsets: string[]): Promise<SystemCheck[]> {
    const isAll = subsets.length === 0
    return await findFaults({
      settings: this.settings,
      surroundings: isAll ? this.#faults : [],
      subsets: isAll ? this.subsets() : subsets,
      nameFault: subset => this.nameFault(subset),
      plan: async subset => await this.#planner.plan(subset),
      context: this.#executor.surroundings(),
      clock: this.#clock,
    })
  }

  /** What a subset's checks are called and which of them are critical; those that cannot be made out are left out. */
  async checks (subset: string): Promise<Array<Pick<Result, 'identifier' | 'critical'>>> {
    const { entries } = await this.#planner.plan(subset)
    return entries.map(({ identifier, critical }) => ({ identifier, critical }))
  }

  /** Starts the checks that have an `interval`. The plugin does so once the app is ready. */
  start (): void {
    this.#background.start()
  }

  /** Whether `drain` has been called. */
  get draining (): boolean {
    return this.#draining
  }

  /**
   * Fails the `drainSubsets` from now on, and resolves after `ms`: the time the load balancer needs to notice.
   *
   * @throws FST_HEALTH_INVALID_DURATION where that is no number of milliseconds; nothing is drained then.
   */
  async drain (ms = 0): Promise<void> {
    mustBeDuration('The time to drain', ms)
    this.#draining = true
    await new Promise<void>(resolve => { this.#clock.after(ms, resolve) })
  }

  /** Stops the background runs, aborts what is under way and closes what checks kept open. */
  async close (): Promise<void> {
    this.#closed = true
    this.#background.stop()
    let cancel!: () => void
    const patience = new Promise<void>(resolve => { cancel = this.#clock.after(closingTime, resolve) })
    await Promise.race([this.#runners.close(), patience])
    cancel()
  }

  /** @param onAnswer called at the first answer of a check, and maybe at others */
  async #evaluated (run: Run, plan: Plan, onAnswer: () => void): Promise<Report> {
    const { subset, until, deadline } = run
    const { entries, order } = plan
    const { sequential, warningsAsErrors } = this.settings
    const ask = (entry: ResolvedEntry) => this.#runners.ask(entry, { subset, until, deadline, background: this.#background.started })
    const record = (judged: Judged) => {
      onAnswer()
      return this.#record(subset, judged)
    }
    const results = await evaluate({ entries, ask, record, clock: this.#clock, sequential, warningsAsErrors, until, deadline })
    onAnswer()
    // A report sorts them, which takes no time where they are sorted already.
    return this.#report(run, [...order.map(place => results[place] as Result), ...this.#misconfigured(subset, this.#faultsOf(subset, plan))])
  }

  #report ({ subset, draining, startedAt, begun }: Run, results: readonly Result[]): Report {
    return toReport({ subset, draining, startedAt, duration: this.#clock.now() - begun }, results)
  }

  #mustExist (subset: string): void {
    const { subsets } = this.settings
    // Where there are no subsets at all, any of them is answered with what is wrong.
    if (isRecord(subsets) && !Object.hasOwn(subsets, subset)) throw new FST_HEALTH_UNKNOWN_SUBSET(subset)
  }

  /** What is wrong with a subset, and not only at boot. */
  #faultsOf (subset: string, plan: Plan | undefined): Fault[] {
    const named = this.nameFault(subset)
    return [...named === undefined ? [] : [named], ...plan?.faults ?? []]
  }

  #misconfigured (subset: string, faults: readonly Fault[]): Result[] {
    return this.#unrecorded(subset, misconfigured(faults, this.#clock.date()))
  }

  #drains (subset: string): boolean {
    const { drainSubsets } = this.settings
    return this.#draining && Array.isArray(drainSubsets) && drainSubsets.includes(subset)
  }

  #down ({ identifier, critical }: Pick<Judged, 'identifier' | 'critical'>, message: string): Judged {
    return { identifier, critical, outcome: failed('unavailable', message, this.#clock.date()), healthy: false }
  }

  #record (subset: string, judged: Judged): Result {
    // What a shutdown cut off says nothing about the dependency.
    return this.#closed ? this.#ledger.unrecorded(subset, judged) : this.#ledger.record(subset, judged, this.#clock.date())
  }

  #unrecorded (subset: string, judged: readonly Judged[]): Result[] {
    return judged.map(answer => this.#ledger.unrecorded(subset, answer))
  }

  // Loading an app's own module may take for ever, too.
  async #inTime (plan: Promise<Plan>, until: number): Promise<Plan | undefined> {
    if (until === Infinity) return await plan
    let cancel!: () => void
    const late = new Promise<undefined>(resolve => { cancel = alarm(this.#clock, until, 0, () => resolve(undefined)) })
    return await Promise.race([plan, late]).finally(cancel)
  }

  #changed (subset: string, { identifier, critical, healthy, outcome }: Judged, at: number): void {
    const transition: Transition = { subset, identifier, healthy, critical, status: statusOf(outcome.errors), at }
    this.#log[healthy ? 'info' : 'warn']({ health: transition }, `health: ${identifier} of ${subset} is ${healthy ? 'healthy again' : 'failing'}`)
    try {
      this.emit('transition', transition)
    } catch (error) {
      this.#log.error({ err: error }, 'health: a listener of "transition" threw')
    }
  }

  // What belonged to entries that are gone would otherwise be kept for ever.
  #replanned (subset: string, { faults }: Plan): void {
    const { identifiers, questions } = this.#planner.inUse()
    this.#ledger.keep(identifiers)
    this.#runners.keep(questions)
    if (!this.#background.started) return
    for (const { id, message, hint } of faults) this.#log.error({ subset }, `health: ${id} ${message}. ${hint}`)
    this.#background.refresh()
  }

  #entries (): Array<[subset: string, entry: ResolvedEntry]> {
    return this.subsets().flatMap(subset => (this.#planner.known(subset)?.entries ?? []).map((entry): [string, ResolvedEntry] => [subset, entry]))
  }

  async #beat (subset: string, entry: ResolvedEntry): Promise<void> {
    const { settings } = this
    if (settingsFaults(settings).length > 0) return
    const { identifier, critical, options: { after, interval } } = entry
    if (after !== undefined && this.#ledger.isHealthy(subset, after) !== true) {
      // It is blocked, which is for probes to tell; and once it no longer is, what was found before is out of date.
      this.#runners.forget(entry)
      return
    }
    const outcome = await this.#runners.beat(entry, subset, interval as number)
    this.#record(subset, { identifier, critical, outcome, healthy: isHealthy(outcome.errors, settings.warningsAsErrors) })
  }
}

const duration = numeric(`a number of milliseconds, 0 to ${longestTimer}`, 0, longestTimer)

function mustBeDuration (what: string, value: unknown): void {
  if (!duration.test(value)) throw new FST_HEALTH_INVALID_DURATION(what, duration.expected, shown(value))
}

/** The same registry that the plugin decorates the app with, for a worker or a script. */
export function createHealth (options?: HealthOptions, surroundings?: Surroundings): HealthRegistry {
  return new HealthRegistry(options, surroundings)
}
