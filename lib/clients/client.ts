import type { FastifyInstance } from 'fastify'
import { clockOf } from '../time/clock.js'
import { abortable } from '../time/abortable.js'
import { lacking } from '../errors.js'
import { interruptionOf, type Interruption } from '../time/stop-signal.js'
import { isPlain } from '../values/plain-data.js'
import { redactBriefly } from '../values/redact.js'
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
  /** Returns whether a value is such a client. It looks at the shape, since a package may be installed twice. */
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
  /**
   * The kind of the client.
   *
   * @default any object
   */
  readonly kind?: ClientKind
  /**
   * The part of the client that is asked, such as one of its hosts. After an abort, only the runs that ask the same part wait.
   *
   * @default '' (the client has one part)
   */
  readonly part?: string
}

const anyObject: ClientKind = {
  takes: 'a client',
  fits: value => typeof value === 'object' && value !== null,
  hint: 'Register the plugin that makes it before the app is ready, or name the decorator that holds it.',
}

/** A connection that the checks open. It is kept between runs, shared by all checks with the same `key`, and closed with the registry. */
export interface OwnConnection<Client, Driver = unknown> {
  /** The key identifies the connection, as a URL does. It is never shown. */
  readonly key: string
  /** Loads the driver that `connect` needs. It is called once. */
  readonly load?: () => Driver | Promise<Driver>
  /** Starts to connect. The returned connection can be destroyed before it is ready. */
  readonly connect: (driver: Driver) => Connection<Client>
}

/** After this many milliseconds, a run counts the answer to an earlier, aborted run as lost. */
const lostAfter = 30_000

interface Aborted {
  readonly answered: Promise<void>
  readonly since: number
}

// The clients that have not answered an aborted run, by their parts. They belong to the app, so they cannot be destroyed.
const unanswered = new WeakMap<WeakKey, Map<string, Aborted>>()

/**
 * Lends a client to `use`, and settles as `use` does. If the run is aborted, it rejects at once with the reason of the signal. Errors of a
 * driver are replaced by those of `explain`.
 *
 * After an abort, a client of the app may still work on the request. The next run waits for the answer before it asks, so that no queue
 * grows. A connection of the checks is destroyed instead.
 *
 * @throws HealthCheckError (E007) if the client is missing, or is of another kind.
 */
export async function withClient<Client, T, Driver = unknown> (
  context: CheckContext,
  source: ClientOfApp<Client> | OwnConnection<Client, Driver>,
  use: (client: Client) => T | Promise<T>,
  signal: Interruption = interruptionOf(context)
): Promise<T> {
  try {
    return 'client' in source ? await withClientOfApp(context, source, use, signal) : await withOwn(context, source, use, signal)
  } catch (error) {
    throw unavailable(error)
  }
}

/** Returns whether a value is an object with these methods. */
export function hasMethods (value: unknown, ...names: string[]): boolean {
  return typeof value === 'object' && value !== null && names.every(name => typeof (value as Record<string, unknown>)[name] === 'function')
}

/** The rule for a `client` option of this kind. */
export function clientRule ({ takes, fits }: ClientKind = anyObject): OptionRule {
  return ofApp(takes, fits)
}

/** Lists what is missing if the app has no such client (E007). */
export async function clientRequirements<Client> (
  context: RequirementsContext,
  { client, kind }: ClientOfApp<Client>
): Promise<Requirement[]> {
  const found = await findClient<Client>(context, client, kind)
  return found.missing === undefined ? [] : [found.missing]
}

/** A client of the app, or the requirement that is not met. */
export type FoundClient<Client> =
  | { readonly client: Client, readonly missing?: undefined }
  | { readonly client?: undefined, readonly missing: Requirement }

/**
 * Looks for a client of the app. A decorator may be given by its path, since a name may contain a dot. Only a function of the app makes
 * this wait.
 */
export function findClient<Client> (
  context: Pick<RequirementsContext, 'app'>,
  client: ClientOption<Client> | readonly string[],
  kind = anyObject
): FoundClient<Client> | Promise<FoundClient<Client>> {
  if (kind.fits(client)) return { client: client as Client }
  // `app` is read here, so that a missing app is reported as such.
  if (typeof client === 'function') return returnedClient(client as (app: FastifyInstance) => unknown, context.app, kind)
  const path = Array.isArray(client) ? client as readonly string[] : String(client).split('.')
  return fitting(decorated(context.app, path), `app.${path.join('.')}`, kind)
}

async function returnedClient<Client> (
  client: (app: FastifyInstance) => unknown,
  app: FastifyInstance,
  kind: ClientKind
): Promise<FoundClient<Client>> {
  const { option = 'client', hint } = kind
  let found: unknown
  try {
    found = await client(app)
  } catch (error) {
    return { missing: { message: `\`${option}\` threw when it was called with the app: ${redactBriefly(String(error))}`, hint } }
  }
  return fitting(found, `what \`${option}\` returned for the app`, kind)
}

function fitting<Client> (found: unknown, place: string, { takes, fits, hint }: ClientKind): FoundClient<Client> {
  if (fits(found)) return { client: found as Client }
  return {
    missing: {
      message: found === undefined || found === null ? `${place} is not there` : `${place} is ${kindInWords(found)}, and not ${takes}`,
      hint,
    }
  }
}

/** Waits for a client until the signal is aborted. */
export async function untilFound<Client> (
  found: FoundClient<Client> | Promise<FoundClient<Client>>,
  signal: Interruption
): Promise<FoundClient<Client>> {
  signal.throwIfAborted()
  return found instanceof Promise ? await abortable(found, signal) : found
}

function kindInWords (value: {}): string {
  if (typeof value !== 'object') return `a ${typeof value}`
  const name = (value.constructor as { name: string } | undefined)?.name
  return name === undefined || name === 'Object' ? 'an object' : `an instance of ${name}`
}

async function withClientOfApp<Client, T> (
  context: CheckContext,
  source: ClientOfApp<Client>,
  use: (client: Client) => T | Promise<T>,
  signal: Interruption
): Promise<T> {
  const { client, missing } = await untilFound(findClient<Client>(context, source.client, source.kind), signal)
  if (missing !== undefined) throw lacking([missing])
  const runs = abortedRunsOf(client)
  const { part = '' } = source
  const earlier = runs.get(part)
  if (earlier !== undefined && clockOf(context).now() - earlier.since < lostAfter) await abortable(earlier.answered, signal)
  const work = (async () => {
    try {
      return await use(client)
    } catch (error) {
      // The connection may have been lost while it was idle, and only this request noticed. A probe may be repeated, so it asks again.
      if (signal.aborted || wordsFor(error) !== 'connection lost') throw error
      return await use(client)
    }
  })()
  return await abortable(work, signal, () => {
    const answered = work.then(() => {}, () => {}).finally(() => { if (runs.get(part) === aborted) runs.delete(part) })
    const aborted: Aborted = { answered, since: clockOf(context).now() }
    runs.set(part, aborted)
  })
}

function abortedRunsOf (client: unknown): Map<string, Aborted> {
  const key = identityOf(client)
  const known = unanswered.get(key)
  if (known !== undefined) return known
  const runs = new Map<string, Aborted>()
  unanswered.set(key, runs)
  return runs
}

/**
 * Returns an object that is the same in all runs. Each run gets a copy of a client that is a plain object, but the methods are the same.
 */
export function identityOf (client: unknown): WeakKey {
  if (!isPlain(client)) return client as WeakKey
  return Object.values(client).find(value => typeof value === 'function') ?? client
}

async function withOwn<Client, T, Driver> (
  context: CheckContext,
  { key, load, connect }: OwnConnection<Client, Driver>,
  use: (client: Client) => T | Promise<T>,
  signal: Interruption
): Promise<T> {
  const shared = await context.resources.get(key, async () => {
    const driver = await load?.() as Driver
    return new SharedConnection(() => connect(driver))
  }, shared => shared.close())
  return await shared.use(signal, async client => await use(client))
}
