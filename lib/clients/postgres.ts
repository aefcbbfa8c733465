import type { Pool, PoolClient } from 'pg'
import type { CheckContext, OptionRules, Requirement, RequirementsContext } from '../../types/check.js'
import type { PostgresSource } from '../../types/sources.js'
import { abortable, pause } from '../time/abortable.js'
import { inTurn } from './in-turn.js'
import { numberOf, orPast, patienceOf, PoolExhausted } from './pool-of-app.js'
import { clientRequirements, clientRule, withClient, type ClientKind, type OwnConnection } from './client.js'
import { unavailable, wordsFor } from './driver-errors.js'
import { postgresUrl, targetOf, type Target } from './postgres-hosts.js'
import { connectionTo, refuseStrangers, streamOf, type PostgresClient } from './postgres-own.js'
import { lacking, type ServiceWarning } from '../errors.js'
import { longestTimer, oneOf, text } from '../values/rules.js'
import { interruptionOf, StopSignal, type Interruption } from '../time/stop-signal.js'
import { decorated, needsDriver, withoutDriver } from './requirements.js'

const driver = async () => await import('pg').catch(withoutDriver('pg'))

const kind: ClientKind = {
  takes: 'a pool of pg',
  fits: value => isPool(poolOf(value)) && 'totalCount' in poolOf(value),
  hint: "Decorate it: app.decorate('db', new pg.Pool(…)), or give the check a `connectionString`.",
}

export const postgresRules = {
  name: text(),
  client: clientRule(kind),
  connectionString: postgresUrl(),
  whenExhausted: oneOf(['fail', 'warn', 'pass']),
} satisfies OptionRules

export async function postgresRequirements (source: PostgresSource, context: RequirementsContext): Promise<Requirement[]> {
  const { name, client, connectionString } = source
  const misgiven = faultOf(source)
  if (misgiven !== undefined) return [misgiven]
  if (connectionString !== undefined) return await needsDriver('pg', driver)
  if (client !== undefined) return await clientRequirements(context, { client, kind })
  const path = decoratorPath(source)
  if (isPool(decorated(context.app, [...path, 'pool']))) return []
  const options = name === undefined ? '' : `, { name: '${name}', … }`
  return [{
    message: `app.${path.join('.')} is not there`,
    hint: `Register it: app.register(import('@fastify/postgres')${options}), or give the check a \`connectionString\`.`,
  }]
}

function faultOf ({ name, client, connectionString, whenExhausted }: PostgresSource): Requirement | undefined {
  const given = Object.entries({ name, client, connectionString }).filter(([, value]) => value !== undefined).map(([option]) => `\`${option}\``)
  if (given.length > 1) {
    return {
      message: `${given.length === 2 ? 'both ' : ''}${given.join(' and ')} are given`,
      hint: 'Give `name` for a pool of @fastify/postgres, `client` for another pool of the app, or `connectionString` for a connection of its own.',
    }
  }
  if (connectionString === undefined || whenExhausted === undefined) return undefined
  return {
    message: 'both `connectionString` and `whenExhausted` are given',
    hint: 'Leave `whenExhausted` out: a connection of its own is never exhausted.',
  }
}

/** Details of how a check asks. */
interface Asking {
  /** Checks with the same purpose share a connection. A check that waits for a lock delays only the checks of its purpose. */
  readonly purpose?: string
  /** The function receives a warning if `whenExhausted` is `warn`. */
  readonly warn?: (warning: ServiceWarning) => void
}

/**
 * Lends a connection to `use`. After an abort, no client stays checked out, no request stays in the queue of the pool, and no socket stays
 * open. The server itself ends the queries of `rowsOf`.
 */
export async function withPostgres<T> (context: CheckContext, source: PostgresSource, use: (client: PostgresClient) => Promise<T>, asking: Asking = {}): Promise<T> {
  const { client, connectionString } = source
  const misgiven = faultOf(source)
  if (misgiven !== undefined) throw lacking([misgiven])
  try {
    if (connectionString !== undefined) return await withClient(context, own(connectionString, context, asking), inTurn(context, use))
    const ask = async (found: unknown) => await withPool(surviving(poolOf(found) as Pool), context, source, use, asking)
    if (client !== undefined) return await withClient<unknown, T>(context, { client, kind }, ask)
    const pool = decorated(context.app, [...decoratorPath(source), 'pool'])
    if (!isPool(pool)) throw lacking(await postgresRequirements(source, context))
    return await ask(pool)
  } catch (error) {
    throw unavailable(error)
  }
}

// The server ends a query this many milliseconds after the run, since the error of the run says more about the time.
const afterwards = 250

/**
 * Returns the rows of one query. The server ends the query soon after the time of the run, since a query that waits for a lock would
 * continue without its client. `SET LOCAL` limits only this implicit transaction, so no connection keeps the limit, even with pgbouncer.
 */
export async function rowsOf<Row extends object> (client: PostgresClient, { timeout }: Pick<CheckContext, 'timeout'>, query: string): Promise<Row[]> {
  const answers = await client.query(`SET LOCAL statement_timeout = ${Math.min(Math.ceil(timeout) + afterwards, longestTimer)}; ${query}`) as unknown as ReadonlyArray<{ rows: Row[] }>
  return (answers.at(-1) as { rows: Row[] }).rows
}

type Driver = Awaited<ReturnType<typeof driver>>

function own (connectionString: string, { timeout }: CheckContext, { purpose = 'asks' }: Asking): OwnConnection<PostgresClient, Driver> {
  const { urls, attributes } = targetOf(connectionString) as Target
  return {
    key: `postgres ${purpose} ${connectionString}`,
    load: driver,
    connect: ({ default: pg }) => connectionTo({
      hosts: urls.map(connectionString => () => new pg.Client({ connectionString, fallback_application_name: 'fastify-health' })),
      attributes,
      patience: timeout * 0.9,
    }),
  }
}

async function withPool<T> (pool: Pool, context: CheckContext, { whenExhausted }: PostgresSource, use: (client: PostgresClient) => Promise<T>, { purpose, warn }: Asking): Promise<T> {
  const ask = async () => await withLent(pool, context, patienceOf(context, whenExhausted), use)
  return await orPast(context, { whenExhausted, warn, own: ownLike(pool, purpose) }, ask, use)
}

/** Describes one connection with the options of a pool. */
export function ownLike (pool: Pool, purpose = 'asks'): OwnConnection<PostgresClient> {
  const { Client, options } = pool as Pool & { readonly Client: Driver['default']['Client'], readonly options: Pool['options'] & { readonly password?: string } }
  return {
    key: `postgres ${purpose} of pool ${numberOf(pool)}`,
    // The options have the password as a hidden property, which a spread does not copy.
    connect: () => connectionTo({
      hosts: [() => new Client({ fallback_application_name: 'fastify-health', ...options, ...(options.password === undefined ? {} : { password: options.password }) })],
      attributes: 'any',
      patience: longestTimer,
    }),
  }
}

async function withLent<T> (pool: Pool, context: CheckContext, patience: number, use: (client: PoolClient) => Promise<T>): Promise<T> {
  const signal = interruptionOf(context)
  for (;;) {
    const { client, isNew } = await checkOut(pool, signal, patience)
    try {
      return await useClient(client, signal, use)
    } catch (error) {
      // The connection may have been lost while it was idle, and only this request noticed. A probe may be repeated, so it asks again.
      if (isNew || signal.aborted || wordsFor(error) !== 'connection lost') throw error
    } finally {
      trafficOf(pool).runs--
    }
  }
}

/** Returns the pool of the decorator of @fastify/postgres, or the value itself. */
function poolOf (value: unknown): {} {
  const found = typeof value === 'object' && value !== null && 'pool' in value && isPool(value.pool) ? value.pool : value
  return found ?? {}
}

function isPool (value: unknown): value is Pool {
  return typeof value === 'object' && value !== null && 'connect' in value && typeof value.connect === 'function'
}

// Probes leave an idle connection in the pool. If the server closes it, a pool without a listener for errors would end the process. The
// next run notices the loss.
function surviving (pool: Pool): Pool {
  if (pool.listenerCount('error') === 0) pool.on('error', () => {})
  return pool
}

function decoratorPath ({ name }: PostgresSource): string[] {
  return name === undefined ? ['pg'] : ['pg', name]
}

async function checkOut (pool: Pool, signal: Interruption, wait: number): Promise<CheckedOut> {
  if (!isExhausted(pool)) return await take(pool, signal)
  signal.throwIfAborted()
  const patience = new StopSignal()
  const onStop = () => patience.abort(signal.reason)
  signal.addEventListener('abort', onStop, { once: true })
  // The wait ends before the time of the run is over, so that the run can say why.
  const late = setTimeout(() => patience.abort(new PoolExhausted()), wait)
  try {
    await room(pool, patience)
    return await take(pool, isExhausted(pool) ? patience : signal)
  } finally {
    clearTimeout(late)
    signal.removeEventListener('abort', onStop)
  }
}

interface CheckedOut {
  readonly client: PoolClient
  readonly isNew: boolean
}

export function isExhausted ({ waitingCount, idleCount, totalCount, options }: Pool): boolean {
  return waitingCount > 0 || (idleCount === 0 && totalCount >= options.max)
}

// A busy pool may be full at every look. When a client returns to the pool, one run at a time joins its queue, behind the requests of the
// app. If no client returns, the pool is exhausted.
async function room (pool: Pool, signal: Interruption): Promise<void> {
  const traffic = trafficOf(pool)
  const { releases } = traffic
  while (isExhausted(pool) && (traffic.releases === releases || traffic.runs > 0)) await pause(10, signal)
}

interface Traffic {
  /** The number of times that a client was given back to the pool. */
  releases: number
  /** The number of runs that have a client or wait for one. */
  runs: number
}

const traffics = new WeakMap<Pool, Traffic>()

function trafficOf (pool: Pool): Traffic {
  const known = traffics.get(pool)
  if (known !== undefined) return known
  const traffic = { releases: 0, runs: 0 }
  traffics.set(pool, traffic)
  pool.on('release', () => { traffic.releases++ })
  return traffic
}

async function take (pool: Pool, signal: Interruption): Promise<CheckedOut> {
  const { totalCount, waitingCount } = pool
  const connecting = pool.connect()
  const created = pool.totalCount > totalCount ? clientsOf(pool).at(-1) : undefined
  const request = pool.waitingCount > waitingCount ? requestsOf(pool).at(-1) : undefined
  if (created !== undefined) refuseStrangers(created)
  const traffic = trafficOf(pool)
  traffic.runs++
  try {
    const client = await abortable(connecting, signal, () => {
      withdraw(pool, request)
      // The pool cannot give up a connection that it is making, and would wait for ever. It also does not listen for errors of a client
      // during its `verify`.
      created?.on('error', () => {})
      streamOf(created)?.destroy()
      connecting.then(client => client.release(true), () => {})
    })
    return { client, isNew: created !== undefined }
  } catch (error) {
    traffic.runs--
    // The pool forgets such a client, but does not close its socket.
    streamOf(created)?.destroy()
    throw error
  }
}

async function useClient<T> (client: PoolClient, signal: Interruption, use: (client: PoolClient) => Promise<T>): Promise<T> {
  let failure: Error | undefined
  // Without a listener, the loss of a connection that is checked out would end the process.
  const onError = (error: Error) => { failure = error }
  client.on('error', onError)
  try {
    // The socket is destroyed, since a goodbye to a server that hangs would leave it open.
    const answer = await abortable(use(client), signal, () => streamOf(client)?.destroy())
    client.off('error', onError)
    client.release()
    return answer
  } catch (error) {
    // A destroyed socket may still report an error, so the listener stays.
    client.release(true)
    throw failure ?? error
  }
}

// The members below are not public in pg.

interface Client {
  on (event: 'error', listener: () => void): unknown
}

function clientsOf (pool: Pool): readonly Client[] {
  return (pool as unknown as { readonly _clients: readonly Client[] })._clients
}

/** Takes back a request that the pool has not served. */
function withdraw (pool: Pool, request: unknown): void {
  const requests = requestsOf(pool)
  if (requests.includes(request)) requests.splice(requests.indexOf(request), 1)
}

function requestsOf (pool: Pool): unknown[] {
  return (pool as unknown as { readonly _pendingQueue: unknown[] })._pendingQueue
}
