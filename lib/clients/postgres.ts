import type { Pool, PoolClient } from 'pg'
import type { CheckContext, OptionRules, Requirement, RequirementsContext } from '../../types/check.js'
import type { PostgresSource } from '../../types/sources.js'
import { abortable, pause } from '../time/abortable.js'
import { clientRequirements, clientRule, withClient, type ClientKind, type OwnConnection } from './client.js'
import { unavailable, wordsFor } from './driver-errors.js'
import { postgresUrl, targetOf, type Target } from './postgres-hosts.js'
import { connectionTo, refuseStrangers, streamOf, type PostgresClient } from './postgres-own.js'
import { lacking, ServiceUnavailable, ServiceWarning } from '../errors.js'
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

/** The way in which a check asks. */
interface Asking {
  /** Checks with the same one share a connection of their own. One that waits for a lock holds up none of another. */
  readonly purpose?: string
  /** It is called with a warning if `whenExhausted` is `warn`. */
  readonly warn?: (warning: ServiceWarning) => void
}

/**
 * Lends a connection to `use`. Nothing is left behind once the signal is aborted: no client checked out, no request waiting in
 * the pool's queue, no socket that hangs. A query is ended by the server itself where it is asked by `rowsOf`.
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

// Milliseconds by which the server is later than the run, which says more of its time.
const afterwards = 250

/**
 * The rows of one query. The server itself ends it soon after the run's time is over: one that waits for a lock would go on after its client
 * has left. The limit is that of an implicit transaction, so that it stays with nobody's connection, behind pgbouncer neither.
 */
export async function rowsOf<Row extends object> (client: PostgresClient, { timeout }: Pick<CheckContext, 'timeout'>, query: string): Promise<Row[]> {
  const answers = await client.query(`SET LOCAL statement_timeout = ${Math.min(Math.ceil(timeout) + afterwards, longestTimer)}; ${query}`) as unknown as ReadonlyArray<{ rows: Row[] }>
  return (answers.at(-1) as { rows: Row[] }).rows
}

const turns = new WeakMap<PostgresClient, Promise<unknown>>()

/** One after another: pg gives up taking queries while another one is under way. */
function inTurn<T> (context: CheckContext, use: (client: PostgresClient) => Promise<T>) {
  return async (client: PostgresClient): Promise<T> => {
    const before = turns.get(client)
    const turn = (async () => {
      await before
      interruptionOf(context).throwIfAborted()
      return await use(client)
    })()
    turns.set(client, turn.catch(() => {}))
    return await turn
  }
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

async function withPool<T> (pool: Pool, context: CheckContext, source: PostgresSource, use: (client: PostgresClient) => Promise<T>, asking: Asking): Promise<T> {
  const { whenExhausted = 'fail' } = source
  try {
    // The other ways need time for a connection of their own.
    return await withLent(pool, context, context.timeout * (whenExhausted === 'fail' ? 0.9 : 0.25), use)
  } catch (error) {
    if (whenExhausted === 'fail' || !(error instanceof PoolExhausted)) throw error
    const answer = await withClient(context, ownLike(pool, context, asking), inTurn(context, use))
    if (whenExhausted === 'warn') asking.warn?.(new ServiceWarning('connection pool exhausted; the database answers', { cause: error }))
    return answer
  }
}

class PoolExhausted extends ServiceUnavailable {
  constructor () {
    super('connection pool exhausted')
  }
}

const numbers = new WeakMap<Pool, number>()
let pools = 0

/** One connection made as the pool makes its own. */
function ownLike (pool: Pool, { timeout }: CheckContext, { purpose = 'asks' }: Asking): OwnConnection<PostgresClient> {
  const number = numbers.get(pool) ?? ++pools
  numbers.set(pool, number)
  const { Client, options } = pool as Pool & { readonly Client: Driver['default']['Client'], readonly options: Pool['options'] & { readonly password?: string } }
  return {
    key: `postgres ${purpose} of pool ${number}`,
    // The password is there, and hidden from what copies the options.
    connect: () => connectionTo({
      hosts: [() => new Client({ fallback_application_name: 'fastify-health', ...options, ...(options.password === undefined ? {} : { password: options.password }) })],
      attributes: 'any',
      patience: timeout,
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
      // It may have been lost while it was idle, and that be noticed only now. What a probe asks can be asked twice.
      if (isNew || signal.aborted || wordsFor(error) !== 'connection lost') throw error
    } finally {
      trafficOf(pool).runs--
    }
  }
}

/** The pool of what @fastify/postgres decorates an app with, or the pool itself. */
function poolOf (value: unknown): {} {
  const found = typeof value === 'object' && value !== null && 'pool' in value && isPool(value.pool) ? value.pool : value
  return found ?? {}
}

function isPool (value: unknown): value is Pool {
  return typeof value === 'object' && value !== null && 'connect' in value && typeof value.connect === 'function'
}

// A pool to whose errors nobody listens ends the process when the server closes an idle connection, and probes leave one behind
// in it. The loss shows in the next run.
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
  // Given up before the run's time is over, so that it can say why.
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

function isExhausted ({ waitingCount, idleCount, totalCount, options }: Pool): boolean {
  return waitingCount > 0 || (idleCount === 0 && totalCount >= options.max)
}

// A pool that is only busy may be full whenever it is looked at: once it is seen to take clients back, a run gets in line, behind the
// requests of the app, and one run at a time. One that takes none back is exhausted.
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
      // The pool offers no way to give up a connection that is being made, and would wait for it for ever. Nor does it listen to
      // one that is held up by its `verify`.
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
    // Destroyed, not only released: a goodbye to a server that hangs leaves the socket open.
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
