/** How a check fails. */
export type FailureKind = 'warning' | 'unavailable' | 'unexpected result' | 'unknown error'

export interface Failure {
  readonly kind: FailureKind
  readonly message: string
}

/** What a check saw on the way. */
export interface Observation {
  readonly name: string
  readonly value: number | string
  readonly unit?: string
}

/** What `mute` takes. */
export interface MuteOptions {
  /** When it ends by itself, in milliseconds since the epoch: 90 days from now at most. */
  readonly until: number
  /** Why. */
  readonly because: string
  /** Who. */
  readonly by?: string
}

/** A check that is muted runs and shows, and does not fail its subset. Moments are milliseconds since the epoch. */
export interface Mute extends Omit<MuteOptions, 'because'> {
  readonly since: number
  /** Absent for those who see no details, as is `by`. */
  readonly because?: string
}

/** What one entry's check found. Durations are milliseconds, moments are milliseconds since the epoch. */
export interface Result {
  readonly identifier: string
  readonly healthy: boolean
  /** Whether its failure fails the subset. */
  readonly critical: boolean
  /** `working`, or one `<kind>: <message>` a line. */
  readonly status: string
  readonly errors: readonly Failure[]
  /** What it saw on the way; absent where it told nothing. */
  readonly observed?: readonly Observation[]
  /** It is muted, so that it does not fail its subset. */
  readonly muted?: Mute
  /** Its failure is borne (`maxFailures`, `maxTimeInError`), so that it counts as healthy. */
  readonly borne?: true
  /** Since when its failure is borne. */
  readonly borneSince?: number
  readonly startedAt: number
  readonly duration: number
  /** Since when it is in this state; `null` before its first run. */
  readonly since: number | null
  readonly lastSuccess: number | null
  readonly consecutiveFailures: number
  /** Runs, and changes of state, since the registry was made. What is known without a run, such as `blocked by …`, is none. */
  readonly runs: number
  readonly transitions: number
  /** The last 60 outcomes, the latest last. */
  readonly history: readonly boolean[]
}

/** What one run of a subset found. */
export interface Report {
  readonly subset: string
  readonly healthy: boolean
  readonly draining: boolean
  readonly startedAt: number
  readonly duration: number
  /** Sorted by identifier. */
  readonly results: readonly Result[]
}

/** A fault of the configuration itself. */
export interface SystemCheck {
  readonly id: SystemCheckId
  readonly level: 'error' | 'warning'
  readonly subset?: string
  /** The entry as configured, with nothing secret in it. */
  readonly entry?: string
  /** What was found, and where. */
  readonly message: string
  /** What to do. */
  readonly hint: string
}

export type SystemCheckId =
  | 'W001' | 'W002' | 'W003' | 'W004' | 'W005'
  | 'E001' | 'E002' | 'E003' | 'E004' | 'E005' | 'E006' | 'E007' | 'E008' | 'E009'

/** A change of a subset's state. */
export interface Verdict {
  readonly subset: string
  readonly healthy: boolean
  /** Since the epoch. */
  readonly at: number
}

/** A change of an entry's state. */
export interface Transition {
  readonly subset: string
  readonly identifier: string
  readonly healthy: boolean
  readonly critical: boolean
  readonly status: string
  readonly at: number
}
