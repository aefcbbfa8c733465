import type { FastifyInstance } from 'fastify'
import type { Mute } from './report.js'

/** How instances of one service know each other. It is read once, when the registry is made. Durations are milliseconds. */
export interface FleetOptions {
  /** What the instances have in common: those of one name share what they know. Braces are refused. */
  name: string
  /**
   * The app's client of ioredis, Cluster and Sentinel included, whose settings the fleet takes for a connection of its own: the name of a
   * decorator, in which dots reach into it, a function of the app, or the client itself.
   *
   * @default 'redis'
   */
  client?: string | ((app: FastifyInstance) => unknown) | object
  /** In place of a client, `redis://` or `rediss://`. */
  url?: string
  /**
   * What this instance is called.
   *
   * @default '<host>:<pid>'
   */
  instance?: string
  /**
   * How long an instance counts as there after it was heard of last. It is heard of every third of it.
   *
   * @default 30000
   */
  ttl?: number
  /**
   * `true` writes to Redis what `details: 'never'` would hide: messages, and what checks observe. Otherwise the others learn of a failure
   * which kind it is.
   *
   * @default false
   */
  details?: boolean
}

export type InstanceState = 'up' | 'draining' | 'gone'

/** A check that fails at an instance. Moments are milliseconds since the epoch. */
export interface FailingCheck {
  readonly identifier: string
  /** How it fails, as the `kind` of its errors. */
  readonly kind: string
  /** With messages, where the fleet shares details. */
  readonly status: string
  readonly critical: boolean
  readonly muted: boolean
  readonly since: number
}

/** What an instance found of a subset last. */
export interface InstanceSubset {
  readonly subset: string
  readonly healthy: boolean
  /** Of when it is. */
  readonly at: number
  /** The ones that fail, the longest first; of many, the first ten. */
  readonly failing: readonly FailingCheck[]
}

/** One process of the fleet. */
export interface FleetInstance {
  readonly instance: string
  readonly state: InstanceState
  /** Since when it is there. */
  readonly since: number
  /** When it was heard of last: an instance that is gone, is gone since then. */
  readonly seen: number
  readonly version?: string
  readonly releaseId?: string
  /** Those that were asked at least once. */
  readonly subsets: readonly InstanceSubset[]
}

/** How many instances of the fleet found a subset healthy, and how many did not. */
export interface FleetSubset {
  readonly subset: string
  readonly healthy: number
  readonly failing: number
}

/** What `muteFleet` takes. */
export interface FleetMuteTime {
  /** Milliseconds until it ends by itself: 90 days at most. */
  readonly time: number
  /** Why. */
  readonly because: string
  /** Who. */
  readonly by?: string
}

/** A check that is muted at every instance. */
export interface FleetMute extends Mute {
  readonly subset: string
  readonly identifier: string
}

/** What the instances of a fleet know of each other. */
export interface Roster {
  readonly fleet: string
  readonly at: number
  /** Why only this instance is in it: Redis cannot be asked. */
  readonly unavailable?: string
  readonly up: number
  readonly draining: number
  readonly gone: number
  readonly subsets: readonly FleetSubset[]
  readonly mutes: readonly FleetMute[]
  /** The worst first; not more of them than were asked for. */
  readonly instances: readonly FleetInstance[]
}
