import type { Pool, PoolClient } from 'pg'
import { PoolExhausted } from './pool-of-app.js'
import { wordsFor } from './driver-errors.js'
import { refuseStrangers, streamOf } from './postgres-own.js'
import { abortable, pause } from '../time/abortable.js'
import { follow, interruptionOf, type Interruption } from '../time/stop-signal.js'
import type { CheckContext } from '../../types/check.js'

/** Returns the pool of the decorator of @fastify/postgres, or the value itself. */
export function postgresPoolOf (value: unknown): {} {
  const found = typeof value === 'object' && value !== null && 'pool' in value && isPool(value.pool) ? value.pool : value
  return found ?? {}
}

export function isPool (value: unknown): value is Pool {
  return typeof value === 'object' && value !== null && 'connect' in value && typeof value.connect === 'function'
}

/**
 * Returns the pool, which has a listener for errors now. Probes leave an idle connection in the pool. If the server closes it, a pool
 * without a listener for errors would end the process. The next run notices the loss.
 */
export function surviving (pool: Pool): Pool {
  if (pool.listenerCount('error') === 0) pool.on('error', () => {})
  return pool
}

/** Lends a client of the pool to `use`. The run waits at most `patience` milliseconds for a client of an exhausted pool. */
export async function withLent<T> (
  pool: Pool,
  context: CheckContext,
  patience: number,
  use: (client: PoolClient) => Promise<T>
): Promise<T> {
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

async function checkOut (pool: Pool, signal: Interruption, wait: number): Promise<CheckedOut> {
  if (!isExhausted(pool)) return await takeClient(pool, signal)
  const { follower: patience, unfollow } = follow(signal)
  // The wait ends before the time of the run is over, so that the run can say why.
  const late = setTimeout(() => patience.abort(new PoolExhausted()), wait)
  try {
    await waitForRoom(pool, patience)
    return await takeClient(pool, isExhausted(pool) ? patience : signal)
  } finally {
    clearTimeout(late)
    unfollow()
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
async function waitForRoom (pool: Pool, signal: Interruption): Promise<void> {
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

async function takeClient (pool: Pool, signal: Interruption): Promise<CheckedOut> {
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

interface ErrorEmitter {
  on (event: 'error', listener: () => void): unknown
}

function clientsOf (pool: Pool): readonly ErrorEmitter[] {
  return (pool as unknown as { readonly _clients: readonly ErrorEmitter[] })._clients
}

/** Takes back a request that the pool has not served. */
function withdraw (pool: Pool, request: unknown): void {
  const requests = requestsOf(pool)
  if (requests.includes(request)) requests.splice(requests.indexOf(request), 1)
}

function requestsOf (pool: Pool): unknown[] {
  return (pool as unknown as { readonly _pendingQueue: unknown[] })._pendingQueue
}
