import { createHash } from 'node:crypto'
import type { Clock } from '../time/clock.js'
import type { ResolvedEntry } from '../config/entry.js'
import type { Known, OwnTurn, SharedQuestion, Turn } from '../engine/fleet.js'
import type { Outcome } from '../engine/report.js'
import { isPlain, keyOf } from '../values/plain-data.js'
import { entryRules } from '../values/entry-rules.js'
import { secretName } from '../values/secrets.js'
import type { FleetConnection } from './connection.js'
import type { Keys } from './keys.js'
import { readOutcome, writtenOutcome } from './records.js'

export interface TurnsOptions {
  readonly connection: FleetConnection
  readonly keys: Keys
  readonly clock: Clock
  /** The id of this instance. */
  readonly id: string
  /** `true` writes messages to Redis. */
  readonly details: boolean
  /** The keys are kept for at least this many milliseconds. */
  readonly ttl: number
}

/** A turn is kept for a holder without a sign of life for 1.5 intervals. The holder gives a sign in each half of an interval. */
const lease = 1.5
const renewal = 0.5
/** An instance asks earlier or later than others by at most this part of an interval. */
const intervalJitter = 0.1
/** The milliseconds between two looks for the first outcome, while another instance runs the check. */
const glance = 100

/** Decides which instance runs a shared check. */
export class Turns {
  readonly #options: TurnsOptions
  /** The last outcome of each question, so that reading it again gives the same object. */
  readonly #known = new Map<string, { readonly turn: string, readonly outcome: Outcome }>()
  /** The question of each digest, and until when it holds. Two questions with one digest differ only in secrets, and are not shared. */
  readonly #questions = new Map<string, { readonly question: string, readonly until: number }>()

  constructor (options: TurnsOptions) {
    this.#options = options
  }

  /** Takes a turn, or returns the outcome of another instance. It never rejects. */
  async take ({ entry, interval, timeout }: SharedQuestion): Promise<Turn> {
    const { connection, clock, keys, id, ttl } = this.#options
    const digest = digestOf(entry)
    if (this.#isTaken(digest, entry, interval)) {
      connection.warnOnce(
        `two entries that are shared, ${entry.identifier}, differ in their secrets alone: one of them is asked by each instance for ` +
        'itself. Give it an identifier of its own.'
      )
      return alone
    }
    const key = keys.question(digest)
    const kept = Math.ceil(Math.max(ttl, 2 * lease * interval))
    const until = clock.now() + timeout
    for (;;) {
      const answer = await connection.ask<Answer>(client => client.fleetTake(1, key, id, interval, Math.ceil(interval * lease), kept))
      if (answer === undefined) return alone
      const [isOwn, turn, since, age, found] = answer
      if (isOwn === 1) return { tell: this.#holding(key, turn, interval, kept), next: interval }
      const known = this.#read(key, turn, age, found)
      if (known !== undefined) return { known, next: this.#next(interval, since) }
      if (age >= 0 || clock.now() >= until) return alone
      // There is no outcome yet, and another instance runs the check for the first time.
      await new Promise<void>(resolve => { clock.after(Math.min(glance, interval), resolve, true) })
    }
  }

  /** Leaves the turns of this instance to the others. */
  async yield (): Promise<void> {
    const { connection, keys, id } = this.#options
    const questions = [...this.#questions.keys()].map(digest => keys.question(digest))
    if (questions.length > 0) await connection.ask(client => client.fleetYield(questions.length, ...questions, id))
  }

  #isTaken (digest: string, { question }: ResolvedEntry, interval: number): boolean {
    const now = this.#options.clock.now()
    const other = this.#questions.get(digest)
    if (other !== undefined && other.question !== question && now < other.until) return true
    this.#questions.set(digest, { question, until: now + 2 * interval })
    return false
  }

  /** Returns the milliseconds until the next look: after an interval, or when the turn of a holder without a sign of life ends. */
  #next (interval: number, since: number): number {
    const { clock } = this.#options
    const usual = interval * (1 - intervalJitter + 2 * intervalJitter * clock.random())
    const over = interval * (lease + 3 * intervalJitter * clock.random()) - since
    return Math.min(usual, Math.max(interval * intervalJitter, over))
  }

  /** Keeps the turn during the run, and returns the function that ends the turn with an outcome. */
  #holding (key: string, turn: string, interval: number, kept: number): OwnTurn['tell'] {
    const { connection, clock } = this.#options
    let stop!: () => void
    const renewLater = () => {
      stop = clock.after(interval * renewal, () => {
        connection.ask(client => client.fleetRenew(1, key, turn, kept))
        renewLater()
      }, true)
    }
    renewLater()
    return async outcome => {
      stop()
      return await this.#tell(key, turn, outcome, kept)
    }
  }

  async #tell (key: string, turn: string, outcome: Outcome, kept: number): Promise<Known | undefined> {
    const { connection, details } = this.#options
    const failed = outcome.errors.length === 0 ? '0' : '1'
    const answer = await connection.ask<Told>(client => client.fleetTell(1, key, turn, writtenOutcome(outcome, details), kept, failed))
    if (answer === undefined) return undefined
    const [isTaken, later, age, found] = answer
    if (isTaken === 1) this.#known.set(key, { turn, outcome })
    // If this turn took too long, a later turn has begun, and its outcome counts.
    return isTaken === 1 ? undefined : this.#read(key, later as string, age as number, found as string)
  }

  #read (key: string, turn: string, age: number, found: string): Known | undefined {
    if (age < 0) return undefined
    const last = this.#known.get(key)
    if (last?.turn === turn) return { outcome: last.outcome, age }
    const outcome = readOutcome(found, this.#options.clock.date() - age)
    if (outcome === undefined) {
      this.#options.connection.foreign('an outcome cannot be read')
      return undefined
    }
    this.#known.set(key, { turn, outcome })
    return { outcome, age }
  }
}

/** The answers of the scripts. */
type Answer = [isOwn: number, turn: string, since: number, age: number, found: string]
type Told = [isTaken: number, turn?: string, age?: number, found?: string]

/** This turn makes the instance run the check only for itself. */
const alone: OwnTurn = { tell: async () => undefined, next: undefined }

/**
 * Returns the name of a question in Redis, which is the same on every instance. No secret is part of it, so nobody can use it to try out
 * passwords.
 */
export function digestOf ({ identifier, Check, options }: ResolvedEntry): string {
  const own = Object.fromEntries(Object.entries(options).filter(([name]) => !Object.hasOwn(entryRules, name)))
  return createHash('sha256').update(JSON.stringify([identifier, Check.name, keyOf(withoutSecrets(own))])).digest('base64url').slice(0, 22)
}

// Functions, symbols and objects with a prototype count by their type only, since they differ between processes.
function withoutSecrets (value: unknown, copies = new Map<unknown, unknown>()): unknown {
  if (typeof value === 'string') return withoutCredentials(value)
  if (typeof value === 'function' || typeof value === 'symbol') return typeof value
  if (!isPlain(value)) return typeof value === 'object' && value !== null ? 'object' : value
  // An object that many others hold is copied once, and a circular reference ends here.
  const earlier = copies.get(value)
  if (earlier !== undefined) return earlier
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [] : Object.create(null)
  copies.set(value, copy)
  for (const [name, item] of Object.entries(value)) {
    const isUrl = typeof item === 'string' && URL.canParse(item)
    Object.assign(copy, { [name]: secretName.test(name) && !isUrl ? 'secret' : withoutSecrets(item, copies) })
  }
  return copy
}

function withoutCredentials (text: string): string {
  if (!text.includes('://') || !URL.canParse(text)) return text
  const { protocol, host, pathname } = new URL(text)
  return `${protocol}//${host}${pathname}`
}
