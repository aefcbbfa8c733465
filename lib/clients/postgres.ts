import type { Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import type { Pool, PoolClient } from 'pg'
import type { CheckContext, Requirement, RequirementsContext } from '../../types/check.js'
import type { PostgresSource } from '../../types/sources.js'
import { abortable, pause } from '../time/abortable.js'
import { unavailable, wordsFor } from './driver-errors.js'
import { lacking, ServiceUnavailable } from '../errors.js'
import { text, url } from '../values/rules.js'
import { interruptionOf, StopSignal, type Interruption } from '../time/stop-signal.js'
import { decorated, needsDriver, withoutDriver } from './requirements.js'

const driver = async () => await import('pg').catch(withoutDriver('pg'))

export const postgresRules = {
  name: text(),
  connectionString: url(['postgres', 'postgresql']),
}

export async function postgresRequirements (source: PostgresSource, context: RequirementsContext): Promise<Requirement[]> {
  const { name, connectionString } = source
  if (connectionString !== undefined) {
    if (name === undefined) return await needsDriver('pg', driver)
    return [{ message: 'both `name` and `connectionString` are given', hint: 'Give `name` for a pool of @fastify/postgres, or `connectionString` for a connection of its own.' }]
  }
  const path = decoratorPath(source)
  if (isPool(decorated(context.app, [...path, 'pool']))) return []
  const options = name === undefined ? '' : `, { name: '${name}', … }`
  return [{
    message: `app.${path.join('.')} is not there`,
    hint: `Register it: app.register(import('@fastify/postgres')${options}), or give the check a \`connectionString\`.`,
  }]
}

/**
 * Lends a connection to `use`. Nothing is left behind once the signal is aborted: no client checked out, no request waiting in
 * the pool's queue, no socket that hangs.
 */
export async function withPostgres<T> (context: CheckContext, source: PostgresSource, use: (client: PoolClient) => Promise<T>): Promise<T> {
  const signal = interruptionOf(context)
  try {
    const pool = decoratedPool(context, source) ?? await ownPool(context, source)
    for (;;) {
      const { client, isNew } = await checkOut(pool, context)
      try {
        return await useClient(client, signal, use)
      } catch (error) {
        // It may have been lost while it was idle, and that be noticed only now. What a probe asks can be asked twice.
        if (isNew || signal.aborted || wordsFor(error) !== 'connection lost') throw error
      } finally {
        trafficOf(pool).runs--
      }
    }
  } catch (error) {
    throw unavailable(error)
  }
}

function decoratedPool (context: CheckContext, source: PostgresSource): Pool | undefined {
  if (source.connectionString !== undefined) return undefined
  const pool = decorated(context.app, [...decoratorPath(source), 'pool'])
  return isPool(pool) ? surviving(pool) : undefined
}

async function ownPool (context: CheckContext, source: PostgresSource): Promise<Pool> {
  const { name, connectionString } = source
  if (connectionString === undefined || name !== undefined) throw lacking(await postgresRequirements(source, context))
  return await context.resources.get(`postgres ${connectionString}`, async () => {
    const { default: pg } = await driver()
    return surviving(new pg.Pool({ connectionString, fallback_application_name: 'fastify-health', max: 2, idleTimeoutMillis: 60_000, allowExitOnIdle: true }))
  }, close)
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

async function checkOut (pool: Pool, context: CheckContext): Promise<CheckedOut> {
  const signal = interruptionOf(context)
  if (!isExhausted(pool)) return await take(pool, signal)
  signal.throwIfAborted()
  const patience = new StopSignal()
  const onStop = () => patience.abort(signal.reason)
  signal.addEventListener('abort', onStop, { once: true })
  // Given up a little before the run's time is over, so that it can say why.
  const late = setTimeout(() => patience.abort(new ServiceUnavailable('connection pool exhausted')), context.timeout * 0.9)
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
  /** How often a client was given back, by whomever. */
  releases: number
  /** How many runs have a client, or are to get one. */
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
    // What is destroyed may still report an error of its own, so the listener stays.
    client.release(true)
    throw failure ?? error
  }
}

// The pool forgets its clients without waiting for their goodbyes, which a server that hangs does not hear.
async function close (pool: Pool): Promise<void> {
  const streams = clientsOf(pool).map(streamOf) as Socket[]
  const late = setTimeout(() => { for (const stream of streams) stream.destroy() }, 250)
  await Promise.allSettled([pool.end(), ...streams.map(async stream => await finished(stream))])
  clearTimeout(late)
}

// What follows is not public in pg.

interface Client {
  on (event: 'error', listener: () => void): unknown
  /** The native client has none. */
  readonly connection?: { readonly stream: Socket }
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

function streamOf (client: Client | PoolClient | undefined): Socket | undefined {
  return (client as Client | undefined)?.connection?.stream
}
