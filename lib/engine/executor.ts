import { tracingChannel } from 'node:diagnostics_channel'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { ResolvedEntry } from '../config/entry.js'
import { unavailable } from '../clients/driver-errors.js'
import { FST_HEALTH_NO_APP, isHealthCheckError, lacking, ServiceReturnedUnexpectedResult, type HealthCheckError } from '../errors.js'
import { FailureLog } from './failure-log.js'
import { Observations } from './observations.js'
import { ResourceStore } from './resources.js'
import { copyPlain } from '../values/plain-data.js'
import { redactBriefly } from '../values/redact.js'
import { mergedSecrets, secretsOf, secretsOfApp, type Secrets } from '../values/secrets.js'
import { oneLine } from '../values/shown.js'
import { statusOf, toFailure } from './report.js'
import { keepingTime, systemClock, type Clock } from '../time/clock.js'
import { stopping, type StopSignal } from '../time/stop-signal.js'
import { inTime } from '../time/timeout.js'
import type { Stoppable } from './execution.js'
import type { Check, CheckContext, RequirementsContext } from '../../types/check.js'
import type { Settings } from '../../types/options.js'
import type { Failure } from '../../types/report.js'

/** The channel publishes `{ identifier }` around every execution of a check. */
const channel = tracingChannel<unknown, { identifier: string }>('fastify-health.check')

/** A report lists this many errors of one run, and counts the others. */
const mostErrors = 100

/** The `requirements` of a check that threw may take this many milliseconds, since its error says what is wrong as well. */
const patience = 250

const unknown: Failure = { kind: 'unknown error', message: '' }

interface CommonContext extends Pick<CheckContext, 'settings' | 'resources' | 'log'> {
  readonly getApp: () => FastifyInstance
  readonly clock: Clock
}

/** The context makes `app`, `signal` and `log` when they are read, since few checks need them. */
class Context implements CheckContext {
  readonly settings: CheckContext['settings']
  readonly resources: CheckContext['resources']
  readonly timeout: number
  readonly [stopping]: StopSignal
  readonly #common: CommonContext
  readonly #entry: ResolvedEntry
  readonly #execution: Stoppable

  constructor (common: CommonContext, entry: ResolvedEntry, execution: Stoppable, timeout: number) {
    this.settings = common.settings
    this.resources = common.resources
    this.timeout = timeout
    this[stopping] = execution.stopping
    this.#common = common
    this.#entry = entry
    this.#execution = execution
  }

  get app (): FastifyInstance {
    return this.#common.getApp()
  }

  get signal (): AbortSignal {
    return this.#execution.signal
  }

  get [keepingTime] (): Clock {
    return this.#common.clock
  }

  get log (): FastifyBaseLogger {
    return this.#common.log.child({ check: this.#entry.identifier })
  }

  get observe (): CheckContext['observe'] {
    const execution = this.#execution
    const entry = this.#entry
    return (name, value, unit) => {
      execution.observations ??= new Observations(text => cleaned(text, entry))
      execution.observations.add(name, value, unit)
    }
  }
}

/** The texts that entries have observed, and what may be reported of them. */
const observedTexts = new WeakMap<ResolvedEntry, Map<string, string>>()

/** At most this many texts of an entry are kept, and of this many characters. */
const mostObservations = 100

/** Cleans a text that a check observes. Most of them are names and units, which are the same in each run. */
function cleaned (text: string, entry: ResolvedEntry): string {
  const texts = observedTexts.get(entry) ?? new Map<string, string>()
  observedTexts.set(entry, texts)
  const found = texts.get(text) ?? oneLine(redactBriefly(text, secretsOf(entry.options)))
  if (texts.size < mostObservations && text.length <= mostObservations) texts.set(text, found)
  return found
}

/** Runs the class of a check, and turns the errors into failures that may be reported. */
export class Executor {
  readonly #app: FastifyInstance | undefined
  readonly #settings: Settings
  readonly #resources = new ResourceStore()
  readonly #failureLog: FailureLog
  readonly #onAppMissing: () => void
  readonly #clock: Clock
  readonly #common: CommonContext

  constructor (
    settings: Settings,
    log: FastifyBaseLogger,
    app: FastifyInstance | undefined,
    onAppMissing: () => void = () => {},
    clock: Clock = systemClock
  ) {
    this.#settings = settings
    this.#clock = clock
    this.#failureLog = new FailureLog(log)
    this.#app = app
    this.#onAppMissing = onAppMissing
    this.#common = { settings, resources: this.#resources, log, getApp: this.#getApp, clock }
  }

  /** Returns the context for the `requirements` of a check. */
  requirementsContext (): RequirementsContext {
    const getApp = this.#getApp
    return { settings: this.#settings, get app () { return getApp() } }
  }

  /** Returns the failures of a new instance, or none if the execution was stopped. It never rejects. */
  execute (entry: ResolvedEntry, execution: Stoppable, timeout: number): Promise<Failure[]> {
    // Tracing costs as much as the rest of an execution, even if nobody listens.
    if (!channel.hasSubscribers) return this.#failures(entry, execution, timeout)
    return channel.tracePromise(() => this.#failures(entry, execution, timeout), { identifier: entry.identifier })
  }

  async close (): Promise<void> {
    await this.#resources.close()
  }

  async #failures (entry: ResolvedEntry, execution: Stoppable, timeout: number): Promise<Failure[]> {
    try {
      const errors = await this.#check(entry, execution, timeout)
      return execution.stopping.aborted ? [] : this.#toFailures(entry, errors)
    } catch (error) {
      // The error cannot be read, for example because its message is a getter that throws.
      this.#failureLog.unexpected(entry, error, this.#secretsFor(entry))
      return [unknown]
    }
  }

  async #check (entry: ResolvedEntry, execution: Stoppable, timeout: number): Promise<readonly unknown[]> {
    const { Check, options } = entry
    let check: Check | undefined
    try {
      check = new Check(copyPlain(options))
      const answer = await check.check(new Context(this.#common, entry, execution, timeout))
      // Other libraries let a check fail by returning `false`.
      return answer === false ? [...check.errors, new ServiceReturnedUnexpectedResult('the check returned false')] : check.errors
    } catch (thrown) {
      const error = unavailable(thrown)
      // A stopped check must settle at once, or it would count as hanging, and its error is no longer used.
      const isExplained = isHealthCheckError(error) || execution.stopping.aborted
      return [...check?.errors ?? [], isExplained ? error : await this.#missing(check) ?? error]
    }
  }

  /** Finds out whether a requirement is missing. Boot has done so too, but the subset may have changed since. */
  async #missing (check: Check | undefined): Promise<HealthCheckError | undefined> {
    try {
      const asked = (async () => await check?.requirements(this.requirementsContext()) ?? [])()
      const missing = await inTime(this.#clock, patience, asked, () => [])
      return missing.length === 0 ? undefined : lacking(missing)
    } catch {
      // The error of `check` says more than the error of `requirements`.
      return undefined
    }
  }

  #toFailures (entry: ResolvedEntry, found: readonly unknown[]): Failure[] {
    if (found.length === 0) {
      this.#failureLog.recovered(entry)
      return []
    }
    const secrets = this.#secretsFor(entry)
    const failures = found.slice(0, mostErrors).map(unavailable).map(error => {
      const failure = toFailure(error, secrets)
      if (!isHealthCheckError(error)) this.#failureLog.unexpected(entry, error, secrets)
      else if (error.cause !== undefined) this.#failureLog.cause(entry, statusOf([failure]), error.cause, secrets)
      return failure
    })
    const others = found.slice(mostErrors).map(kindOf)
    if (others.length === 0) return failures
    // The worst kind counts, but a list of warnings must remain a warning.
    return [...failures, { kind: others.find(kind => kind !== 'warning') ?? 'warning', message: `${others.length} more` }]
  }

  #secretsFor ({ options }: ResolvedEntry): Secrets {
    return this.#app === undefined ? secretsOf(options) : mergedSecrets(secretsOf(options), secretsOfApp(this.#app))
  }

  readonly #getApp = (): FastifyInstance => {
    if (this.#app !== undefined) return this.#app
    this.#onAppMissing()
    throw new FST_HEALTH_NO_APP()
  }
}

function kindOf (error: unknown): Failure['kind'] {
  return isHealthCheckError(error) ? error.kind : 'unknown error'
}
