import type { Clock } from '../time/clock.js'
import { Deadlines, never, type Deadline } from '../time/deadlines.js'
import type { ResolvedEntry } from '../config/entry.js'
import { evaluate } from './evaluate.js'
import { inTime } from '../time/timeout.js'
import { Ledger } from './ledger.js'
import { settingsFaults, type Fault } from '../config/options.js'
import type { Plan, Planner } from '../config/plan.js'
import { failed, isHealthy, misconfigured, notRun, toReport, type Judged } from './report.js'
import type { Mutes } from './mutes.js'
import type { RunnerPool } from './runner-pool.js'
import { SharedRuns } from './shared-runs.js'
import type { Settings } from '../../types/options.js'
import type { Report, Result } from '../../types/report.js'

/** What reports are made of. */
export interface Sources {
  readonly settings: Settings
  readonly clock: Clock
  readonly planner: Planner
  readonly runners: RunnerPool
  readonly mutes: Mutes
  /** Why no path leads to a subset of that name (E003). */
  readonly nameFault: (subset: string) => Fault | undefined
  /** Told of each change of state. */
  readonly changed: (subset: string, judged: Judged, at: number) => void
}

/** What is asked for. */
export interface Inquiry {
  readonly subset: string
  /** Asked at the beginning and at the end, since draining may begin in between. */
  readonly draining: () => boolean
  /** Whether the app is not ready yet. */
  readonly starting: boolean
  /** Milliseconds the answer may take. */
  readonly deadline: number | undefined
  /** Whether checks that have an `interval` run in the background. */
  readonly background: boolean
}

/** An inquiry under way. */
interface Run {
  readonly inquiry: Inquiry
  /** Since the epoch. */
  readonly startedAt: number
  /** On the clock's monotonic time. */
  readonly begun: number
  /** When the answer has to leave. */
  readonly due: Deadline
}

/** Has a subset's checks asked, and tells what they found, now and earlier. */
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

  /** Never rejects, and takes no longer than its deadline. */
  async run (inquiry: Inquiry): Promise<Report> {
    const { settings, clock, planner } = this.#sources
    const { subset, deadline } = inquiry
    const begun = clock.now()
    const due = this.#deadlines.of(deadline, begun)
    const run: Run = { inquiry, startedAt: clock.date(), begun, due }
    const faults = settingsFaults(settings)
    if (faults.length > 0) return this.#report(run, this.#misconfigured(subset, faults))
    const planned = planner.plan(subset)
    const plan = planned instanceof Promise ? await this.#inTime(planned, due) : planned
    if (plan === undefined) return this.#report(run, [this.#down(subset, { identifier: subset, critical: true }, `timed out after ${deadline} ms`)])
    // What is closed opens nothing any more.
    const refusal = this.#closed ? 'closing' : inquiry.draining() ? 'draining' : inquiry.starting ? 'starting' : undefined
    if (refusal !== undefined) return this.#refused(run, plan, refusal)
    const { sequential, warningsAsErrors, timeout } = settings
    const terms = [plan, sequential, warningsAsErrors, timeout, due]
    return await this.#sharedRuns.join(subset, terms, onAnswer => this.#evaluated(run, plan, onAnswer))
  }

  /** What was found last, without asking: as of the oldest result, and with the longest time that one of them took. */
  last (subset: string, draining: boolean): Report | undefined {
    const { settings, planner } = this.#sources
    const faults = settingsFaults(settings)
    // Before what was found is looked at: entries that are gone are forgotten with it.
    const plan = planner.known(subset)
    const results = faults.length > 0
      ? this.#misconfigured(subset, faults)
      : [...this.#ledger.last(subset), ...this.#misconfigured(subset, this.#faultsOf(subset, plan))]
    if (results.length === 0) return undefined
    const startedAt = Math.min(...results.map(({ startedAt }) => startedAt))
    const duration = Math.max(...results.map(({ duration }) => duration))
    return this.#toReport({ subset, draining, startedAt, duration }, results)
  }

  /** A run of an entry's own interval. Never rejects. */
  async runOnInterval (subset: string, entry: ResolvedEntry): Promise<void> {
    const { settings, runners } = this.#sources
    if (settingsFaults(settings).length > 0) return
    const { identifier, critical, options } = entry
    const { after, interval } = options
    if (after !== undefined && this.#ledger.isHealthy(subset, after) !== true) {
      // It is blocked, which is for probes to tell; and once it no longer is, what was found before is out of date.
      runners.forget(entry)
      return
    }
    const outcome = await runners.runOnInterval(entry, subset, interval as number)
    this.#record(subset, { identifier, critical, options, outcome, healthy: isHealthy(outcome.errors, settings.warningsAsErrors) })
  }

  /** Forgets what became of all entries but these, by subset. */
  keep (identifiers: ReadonlyMap<string, ReadonlySet<string>>): void {
    this.#ledger.keep(identifiers)
  }

  /** Has nothing asked any more. */
  close (): void {
    this.#closed = true
  }

  /** @param onAnswer called at the first answer of a check, and maybe at others */
  async #evaluated (run: Run, plan: Plan, onAnswer: () => void): Promise<Report> {
    const { settings: { sequential, warningsAsErrors }, clock, runners } = this.#sources
    const { due, inquiry: { subset, background, draining } } = run
    const { entries, order } = plan
    // One after another, most of them are asked when it may have been closed.
    const ask = (entry: ResolvedEntry) => this.#closed ? notRun('closing', clock.date()) : runners.ask(entry, { subset, due, background })
    const record = (judged: Judged) => {
      onAnswer()
      return this.#record(subset, judged)
    }
    const results = await evaluate({ entries, ask, record, clock, sequential, warningsAsErrors, due })
    onAnswer()
    if (draining()) return this.#refused(run, plan, 'draining')
    // A report sorts them, which takes no time where they are sorted already.
    const sorted = order.map(place => results[place] as Result)
    return this.#report(run, sorted.concat(this.#misconfigured(subset, this.#faultsOf(subset, plan))))
  }

  // It fails also where no check does so: without checks, or with such that are muted or not critical.
  #refused (run: Run, { entries }: Plan, why: string): Report {
    return { ...this.#report(run, entries.map(entry => this.#down(run.inquiry.subset, entry, why))), healthy: false }
  }

  #report ({ inquiry: { subset, draining }, startedAt, begun }: Run, results: readonly Result[]): Report {
    return this.#toReport({ subset, draining: draining(), startedAt, duration: this.#sources.clock.now() - begun }, results)
  }

  #toReport (run: Parameters<typeof toReport>[0], results: readonly Result[]): Report {
    const { clock, mutes } = this.#sources
    return toReport(run, mutes.applied(run.subset, results, clock.date()))
  }

  /** What is wrong with a subset, and not only at boot. */
  #faultsOf (subset: string, plan: Plan | undefined): Fault[] {
    const named = this.#sources.nameFault(subset)
    return [...named === undefined ? [] : [named], ...plan?.faults ?? []]
  }

  #misconfigured (subset: string, faults: readonly Fault[]): Result[] {
    if (faults.length === 0) return []
    return misconfigured(faults, this.#sources.clock.date()).map(judged => this.#ledger.unrecorded(subset, judged))
  }

  #down (subset: string, { identifier, critical }: Pick<Judged, 'identifier' | 'critical'>, message: string): Result {
    return this.#ledger.unrecorded(subset, { identifier, critical, outcome: failed('unavailable', message, this.#sources.clock.date()), healthy: false })
  }

  #record (subset: string, judged: Judged): Result {
    // What a shutdown cut off says nothing about the dependency.
    return this.#closed ? this.#ledger.unrecorded(subset, judged) : this.#ledger.record(subset, judged, this.#sources.clock.date())
  }

  // Loading an app's own module may take longer than the answer may.
  async #inTime (plan: Promise<Plan>, due: Deadline): Promise<Plan | undefined> {
    if (due === never) return await plan
    const { clock } = this.#sources
    return await inTime<Plan | undefined>(clock, due.at - clock.now(), plan, () => undefined, 0)
  }
}
