import type { FastifyInstance } from 'fastify'
import type { Mute } from './report.js'

/** The options of a fleet, the instances of one service. They are read once, when the registry is made. Durations are milliseconds. */
export interface FleetOptions {
  /** The name of the fleet. Instances with the same name share what they know. The name must not contain braces. */
  name: string
  /**
   * The ioredis client of the app, which may use Cluster or Sentinel. The fleet opens a connection of its own with the same settings. The
   * option is the name of a decorator (dots reach into it), a function of the app, or the client itself.
   *
   * @default 'redis'
   */
  client?: string | ((app: FastifyInstance) => unknown) | object
  /** The URL of a Redis, `redis://` or `rediss://`, in place of a client. */
  url?: string
  /**
   * The name of this instance.
   *
   * @default '<host>:<pid>'
   */
  instance?: string
  /**
   * An instance counts as gone when it has not reported for this many milliseconds. It reports at least once in every third of that time.
   *
   * @default 30_000
   */
  ttl?: number
  /**
   * `true` writes the messages of failures and the observed values to Redis. Otherwise other instances learn only the kinds of failures.
   *
   * @default false
   */
  details?: boolean
}

export type InstanceState = 'up' | 'draining' | 'gone'

/** A check that fails on an instance. Moments are milliseconds since the epoch. */
export interface FailingCheck {
  readonly identifier: string
  /** The kinds of its errors, separated by semicolons. */
  readonly kind: string
  /** The status, which includes messages if the fleet shares details. */
  readonly status: string
  readonly critical: boolean
  readonly muted: boolean
  readonly since: number
}

/** The last result of a subset on one instance. */
export interface InstanceSubset {
  readonly subset: string
  readonly healthy: boolean
  /** The moment of that result, in milliseconds since the epoch. */
  readonly at: number
  /** The checks that fail, at most ten: critical checks first, then those that have failed longest. */
  readonly failing: readonly FailingCheck[]
}

/** One process of the fleet. Moments are milliseconds since the epoch. */
export interface FleetInstance {
  readonly instance: string
  readonly state: InstanceState
  /** The moment when the instance started. */
  readonly since: number
  /** The moment of its last report. An instance that is gone has been gone since this moment. */
  readonly seen: number
  readonly version?: string
  readonly releaseId?: string
  /** The subsets that were asked at least once. */
  readonly subsets: readonly InstanceSubset[]
}

/** The numbers of instances that found a subset healthy, and failing. */
export interface FleetSubset {
  readonly subset: string
  readonly healthy: number
  readonly failing: number
}

/** The options of `muteFleet`. */
export interface FleetMuteTime {
  /** The mute ends by itself after this many milliseconds, at most 90 days. */
  readonly time: number
  /** The reason for the mute. */
  readonly because: string
  /** The person or program that mutes the check. */
  readonly by?: string
}

/** A mute that holds on every instance. */
export interface FleetMute extends Mute {
  readonly subset: string
  readonly identifier: string
}

/** The instances of a fleet, and what they found. */
export interface Roster {
  readonly fleet: string
  /** The moment of the roster, in milliseconds since the epoch. */
  readonly at: number
  /** The reason why Redis cannot be asked. If it is set, only this instance is listed. */
  readonly unavailable?: string
  readonly up: number
  readonly draining: number
  readonly gone: number
  readonly subsets: readonly FleetSubset[]
  readonly mutes: readonly FleetMute[]
  /** The instances, the worst first. There are at most as many as the caller asked for. */
  readonly instances: readonly FleetInstance[]
}
