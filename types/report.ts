/** The kind of a failure. */
export type FailureKind = 'warning' | 'unavailable' | 'unexpected result' | 'unknown error'

export interface Failure {
  readonly kind: FailureKind
  readonly message: string
}

/** A value that a check saw during its run. */
export interface Observation {
  readonly name: string
  readonly value: number | string
  readonly unit?: string
}

/** The options of `mute`. */
export interface MuteOptions {
  /** The moment when the mute ends by itself, in milliseconds since the epoch. It is at most 90 days from now. */
  readonly until: number
  /** The reason for the mute. */
  readonly because: string
  /** The person or program that mutes the check. */
  readonly by?: string
}

/** A muted check still runs, and its result is shown, but it does not fail its subset. Moments are milliseconds since the epoch. */
export interface Mute extends Omit<MuteOptions, 'because'> {
  readonly since: number
  /** The reason. It is absent for clients that may not see details, and so is `by`. */
  readonly because?: string
}

/** The result of one entry. Durations are milliseconds, moments are milliseconds since the epoch. */
export interface Result {
  readonly identifier: string
  readonly healthy: boolean
  /** `true` says that a failure fails the subset. */
  readonly critical: boolean
  /** The status is `working`, or has one line of `<kind>: <message>` for each failure. */
  readonly status: string
  readonly errors: readonly Failure[]
  /** The values that the check observed. It is absent if there are none. */
  readonly observed?: readonly Observation[]
  /** The mute of the check. A muted check does not fail its subset. */
  readonly muted?: Mute
  /** `true` says that the check fails, but still counts as healthy because of `maxFailures` or `maxTimeInError`. */
  readonly borne?: true
  /** The moment of the first of the failures that are borne. */
  readonly borneSince?: number
  /** The moment when the run began. */
  readonly startedAt: number
  readonly duration: number
  /** The moment when the check came into this state. It is `null` before the first run. */
  readonly since: number | null
  /** The moment of the last success. It is `null` before the first success. */
  readonly lastSuccess: number | null
  readonly consecutiveFailures: number
  /** The number of runs since the registry was made. A result without a run, such as `blocked by …`, does not count. */
  readonly runs: number
  /** The number of changes between healthy and failing since the registry was made. */
  readonly transitions: number
  /** The last 60 outcomes, the newest last. */
  readonly history: readonly boolean[]
}

/** The results of one run of a subset. The duration is in milliseconds, the moment in milliseconds since the epoch. */
export interface Report {
  readonly subset: string
  readonly healthy: boolean
  readonly draining: boolean
  readonly startedAt: number
  readonly duration: number
  /** The results, sorted by identifier. */
  readonly results: readonly Result[]
}

/** A fault in the configuration. */
export interface SystemCheck {
  readonly id: SystemCheckId
  readonly level: 'error' | 'warning'
  readonly subset?: string
  /** The name of the entry, without secrets. */
  readonly entry?: string
  /** The text says what was found, and where. */
  readonly message: string
  /** The text says what to do. */
  readonly hint: string
}

export type SystemCheckId =
  | 'W001' | 'W002' | 'W003' | 'W004' | 'W005' | 'W006'
  | 'E001' | 'E002' | 'E003' | 'E004' | 'E005' | 'E006' | 'E007' | 'E008' | 'E009'

/** A change of a subset between healthy and failing. */
export interface Verdict {
  readonly subset: string
  readonly healthy: boolean
  /** The moment of the change, in milliseconds since the epoch. */
  readonly at: number
}

/** A change of a check between healthy and failing. */
export interface Transition {
  readonly subset: string
  readonly identifier: string
  readonly healthy: boolean
  readonly critical: boolean
  readonly status: string
  /** The moment of the change, in milliseconds since the epoch. */
  readonly at: number
}
