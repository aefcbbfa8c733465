import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Clock } from '../time/clock.js'
import type { ResolvedEntry } from '../config/entry.js'
import type { Outcome } from './report.js'
import type { Requirement } from '../../types/check.js'
import type { FleetMute, Roster } from '../../types/fleet.js'
import type { Settings } from '../../types/options.js'
import type { Report } from '../../types/report.js'

/** An outcome that another instance found, and its age. */
export interface Known {
  /** The outcome. The same outcome is always the same object. */
  readonly outcome: Outcome
  /** The milliseconds since its run began. */
  readonly age: number
}

/** The answer of the fleet to an instance that wants to ask a question. */
export type Turn = OthersTurn | OwnTurn

/** Another instance has asked the question. */
export interface OthersTurn {
  readonly known: Known
  /** Milliseconds until this instance should come again. */
  readonly next: number
}

/** This instance has to ask the question. */
export interface OwnTurn {
  readonly known?: undefined
  /**
   * Tells the others the outcome, and never rejects. If this instance took too long, it resolves to the outcome that another instance has
   * found since.
   */
  readonly tell: (outcome: Outcome) => Promise<Known | undefined>
  /** The milliseconds until this instance should ask the fleet again, or `undefined` if the fleet does not know. */
  readonly next: number | undefined
}

/** A question that the instances share. Durations are milliseconds. */
export interface SharedQuestion {
  readonly entry: ResolvedEntry
  readonly interval: number
  readonly timeout: number
}

/** The engine's way to the other instances. */
export interface Fleet {
  /** Lists what is missing for the fleet to work. */
  requirements (): Promise<Requirement[]>
  /** Enters this instance into the fleet. */
  start (): void
  /** Says that something has changed which the other instances should learn soon. */
  changed (): void
  /** Finds out whether this instance has to ask. It settles soon, even if Redis does not answer, and never rejects. */
  turn (question: SharedQuestion): Promise<Turn>
  /** Returns the roster with at most `limit` instances. It settles soon, and never rejects. */
  roster (limit: number): Promise<Roster>
  /** @throws FST_HEALTH_FLEET_UNAVAILABLE if Redis cannot be asked */
  mute (mute: FleetMuteOptions): Promise<FleetMute>
  /**
   * @returns `true` if the check was muted
   * @throws FST_HEALTH_FLEET_UNAVAILABLE if Redis cannot be asked
   */
  unmute (subset: string, identifier: string): Promise<boolean>
  /** Takes this instance out of the fleet. It settles soon, and never rejects. */
  close (): Promise<void>
}

/** A mute for every instance. */
export interface FleetMuteOptions {
  readonly subset: string
  readonly identifier: string
  /** The duration in milliseconds. */
  readonly time: number
  readonly because: string
  readonly by?: string | undefined
}

/** The facts about this instance that the fleet needs. */
export interface FleetContext {
  readonly settings: Settings
  /** @throws FST_HEALTH_NO_APP if there is no app */
  readonly getApp: () => FastifyInstance
  readonly log: FastifyBaseLogger
  readonly clock: Clock
  /** Returns the last report of each subset that has run. */
  readonly reports: () => readonly Report[]
  readonly isDraining: () => boolean
  /** The fleet calls this with all its mutes whenever one of them changes. */
  readonly onMutes: (mutes: readonly FleetMute[]) => void
}
