import type { FastifyInstance } from 'fastify'
import { abortable } from '../time/abortable.js'
import { lacking } from '../errors.js'
import { interruptionOf } from '../time/stop-signal.js'
import { isPlain } from '../values/plain-data.js'
import { ofApp } from '../values/rules.js'
import { SharedConnection, type Connection } from './shared-connection.js'
import { unavailable, wordsFor } from './driver-errors.js'
import { decorated } from './requirements.js'
import type { ClientOption } from '../../types/sources.js'
import type { CheckContext, OptionRule, Requirement, RequirementsContext } from '../../types/check.js'

export type { ClientOption } from '../../types/sources.js'

/** A kind of client that a check takes. */
export interface ClientKind {
  /** The name of the kind, such as `a client of mqtt`. It follows "must be" and "is not" in messages. */
  readonly takes: string
  /** Whether a value is one, by its shape: the package it comes from may be there twice. */
  readonly fits: (value: unknown) => boolean
  /** Says how an app gets such a client. */
  readonly hint: string
  /**
   * The option that takes it.
   *
   * @default 'client'
   */
  readonly option?: string
}

/** A client that belongs to the app. It is never closed. */
export interface ClientOfApp<Client> {
  readonly client: ClientOption<Client>
  /** Default: any object. */
  readonly kind?: ClientKind
  /**
   * Names the part of the client that is asked, such as one of its hosts. A run that was given up holds up only the runs that ask the same
   * part. Default: the client has no parts.
   */
  readonly part?: string
}

const anyObject: ClientKind = {
  takes: 'a client',
  fits: value => typeof value === 'object' && value !== null,
  hint: 'Register the plugin that makes it before the app is ready, or name the decorator that holds it.',
}

/** A connection of the checks' own. It is kept between runs, shared by all that give the same `key`, and closed with the registry. */
export interface OwnConnection<Client, Driver = unknown> {
  /** Identifies the connection, such as its URL does. It is shown nowhere. */
  readonly key: string
  /** Loads what `connect` needs, once. */
  readonly load?: () => Driver | Promise<Driver>
  /** Starts to connect. What it returns can be destroyed before it is connected. */
  readonly connect: (driver: Driver) => Connection<Client>
}

// Milliseconds a run waits for an earlier one that was given up, before it counts that one as lost.
const patience = 30_000

interface GivenUp {
  readonly answered: Promise<void>
  readonly since: number
}

// The runs that were given up while their client, which belongs to the app and cannot be destroyed, had not answered, by the part of it.
const unanswered = new WeakMap<WeakKey, Map<string, GivenUp>>()

/**
 * Lends a client to `use`, and settles as it does, or with the signal's reason as soon as the run is aborted. What a driver throws is put
 * into the words of `explain`.
 *
 * A client of the app may go on with what was asked of it: the next run waits for the answer before it asks anything, so that no queue
 * grows. A connection of the checks' own is destroyed instead.
 *
 * @throws HealthCheckError (E007) where the client is not there or is none.
 */
export async function withClient<Client, T, Driver = unknown> (
  context: CheckContext,
  source: ClientOfApp<Client> | OwnConnection<Client, Driver>,
  use: (client: Client) => T | Promise<T>
): Promise<T> {
  try {
    return 'client' in source ? await withClientOfApp(context, source, use) : await withOwn(context, source, use)
  } catch (error) {
    throw unavailable(error)
  }
}

/** The rule for a `client` option of this kind. */
export function clientRule ({ takes, fits }: ClientKind = anyObject): OptionRule {
  return ofApp(takes, fits)
}

/** Lists what is missing if the app has no such client (E007). */
export async function clientRequirements<Client> (context: RequirementsContext, { client, kind }: ClientOfApp<Client>): Promise<Requirement[]> {
  const found = await findClient<Client>(context, client, kind)
  return found.missing === undefined ? [] : [found.missing]
}

/** A client of the app, or what is missing where there is none. */
export type FoundClient<Client> = { readonly client: Client, readonly missing?: undefined } | { readonly client?: undefined, readonly missing: Requirement }

/** Looks for a client of the app. A decorator may be given by its path, since a name may hold a dot. */
export async function findClient<Client> (
  context: Pick<RequirementsContext, 'app'>,
  client: ClientOption<Client> | readonly string[],
  { takes, fits, hint, option = 'client' }: ClientKind = anyObject
): Promise<FoundClient<Client>> {
  if (fits(client)) return { client: client as Client }
  let place = `what \`${option}\` returned for the app`
  let found: unknown
  if (typeof client === 'function') {
    // Outside the `try`: where there is no app, that is what has to be said.
    const { app } = context
    try {
      found = await (client as (app: FastifyInstance) => unknown)(app)
    } catch (error) {
      return { missing: { message: `\`${option}\` threw when it was called with the app: ${String(error)}`, hint } }
    }
  } else {
    const path = Array.isArray(client) ? client as readonly string[] : String(client).split('.')
    place = `app.${path.join('.')}`
    found = decorated(context.app, path)
  }
  if (fits(found)) return { client: found as Client }
  return { missing: { message: found === undefined || found === null ? `${place} is not there` : `${place} is ${described(found)}, and not ${takes}`, hint } }
}

function described (value: {}): string {
  if (typeof value !== 'object') return `a ${typeof value}`
  const name = (value.constructor as { name: string } | undefined)?.name
  return name === undefined || name === 'Object' ? 'an object' : `an instance of ${name}`
}

async function withClientOfApp<Client, T> (context: CheckContext, source: ClientOfApp<Client>, use: (client: Client) => T | Promise<T>): Promise<T> {
  const signal = interruptionOf(context)
  const { client, missing } = await abortable(findClient<Client>(context, source.client, source.kind), signal)
  if (missing !== undefined) throw lacking([missing])
  const waiting = waitingFor(client)
  const { part = '' } = source
  const earlier = waiting.get(part)
  if (earlier !== undefined && performance.now() - earlier.since < patience) await abortable(earlier.answered, signal)
  const work = (async () => {
    try {
      return await use(client)
    } catch (error) {
      // A connection may have been lost while it was idle, and that be noticed only now. What a probe asks can be asked twice.
      if (signal.aborted || wordsFor(error) !== 'connection lost') throw error
      return await use(client)
    }
  })()
  return await abortable(work, signal, () => {
    const answered = work.then(() => {}, () => {}).finally(() => { if (waiting.get(part) === given) waiting.delete(part) })
    const given: GivenUp = { answered, since: performance.now() }
    waiting.set(part, given)
  })
}

function waitingFor (client: unknown): Map<string, GivenUp> {
  const key = identityOf(client)
  const known = unanswered.get(key)
  if (known !== undefined) return known
  const waiting = new Map<string, GivenUp>()
  unanswered.set(key, waiting)
  return waiting
}

/** Returns an object that is the same in all runs. Each run gets a copy of a client that is a plain object, and the copies share its methods. */
export function identityOf (client: unknown): WeakKey {
  if (!isPlain(client)) return client as WeakKey
  return Object.values(client).find(value => typeof value === 'function') ?? client
}

async function withOwn<Client, T, Driver> (context: CheckContext, { key, load, connect }: OwnConnection<Client, Driver>, use: (client: Client) => T | Promise<T>): Promise<T> {
  const shared = await context.resources.get(key, async () => {
    const driver = await load?.() as Driver
    return new SharedConnection(() => connect(driver))
  }, shared => shared.close())
  return await shared.use(interruptionOf(context), async client => await use(client))
}
