import type { Redis } from 'ioredis'
import type { CheckContext, Requirement, RequirementsContext } from '../../types/check.js'
import type { RedisSource } from '../../types/sources.js'
import { abortable, pause } from '../time/abortable.js'
import { unavailable, wordsFor } from './driver-errors.js'
import { lacking, ServiceUnavailable } from '../errors.js'
import { redisUrl, text } from '../values/rules.js'
import { interruptionOf, type Interruption } from '../time/stop-signal.js'
import { SharedConnection, type Connection } from './shared-connection.js'
import { needsDriver, withoutDriver } from './requirements.js'
import { clientRule, findClient, type ClientKind, type ClientOption, type FoundClient } from './client.js'

const driver = async () => await import('ioredis').catch(withoutDriver('ioredis'))

/** The kind of client that checks take which use ioredis. */
export const ioredisKind: ClientKind = {
  takes: 'a client of ioredis',
  fits: isIORedis,
  hint: "Register it: app.register(import('@fastify/redis')), or give the check a `url`.",
}

export const redisRules = {
  namespace: text(),
  url: redisUrl(),
  client: clientRule(ioredisKind),
}

export async function redisRequirements (source: RedisSource<object>, context: RequirementsContext, kind = ioredisKind): Promise<Requirement[]> {
  const misgiven = faultOf(source)
  if (misgiven !== undefined) return [misgiven]
  if (source.url !== undefined) return await needsDriver('ioredis', driver)
  const { missing } = await clientOfApp(source, context, kind)
  return missing === undefined ? [] : [missing]
}

/**
 * Lends a client that is connected to `use`. ioredis queues commands while it is offline: none is sent before it is ready, and
 * where one of an earlier run is still unanswered, none is added to it.
 */
export async function withRedis<T> (context: CheckContext, source: RedisSource, use: (client: Redis) => Promise<T>): Promise<T> {
  return await withAnyRedis<Redis, T>(context, source, ioredisKind, async client => await withIORedis(context, client, use), use)
}

/** Asks a client of the app of that kind by `ofApp`, and a connection of the check's own by `own`. */
export async function withAnyRedis<Client, T> (
  context: CheckContext,
  source: RedisSource<object>,
  kind: ClientKind,
  ofApp: (client: Client) => Promise<T>,
  own: (client: Redis) => Promise<T>
): Promise<T> {
  try {
    const misgiven = faultOf(source)
    if (misgiven !== undefined) throw lacking([misgiven])
    if (source.url !== undefined) return await withOwn(context, source.url, own)
    const { client, missing } = await abortable(clientOfApp<Client>(source, context, kind), interruptionOf(context))
    if (missing !== undefined) throw lacking([missing])
    return await ofApp(client)
  } catch (error) {
    throw unavailable(error)
  }
}

/** The client of the app that is asked. */
export async function clientOfApp<Client = Redis> (
  { client, namespace }: RedisSource<object>,
  context: Pick<RequirementsContext, 'app'>,
  kind = ioredisKind
): Promise<FoundClient<Client>> {
  if (client !== undefined) return await findClient<Client>(context, client as ClientOption<Client>, kind)
  if (namespace === undefined) return await findClient<Client>(context, ['redis'], kind)
  return await findClient<Client>(context, ['redis', namespace], {
    ...kind,
    hint: `Register it: app.register(import('@fastify/redis'), { namespace: '${namespace}', … }), or give the check a \`url\`.`,
  })
}

export function isIORedis (value: unknown): value is Redis {
  return typeof value === 'object' && value !== null && 'status' in value && typeof value.status === 'string'
}

function faultOf (source: RedisSource<object>): Requirement | undefined {
  const given = (['client', 'namespace', 'url'] as const).filter(option => source[option] !== undefined)
  if (given.length < 2) return undefined
  return {
    message: `${given.length === 2 ? 'both ' : ''}${given.map(option => `\`${option}\``).join(' and ')} are given`,
    hint: 'Give one of them: `client` for a client of the app, `namespace` for one of @fastify/redis, or `url` for a connection of its own.',
  }
}

// A connection of our own makes one try and has no queue. It sends no INFO before the first command, whose answer says as much, and it
// does not wait long for a goodbye.
const oneTry = {
  lazyConnect: true,
  enableOfflineQueue: false,
  enableReadyCheck: false,
  retryStrategy: () => null,
  maxRetriesPerRequest: 0,
  connectTimeout: 0,
  disconnectTimeout: 100,
  // The answers to what ioredis says of itself would be swallowed, a refusal to take more clients included.
  disableClientInfo: true,
}

async function withOwn<T> (context: CheckContext, url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const shared = await context.resources.get(`redis ${url}`, async () => {
    const { Redis } = await driver()
    return new SharedConnection(() => connectionOf(new Redis(url, oneTry)))
  }, shared => shared.close())
  return await shared.use(interruptionOf(context), use)
}

// Milliseconds that a farewell may take. A server that hangs gets none.
const farewellTime = 400

/** Makes one connection, lends it to `use` and ends it, in a short time: for what is removed when the connection of the runs is gone. */
export async function overNewConnection (url: string, use: (client: Redis) => Promise<unknown>): Promise<void> {
  const { Redis } = await driver()
  const client = new Redis(url, oneTry)
  const late = setTimeout(() => client.disconnect(), farewellTime)
  try {
    await connect(client)
    await use(client)
  } finally {
    clearTimeout(late)
    client.disconnect()
  }
}

function connectionOf (client: Redis): Connection<Redis> {
  return {
    connected: connect(client).then(() => client),
    isLost: failure => client.status === 'end' || wordsFor(failure) === 'connection lost',
    destroy: () => client.disconnect(),
  }
}

// connect() rejects with "Connection is closed." only; what was wrong comes as an event. That the database was refused is no more
// than an event, after which ioredis goes on in database 0.
async function connect (client: Redis): Promise<void> {
  let reason: Error | undefined
  client.on('error', error => { reason ??= error })
  const { db = 0 } = client.options
  try {
    await client.connect()
    if (db !== 0) await client.select(db)
  } catch (error) {
    throw reason ?? error
  }
}

// The unanswered commands of runs that were given up. The client belongs to the app, so it could not be destroyed.
const unanswered = new WeakMap<Redis, Promise<void>>()

const connectionLost = Symbol('connection lost')

/** Lends a client of ioredis that belongs to the app. */
export async function withIORedis<T> (context: CheckContext, client: Redis, use: (client: Redis) => Promise<T>): Promise<T> {
  if (client.status !== 'ready' || unanswered.has(client)) await free(client, context)
  const work = use(client)
  try {
    return await answered(client, context, work)
  } catch (error) {
    if (interruptionOf(context).aborted) remember(client, work)
    throw error
  }
}

/** Resolves once the client is connected, and has answered everything that earlier runs asked it. */
async function free (client: Redis, context: CheckContext): Promise<void> {
  for (;;) {
    const earlier = unanswered.get(client)
    if (client.status !== 'ready') await ready(client, context)
    else if (earlier !== undefined) await abortable(earlier, interruptionOf(context))
    else return
  }
}

function remember (client: Redis, work: Promise<unknown>): void {
  const all = Promise.allSettled([unanswered.get(client), work]).then(() => {
    if (unanswered.get(client) === all) unanswered.delete(client)
  })
  unanswered.set(client, all)
}

const waiters = new WeakMap<Redis, Waiters>()

/** The runs that are told when a client closes. Node.js takes more than ten listeners of one event for a leak. */
class Waiters {
  readonly #client: Redis
  readonly #waiting = new Set<() => void>()
  readonly #tell = () => { for (const tell of this.#waiting) tell() }

  constructor (client: Redis) {
    this.#client = client
  }

  add (tell: () => void): this {
    if (this.#waiting.size === 0) this.#client.on('close', this.#tell)
    this.#waiting.add(tell)
    return this
  }

  delete (tell: () => void): void {
    this.#waiting.delete(tell)
    if (this.#waiting.size === 0) this.#client.off('close', this.#tell)
  }
}

function waitingFor (client: Redis): Waiters {
  const known = waiters.get(client) ?? new Waiters(client)
  waiters.set(client, known)
  return known
}

/** Settles as `work` does. If the connection is lost, ioredis keeps its commands for the next connection, which may never come. */
async function answered<T> (client: Redis, context: CheckContext, work: Promise<T>): Promise<T> {
  for (;;) {
    let onClose!: () => void
    const settled = new Promise<T | typeof connectionLost>((resolve, reject) => {
      onClose = () => resolve(connectionLost)
      work.then(resolve, reject)
    })
    const waiting = waitingFor(client).add(onClose)
    try {
      const answer = await abortable(settled, interruptionOf(context))
      if (answer !== connectionLost) return answer
    } finally {
      waiting.delete(onClose)
    }
    await ready(client, context)
  }
}

/** Resolves once the app's own client is connected; rejects as soon as it is known why it cannot be. */
async function ready (client: Redis, context: CheckContext): Promise<void> {
  const signal = interruptionOf(context)
  // The run ends a little before its time is over, to say why.
  const end = performance.now() + context.timeout * 0.9
  if (client.status !== 'end' && !client.isCluster) await scout(client, signal)
  let reason: unknown
  // A cluster tells that none of its nodes could be reached.
  const onError = (error: unknown) => { if (client.isCluster) reason ??= error }
  client.on('error', onError)
  try {
    if (client.status === 'wait') client.connect().catch(() => {})
    while (client.status !== 'ready') {
      if (client.status === 'end') throw new ServiceUnavailable('client is closed')
      if (reason !== undefined) throw reason
      if (performance.now() >= end) throw new ServiceUnavailable('client is not connected')
      await pause(10, signal)
    }
  } finally {
    client.off('error', onError)
  }
}

// The app's client waits between its tries to reconnect, so a connection made on the side says sooner what is wrong.
async function scout (client: Redis, signal: Interruption): Promise<void> {
  const side = client.duplicate(oneTry)
  try {
    await abortable(connect(side).then(async () => await side.ping()), signal)
  } finally {
    side.disconnect()
  }
}
