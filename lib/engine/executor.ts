import { tracingChannel } from 'node:diagnostics_channel'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { ResolvedEntry } from '../config/entry.js'
import { unavailable } from '../clients/driver-errors.js'
import { FST_HEALTH_NO_APP, isHealthCheckError, lacking, ServiceReturnedUnexpectedResult, type HealthCheckError } from '../errors.js'
import { FailureLog } from './failure-log.js'
import { Observations } from './observations.js'
import { ResourceStore } from './resources.js'
import { copyPlain } from '../values/plain-data.js'
import { redactBriefly, secretsOf } from '../values/redact.js'
import { oneLine, statusOf, toFailure } from './report.js'
import { stopping, type StopSignal } from '../time/stop-signal.js'
import type { Stoppable } from './execution.js'
import type { Check, CheckContext, RequirementsContext } from '../../types/check.js'
import type { Settings } from '../../types/options.js'
import type { Failure } from '../../types/report.js'

/** Published around every execution of a check, with `{ identifier }`. */
const channel = tracingChannel<unknown, { identifier: string }>('fastify-health.check')

/** How many errors of one run are reported one by one. */
const mostErrors = 100

const unknown: Failure = { kind: 'unknown error', message: '' }

interface CommonContext extends Pick<CheckContext, 'settings' | 'resources' | 'log'> {
  readonly getApp: () => FastifyInstance
}

/** What the app, a signal or a logger costs is paid by those who ask for it. */
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

  get log (): FastifyBaseLogger {
    return this.#common.log.child({ check: this.#entry.identifier })
  }

  get observe (): CheckContext['observe'] {
    const execution = this.#execution
    const { options } = this.#entry
    return (name, value, unit) => {
      execution.observations ??= new Observations(text => oneLine(redactBriefly(text, secretsOf(options))))
      execution.observations.add(name, value, unit)
    }
  }
}

/** Runs a check's class, and turns whatever it throws into what may be reported. */
export class Executor {
  readonly #app: FastifyInstance | undefined
  readonly #settings: Settings
  readonly #resources = new ResourceStore()
  readonly #failureLog: FailureLog
  readonly #onAppMissing: () => void
  readonly #common: CommonContext

  constructor (settings: Settings, log: FastifyBaseLogger, app: FastifyInstance | undefined, onAppMissing: () => void = () => {}) {
    this.#settings = settings
    this.#failureLog = new FailureLog(log)
    this.#app = app
    this.#onAppMissing = onAppMissing
    this.#common = { settings, resources: this.#resources, log, getApp: this.#getApp }
  }

  /** What `requirements` of a check is given. */
  requirementsContext (): RequirementsContext {
    const getApp = this.#getApp
    return { settings: this.#settings, get app () { return getApp() } }
  }

  /** What a fresh instance found; nothing once it is stopped. Never rejects. */
  execute (entry: ResolvedEntry, execution: Stoppable, timeout: number): Promise<Failure[]> {
    // Tracing costs as much as the rest of an execution, whether anybody listens or not.
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
      // What it failed with cannot be read: its text is a getter that throws, say.
      this.#failureLog.unexpected(entry, error, secretsOf(entry.options))
      return [unknown]
    }
  }

  async #check (entry: ResolvedEntry, execution: Stoppable, timeout: number): Promise<readonly unknown[]> {
    const { Check, options } = entry
    let check: Check | undefined
    try {
      check = new Check(copyPlain(options))
      const answer = await check.check(new Context(this.#common, entry, execution, timeout))
      // In other libraries `false` is how a check fails.
      return answer === false ? [...check.errors, new ServiceReturnedUnexpectedResult('the check returned false')] : check.errors
    } catch (thrown) {
      const error = unavailable(thrown)
      // Once stopped, it has to settle at once, or it would count as hanging; and what it says is not heard any more.
      const isExplained = isHealthCheckError(error) || execution.stopping.aborted
      return [...check?.errors ?? [], isExplained ? error : await this.#missing(check) ?? error]
    }
  }

  /** Boot tells what a check needs and does not find, but a subset may be changed later. */
  async #missing (check: Check | undefined): Promise<HealthCheckError | undefined> {
    try {
      const missing = await check?.requirements(this.requirementsContext()) ?? []
      return missing.length === 0 ? undefined : lacking(missing)
    } catch {
      // What it threw itself says more.
      return undefined
    }
  }

  #toFailures (entry: ResolvedEntry, found: readonly unknown[]): Failure[] {
    if (found.length === 0) {
      this.#failureLog.recovered(entry)
      return []
    }
    const secrets = secretsOf(entry.options)
    const failures = found.slice(0, mostErrors).map(unavailable).map(error => {
      const failure = toFailure(error, secrets)
      if (!isHealthCheckError(error)) this.#failureLog.unexpected(entry, error, secrets)
      else if (error.cause !== undefined) this.#failureLog.cause(entry, statusOf([failure]), error.cause, secrets)
      return failure
    })
    const others = found.slice(mostErrors).map(kindOf)
    if (others.length === 0) return failures
    // The gravest of them counts: a list of warnings must stay one.
    return [...failures, { kind: others.find(kind => kind !== 'warning') ?? 'warning', message: `${others.length} more` }]
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
