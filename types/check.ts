import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { CheckSettings } from './settings.js'

/** What `check` is given. */
export interface CheckContext {
  /** The Fastify instance. Reading it where there is none (a worker, a command without `--app`) throws `FST_HEALTH_NO_APP`. */
  readonly app: FastifyInstance
  /** Aborted when the time is up: whatever hangs must then be destroyed, and `check` must settle. */
  readonly signal: AbortSignal
  /** The live settings of the registry. */
  readonly settings: Readonly<CheckSettings>
  readonly log: FastifyBaseLogger
  /** Milliseconds this run may take. */
  readonly timeout: number
  /**
   * Tells what the check sees on the way, such as a lag, a free space or a version. It may be taken out of the context. A name that is
   * told again replaces the earlier value; of one run, 20 names are kept. Texts are shown without secrets.
   *
   * @throws FST_HEALTH_INVALID_OBSERVATION where `name` or `unit` is no text, or `value` neither a text nor a finite number.
   */
  readonly observe: (name: string, value: number | string, unit?: string) => void
  /** What lives longer than one run: connections, counters. */
  readonly resources: Resources
}

/** What `requirements` is given: no run is under way. */
export type RequirementsContext = Pick<CheckContext, 'app' | 'settings'>

/** Things that checks keep between runs, by key. All of them are closed with the registry. */
export interface Resources {
  /** What is kept under `key`, or what `create` makes. Simultaneous callers get the same one; a failed `create` is not kept. */
  get<T> (key: string, create: () => T | Promise<T>, close?: (resource: T) => unknown): Promise<T>
  /** Forgets what is kept under `key`, and closes it. */
  drop (key: string): Promise<void>
}

/** What is missing for a check to run at all (E007). */
export interface Requirement {
  /** What was looked for and not found. */
  readonly message: string
  /** What to register or install. */
  readonly hint: string
}

/** Whom the check asks: something of this process or host, something shared by all pods, or other workers. */
export type Scope = 'local' | 'shared' | 'workers'

/** Options that every entry may hold beside those of its check. Durations are milliseconds. */
export interface EntryOptions {
  /** The name its result is keyed by. */
  identifier?: string
  /** `false`: its failure shows, and does not fail the subset. */
  critical?: boolean
  /**
   * `false` leaves the entry out, and loads nothing for it, so that one configuration serves several environments.
   *
   * @default true
   */
  enabled?: boolean
  /** How long it may take. */
  timeout?: number
  /** How long a result is served again without asking. */
  cacheFor?: number
  /** Runs in the background this often; probes read its last result. */
  interval?: number
  /** How old a kept result may be; past it, it fails as `stale`. */
  maxStale?: number
  /** How many failures in a row are borne before the check counts as failing. */
  maxFailures?: number
  /** For how many milliseconds failures are borne; with `maxFailures`, whichever is used up first. */
  maxTimeInError?: number
  /**
   * With a `fleet`: one instance asks for all, once an `interval`, which it has to have.
   *
   * @default false
   */
  shared?: boolean
  /** The identifier of the check of the same subset that must be healthy before this one runs. */
  after?: string
}

/** One rule an option's value must meet. */
export interface OptionRule {
  /** What a valid value is, to follow "must be". */
  readonly expected: string
  readonly test: (value: unknown) => boolean
  readonly required?: boolean
  /** The value may hold credentials and is never shown. */
  readonly secret?: boolean
}

export type OptionRules = Readonly<Record<string, OptionRule>>

/** One question to one dependency, as the engine sees it. */
export interface Check<Options extends object = Record<never, never>> {
  readonly options: Options & EntryOptions
  /** What it found wrong in this run. */
  readonly errors: readonly Error[]
  /** Whether its failure fails the subset. */
  critical: boolean
  /** Milliseconds it may take, where the entry does not say; default: the settings' `timeout`. */
  timeout: number | undefined
  /** The name its result is keyed by. */
  readonly identifier: string
  /** Fails by throwing, or by any number of `addError`. */
  check (context: CheckContext): unknown
  /** What is missing for it to run at all (E007): a decorator, a driver. */
  requirements (context: RequirementsContext): Requirement[] | Promise<Requirement[]>
  /** Records a failure and goes on; a string counts as a `HealthCheckError` of that text. */
  addError (error: Error | string, cause?: unknown): void
}

/** A class of checks, which an entry may name or hold. */
export interface CheckClass<Options extends object = any> {
  new (options: Options & EntryOptions): Check<Options>
  readonly name: string
  readonly rules?: OptionRules | undefined
  readonly scope?: Scope | undefined
  /** What its entries hold where they do not say otherwise. */
  readonly entryOptions?: EntryOptions | undefined
}
