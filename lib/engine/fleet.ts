import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Clock } from '../time/clock.js'
import type { ResolvedEntry } from '../config/entry.js'
import type { Outcome } from './report.js'
import type { Requirement } from '../../types/check.js'
import type { FleetMute, Roster } from '../../types/fleet.js'
import type { Settings } from '../../types/options.js'
import type { Report } from '../../types/report.js'

/** What an outcome of another instance is, and how old. */
export interface Known {
  /** The same object as long as it is the same outcome. */
  readonly outcome: Outcome
  /** Milliseconds since its run began. */
  readonly age: number
}

/** What the fleet says to an instance that is about to ask. */
export type Turn = OthersTurn | OwnTurn

/** What another instance found. */
export interface OthersTurn {
  readonly known: Known
  /** Milliseconds until this instance should come again. */
  readonly next: number
}

/** It is for this instance to ask. */
export interface OwnTurn {
  readonly known?: undefined
  /** Tells the others what was found. It resolves with what somebody else found since, where this one took too long. Never rejects. */
  readonly tell: (outcome: Outcome) => Promise<Known | undefined>
  /** Milliseconds until this instance should come again; `undefined` where the fleet does not know. */
  readonly next: number | undefined
}

/** What the fleet is asked about. Durations are milliseconds. */
export interface SharedQuestion {
  readonly entry: ResolvedEntry
  readonly interval: number
  readonly timeout: number
}

/** All that the engine knows of the other instances. */
export interface Fleet {
  /** What is missing for it to work at all. */
  requirements (): Promise<Requirement[]>
  /** Enters this instance. */
  start (): void
  /** Something changed that the others should know soon. */
  changed (): void
  /** Whose turn it is to ask. It settles soon, whatever becomes of Redis, and never rejects. */
  turn (question: SharedQuestion): Promise<Turn>
  /** What is known of so many instances. It settles soon, and never rejects. */
  roster (limit: number): Promise<Roster>
  /** @throws FST_HEALTH_FLEET_UNAVAILABLE where Redis cannot be asked */
  mute (mute: FleetMuteOptions): Promise<FleetMute>
  /** Returns whether it was muted. @throws FST_HEALTH_FLEET_UNAVAILABLE where Redis cannot be asked */
  unmute (subset: string, identifier: string): Promise<boolean>
  /** Takes this instance out. It settles soon, and never rejects. */
  close (): Promise<void>
}

/** What is muted at every instance. */
export interface FleetMuteOptions {
  readonly subset: string
  readonly identifier: string
  /** For how many milliseconds. */
  readonly time: number
  readonly because: string
  readonly by?: string | undefined
}

/** What the fleet is told of this instance. */
export interface FleetContext {
  readonly settings: Settings
  /** @throws FST_HEALTH_NO_APP where there is none */
  readonly getApp: () => FastifyInstance
  readonly log: FastifyBaseLogger
  readonly clock: Clock
  /** What each subset's last runs found. */
  readonly reports: () => readonly Report[]
  readonly isDraining: () => boolean
  /** Told of every mute of the fleet, whenever one of them changes. */
  readonly onMutes: (mutes: readonly FleetMute[]) => void
}
