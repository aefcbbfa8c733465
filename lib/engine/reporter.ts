import type { Clock } from '../time/clock.js'
import { Deadlines, never, type Deadline } from '../time/deadlines.js'
import type { ResolvedEntry } from '../config/entry.js'
import { evaluate } from './evaluate.js'
import { inTime } from '../time/timeout.js'
import { Ledger } from './ledger.js'
import { settingsFaults, type Fault } from '../config/options.js'
import type { Plan } from '../config/plan.js'
import type { Planner } from '../config/planner.js'
import { failed, isHealthy, misconfigured, notRun, toReport, type Judged } from './report.js'
import type { Mutes } from './mutes.js'
import type { RunnerPool } from './runner-pool.js'
import { SharedRuns } from './shared-runs.js'
import type { Settings } from '../../types/options.js'
import type { Report, Result } from '../../types/report.js'

/** The parts that the reporter works with. */
export interface Sources {
  readonly settings: Settings
  readonly clock: Clock
  readonly planner: Planner
  readonly runners: RunnerPool
  readonly mutes: Mutes
  /** Returns the reason why no path can lead to a subset of that name (E003). */
  readonly nameFault: (subset: string) => Fault | undefined
  /** The reporter calls this at each change of state. */
  readonly changed: (subset: string, judged: Judged, at: number) => void
}

/** A request for a report. */
export interface Inquiry {
  readonly subset: string
  /** Returns whether the subset drains. It is called at the beginning and at the end, since draining may begin in between. */
  readonly draining: () => boolean
  /** `true` says that the app is not ready yet. */
  readonly starting: boolean
  /** The milliseconds that the answer may take. */
  readonly deadline: number | undefined
  /** `true` says that checks with an `interval` run in the background. */
  readonly background: boolean
}

/** An inquiry that is being answered. */
interface RunningInquiry {
  readonly inquiry: Inquiry
  /** The beginning in milliseconds since the epoch. */
  readonly startedAt: number
  /** The beginning on the clock's monotonic time. */
  readonly begun: number
  /** The moment when the answer must be sent. */
  readonly due: Deadline
}

/** Makes reports of subsets, from new runs of their checks and from the last ones. */
export class Reporter {
  readonly #sources: Sources
  readonly #sharedRuns = new SharedRuns()
  readonly #deadlines: Deadlines
  readonly #ledger: Ledger
  #closed = false

  constructor (sources: Sources) {
    this.#sources = sources
    this.#deadlines = new Deadlines(sources.clock)
    this.#ledger = new Ledger(sources.changed)
  }

  /** Asks the checks of a subset. It never rejects, and takes no longer than its deadline. */
  async run (inquiry: Inquiry): Promise<Report> {
    const { settings, clock, planner } = this.#sources
    const { subset, deadline } = inquiry
    const begun = clock.now()
    const faults = settingsFaults(settings)
    // The deadline may be what is invalid. The report about that needs none.
    const due = faults.length > 0 ? never : this.#deadlines.of(deadline, begun)
    const run: RunningInquiry = { inquiry, startedAt: clock.date(), begun, due }
    if (faults.length > 0) return this.#report(run, this.#misconfigured(subset, faults))
    const planned = planner.plan(subset)
    const plan = planned instanceof Promise ? await this.#inTime(planned, due) : planned
    if (plan === undefined) {
      return this.#report(run, [this.#down(subset, { identifier: subset, critical: true }, `timed out after ${deadline} ms`)])
    }
    // A closed registry must not run checks, since they would open connections.
    const refusal = this.#closed ? 'closing' : inquiry.draining() ? 'draining' : inquiry.starting ? 'starting' : undefined
    if (refusal !== undefined) return this.#refused(run, plan, refusal)
    const { sequential, warningsAsErrors, timeout } = settings
    const terms = [plan, sequential, warningsAsErrors, timeout, due]
    return await this.#sharedRuns.join(subset, terms, onAnswer => this.#evaluated(run, plan, onAnswer))
  }

  /** Returns the last results without a run. The report begins at the oldest result, and its duration is the longest one. */
  last (subset: string, draining: boolean): Report | undefined {
    const { settings, planner } = this.#sources
    const faults = settingsFaults(settings)
    // The plan comes first, since it makes the ledger forget entries that no longer exist.
    const plan = planner.known(subset)
    const results = faults.length > 0
      ? this.#misconfigured(subset, faults)
      : [...this.#ledger.last(subset), ...this.#misconfigured(subset, this.#faultsOf(subset, plan))]
    if (results.length === 0) return undefined
    const startedAt = Math.min(...results.map(({ startedAt }) => startedAt))
    const duration = Math.max(...results.map(({ duration }) => duration))
    return this.#toReport({ subset, draining, startedAt, duration }, results)
  }

  /** Runs an entry on its interval. It never rejects. */
  async runOnInterval (subset: string, entry: ResolvedEntry): Promise<void> {
    const { settings, runners } = this.#sources
    if (settingsFaults(settings).length > 0) return
    const { identifier, critical, options } = entry
    const { after, interval } = options
    if (after !== undefined && this.#ledger.isHealthy(subset, after) !== true) {
      // The entry is blocked, and probes report that. Its earlier result is out of date as soon as it is unblocked.
      runners.forget(entry)
      return
    }
    const outcome = await runners.runOnInterval(entry, subset, interval as number)
    this.#record(subset, { identifier, critical, options, outcome, healthy: isHealthy(outcome.errors, settings.warningsAsErrors) })
  }

  /** Forgets all entries except the given identifiers of each subset. */
  keep (identifiers: ReadonlyMap<string, ReadonlySet<string>>): void {
    this.#ledger.keep(identifiers)
  }

  /** Stops asking checks. */
  close (): void {
    this.#closed = true
  }

  /** @param onAnswer is called at the first answer of a check, and perhaps at later ones */
  async #evaluated (run: RunningInquiry, plan: Plan, onAnswer: () => void): Promise<Report> {
    const { settings: { sequential, warningsAsErrors }, clock, runners } = this.#sources
    const { due, inquiry: { subset, background, draining } } = run
    const { entries, order } = plan
    // Checks that run one after another may begin after the registry was closed.
    const ask = (entry: ResolvedEntry) => this.#closed ? notRun('closing', clock.date()) : runners.ask(entry, { subset, due, background })
    const record = (judged: Judged) => {
      onAnswer()
      return this.#record(subset, judged)
    }
    const results = await evaluate({ entries, ask, record, clock, sequential, warningsAsErrors, due })
    onAnswer()
    if (draining()) return this.#refused(run, plan, 'draining')
    // The results are put in order here, since sorting a sorted list costs little.
    const sorted = order.map(place => results[place] as Result)
    return this.#report(run, sorted.concat(this.#misconfigured(subset, this.#faultsOf(subset, plan))))
  }

  // A refused subset always fails, even if it has no checks or all of them are muted or not critical.
  #refused (run: RunningInquiry, { entries }: Plan, why: string): Report {
    return { ...this.#report(run, entries.map(entry => this.#down(run.inquiry.subset, entry, why))), healthy: false }
  }

  #report ({ inquiry: { subset, draining }, startedAt, begun }: RunningInquiry, results: readonly Result[]): Report {
    return this.#toReport({ subset, draining: draining(), startedAt, duration: this.#sources.clock.now() - begun }, results)
  }

  #toReport (run: Parameters<typeof toReport>[0], results: readonly Result[]): Report {
    const { clock, mutes } = this.#sources
    return toReport(run, mutes.applied(run.subset, results, clock.date()))
  }

  /** Lists the faults of a subset as they are now. They may have appeared after boot. */
  #faultsOf (subset: string, plan: Plan | undefined): Fault[] {
    const named = this.#sources.nameFault(subset)
    return [...named === undefined ? [] : [named], ...plan?.faults ?? []]
  }

  #misconfigured (subset: string, faults: readonly Fault[]): Result[] {
    if (faults.length === 0) return []
    return misconfigured(faults, this.#sources.clock.date()).map(judged => this.#ledger.unrecorded(subset, judged))
  }

  #down (subset: string, { identifier, critical }: Pick<Judged, 'identifier' | 'critical'>, message: string): Result {
    return this.#ledger.unrecorded(subset, {
      identifier,
      critical,
      outcome: failed('unavailable', message, this.#sources.clock.date()),
      healthy: false,
    })
  }

  #record (subset: string, judged: Judged): Result {
    // A result that a shutdown cut off says nothing about the dependency.
    return this.#closed ? this.#ledger.unrecorded(subset, judged) : this.#ledger.record(subset, judged, this.#sources.clock.date())
  }

  // A module of the app may take longer to load than the answer may take.
  async #inTime (plan: Promise<Plan>, due: Deadline): Promise<Plan | undefined> {
    if (due === never) return await plan
    const { clock } = this.#sources
    return await inTime<Plan | undefined>(clock, due.at - clock.now(), plan, () => undefined, 0)
  }
}
