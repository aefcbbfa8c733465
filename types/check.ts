import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { CheckSettings } from './settings.js'

/** The context that `check` receives. Durations are milliseconds. */
export interface CheckContext {
  /** The Fastify instance. Reading it where there is none (a worker, a command without `--app`) throws `FST_HEALTH_NO_APP`. */
  readonly app: FastifyInstance
  /** The signal is aborted when the time is up. `check` must then destroy what hangs, and settle. */
  readonly signal: AbortSignal
  /** The settings of the registry, as they are now. */
  readonly settings: Readonly<CheckSettings>
  readonly log: FastifyBaseLogger
  /** The milliseconds that this run may take. */
  readonly timeout: number
  /**
   * Reports a value that the check saw, such as a lag, the free space or a version. The function works without its context, so it may be
   * destructured. A second value of the same name replaces the first. One run keeps at most 20 names. Secrets are removed from texts.
   *
   * @throws FST_HEALTH_INVALID_OBSERVATION if `name` or `unit` is not a non-empty string, or `value` is neither that nor a finite number.
   */
  readonly observe: (name: string, value: number | string, unit?: string) => void
  /** The resources that live longer than one run, such as connections and counters. */
  readonly resources: Resources
}

/** The context that `requirements` receives. It has no signal, since no run is under way. */
export type RequirementsContext = Pick<CheckContext, 'app' | 'settings'>

/** The resources that checks keep between runs, by key. The registry closes all of them when it is closed. */
export interface Resources {
  /** Returns the resource of `key`. The first caller creates it, and callers at the same time share it. A failed `create` is not kept. */
  get<T> (key: string, create: () => T | Promise<T>, close?: (resource: T) => unknown): Promise<T>
  /** Forgets the resource of `key`, and closes it. */
  drop (key: string): Promise<void>
}

/** A thing that a check needs to run, and does not find (E007). */
export interface Requirement {
  /** The text says what was not found. */
  readonly message: string
  /** The text says what to register or install. */
  readonly hint: string
}

/** A check asks this process or host (`local`), something that all pods share (`shared`), or other workers (`workers`). */
export type Scope = 'local' | 'shared' | 'workers'

/** Every entry may have these options, in addition to the options of its check. Durations are milliseconds. */
export interface EntryOptions {
  /**
   * The name of the result, unique in its subset.
   *
   * @default the `identifier` of the check
   */
  identifier?: string
  /**
   * `false` shows a failure of the check, but does not fail the subset.
   *
   * @default true
   */
  critical?: boolean
  /**
   * `false` leaves the entry out and loads nothing for it, so that one configuration can serve several environments.
   *
   * @default true
   */
  enabled?: boolean
  /**
   * A run of the check may take this many milliseconds.
   *
   * @default the setting `timeout`
   */
  timeout?: number
  /**
   * A result is reused for this many milliseconds.
   *
   * @default the setting `cacheFor`
   */
  cacheFor?: number
  /** The check runs in the background every so many milliseconds, and probes read its last result. Without it, probes run the check. */
  interval?: number
  /**
   * A result that is older than this many milliseconds fails as `stale`.
   *
   * @default 3 * interval + timeout
   */
  maxStale?: number
  /** The check counts as healthy during this many failures in a row. */
  maxFailures?: number
  /**
   * The check counts as healthy during this many milliseconds of failures. If `maxFailures` is given as well, the limit that is reached
   * first counts.
   */
  maxTimeInError?: number
  /**
   * `true` lets one instance of the `fleet` run the check for all instances, once in each `interval`. The entry must have an `interval`.
   *
   * @default false
   */
  shared?: boolean
  /** The check runs only if the check of this identifier, in the same subset, is healthy. */
  after?: string
}

/** The rule that the value of an option must meet. */
export interface OptionRule {
  /** The description of a valid value. It follows the words "must be". */
  readonly expected: string
  readonly test: (value: unknown) => boolean
  readonly required?: boolean
  /** `true` says that the value may hold credentials, so it is never shown. */
  readonly secret?: boolean
}

export type OptionRules = Readonly<Record<string, OptionRule>>

/** One rule for each option, also if the options are a union. */
export type RulesOf<Options> = Readonly<Record<Options extends unknown ? keyof Options : never, OptionRule>>

/** A check asks one dependency one question. */
export interface Check<Options extends object = Record<never, never>> {
  readonly options: Options & EntryOptions
  /** The failures that this run has recorded. */
  readonly errors: readonly Error[]
  /** `true` says that a failure of the check fails the subset. */
  critical: boolean
  /** The milliseconds that a run may take, unless the entry has a `timeout`. `undefined` stands for the setting `timeout`. */
  timeout: number | undefined
  /** The name of the result, unless the entry has an `identifier`. */
  readonly identifier: string
  /** Asks the dependency. The check fails if this throws, rejects, resolves to `false`, or calls `addError`. */
  check (context: CheckContext): unknown
  /** Lists what is missing for the check to run (E007), such as a decorator or a driver. */
  requirements (context: RequirementsContext): Requirement[] | Promise<Requirement[]>
  /** Records a failure. A string counts as a `HealthCheckError` of that text. */
  addError (error: Error | string, cause?: unknown): void
}

/** The class of a check. An entry names it by a specifier, or holds it. */
export interface CheckClass<Options extends object = any> {
  new (options: Options & EntryOptions): Check<Options>
  readonly name: string
  readonly rules?: OptionRules | undefined
  readonly scope?: Scope | undefined
  /** The entries of this class have these options, unless they give their own. */
  readonly entryOptions?: EntryOptions | undefined
}
