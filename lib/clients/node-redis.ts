import { ServiceUnavailable } from '../errors.js'
import { wordsFor } from './driver-errors.js'
import { numberOf, PoolExhausted, withPoolOfApp, type Busy, type PoolKind, type PoolOfApp } from './pool-of-app.js'
import type { Connection } from './shared-connection.js'
import { untilConnected } from './until-connected.js'
import { abortable } from '../time/abortable.js'
import { interruptionOf, type Interruption } from '../time/stop-signal.js'
import type { CheckContext } from '../../types/check.js'

/** The part of node-redis that is used. Its client, pool, sentinel and cluster have different members. */
export interface NodeRedis {
  readonly isOpen: boolean
  /** A pool and a cluster do not have this member. */
  readonly isReady?: boolean
  /** Only a cluster has this member. */
  readonly masters?: ReadonlyArray<{ readonly client?: NodeOfCluster }>
  ping (): Promise<unknown>
  setRange (key: string, offset: number, value: string): Promise<unknown>
  on (event: 'error', listener: (error: unknown) => void): unknown
  off (event: 'error', listener: (error: unknown) => void): unknown
}

/** The cluster holds a promise of a node until the connection to the node is made. */
type NodeOfCluster =
  | { readonly isReady?: boolean, ping (): Promise<unknown>, sendCommand (args: string[]): Promise<unknown> }
  | Promise<unknown>

export function isNodeRedis (value: unknown): value is NodeRedis {
  return typeof value === 'object' && value !== null && 'isOpen' in value && 'setRange' in value && typeof value.setRange === 'function'
}

/** A client of node-redis that is connected to one server. */
interface SingleClient extends NodeRedis {
  readonly isReady: boolean
  readonly options?: { readonly socket?: object }
  duplicate (overrides: object): SingleClient
  connect (): Promise<unknown>
  disconnect (): Promise<unknown>
}

function isSingleClient (client: NodeRedis): client is SingleClient {
  return 'isReady' in client && 'duplicate' in client
}

/** A pool that `createClientPool` made. */
export interface NodeRedisPool extends NodeRedis {
  readonly idleClients: number
  readonly tasksQueueLength: number
  execute<T> (use: (client: SingleClient) => Promise<T>): Promise<T>
}

export function isNodeRedisPool (value: unknown): value is NodeRedisPool {
  return isNodeRedis(value) && 'tasksQueueLength' in value && 'execute' in value
}

// A client that each pool has lent. Only the clients of a pool tell its options.
const lentClients = new WeakMap<NodeRedis, SingleClient>()

/** Lends a client of a pool to `use`. */
export async function lend<T> (pool: NodeRedisPool, use: (client: NodeRedis) => Promise<T>): Promise<T> {
  try {
    return await pool.execute(async client => {
      lentClients.set(pool, client)
      return await use(client)
    })
  } catch (error) {
    // The pool has waited for its `acquireTimeout`, and does not show this request any more.
    throw error instanceof Error && error.message === 'Timeout waiting for a client' ? new PoolExhausted({ cause: error }) : error
  }
}

export function poolOfNodeRedis (pool: unknown): PoolOfApp | undefined {
  if (!isNodeRedisPool(pool)) return undefined
  return {
    isExhausted: () => pool.idleClients === 0 && pool.tasksQueueLength > 0,
    own: {
      key: `redis of pool ${numberOf(pool)}`,
      load () {
        const lent = lentClients.get(pool)
        if (lent === undefined) throw new PoolExhausted()
        return lent
      },
      connect: lent => nodeRedisConnection(lent as SingleClient),
    },
    listen (failed) {
      pool.on('error', failed)
      return () => pool.off('error', failed)
    },
  }
}

export const nodeRedisPools: PoolKind<unknown> = { poolOf: poolOfNodeRedis, telling: 'node-redis' }

/** Makes a connection of the checks with the options of another client. It makes one attempt and has no queue. */
function nodeRedisConnection (other: SingleClient): Connection<NodeRedis> {
  const client = other.duplicate({
    socket: { ...other.options?.socket, reconnectStrategy: false },
    disableOfflineQueue: true,
    clientSideCache: undefined,
    // node-redis would ignore the answer to its own CLIENT command, even a refusal because of too many clients.
    disableClientInfo: true,
  })
  let reason: unknown
  client.on('error', error => { reason ??= error })
  return {
    // The event comes first, and says more than the promise.
    connected: new Promise((resolve, reject) => {
      client.on('error', reject)
      client.connect().then(() => resolve(client), reject)
    }),
    isLost: failure => reason !== undefined || wordsFor(failure) === 'connection lost',
    destroy: () => { if (client.isOpen) client.disconnect().catch(() => {}) },
  }
}

/** Waits until a client of node-redis is connected, and lends it to `use`. The client belongs to the app, and is never closed. */
export async function withNodeRedis<T> (
  context: CheckContext,
  client: NodeRedis,
  busy: Busy,
  use: (client: NodeRedis) => Promise<T>
): Promise<T> {
  const signal = interruptionOf(context)
  try {
    return await withPoolOfApp(context, { client }, nodeRedisPools, busy, async client => {
      try {
        await nodeRedisReady(client, context)
        return isNodeRedisPool(client) ? await lend(client, use) : await use(client)
      } catch (error) {
        throw await betterReason(error, client, signal)
      }
    })
  } catch (error) {
    throw await betterReason(error, lentClients.get(client), signal)
  }
}

/**
 * Returns the reason for an error of a client, if another connection finds a better one. A server that has too many clients says so only
 * to the first command, and then closes the connection.
 */
export async function betterReason (error: unknown, client: unknown, signal: Interruption): Promise<unknown> {
  if (wordsFor(error) !== 'connection lost' || !isNodeRedis(client) || !isSingleClient(client)) return error
  const { connected, destroy } = nodeRedisConnection(client)
  const found = await abortable(connected.then(side => side.ping()), signal).then(() => error, reason => reason)
  destroy()
  return found
}

// A client that is offline queues commands, and reports by an event why it could not connect. A pool and a cluster do not say whether they
// are connected.
async function nodeRedisReady (client: NodeRedis, context: CheckContext): Promise<void> {
  await untilConnected(context, () => {
    if (!client.isOpen) throw new ServiceUnavailable('client is closed')
    return client.isReady === false ? undefined : client
  }, failed => {
    client.on('error', failed)
    return () => client.off('error', failed)
  })
}

// The nodes that have not answered their last command. A node that hangs is not asked again.
const silentNodes = new WeakSet<object>()

/** Returns the first answer of any node, since a cluster works without some of its nodes. */
export async function firstAnswer<T> (
  { masters = [] }: NodeRedis,
  ask: (node: Exclude<NodeOfCluster, Promise<unknown>>) => Promise<T>
): Promise<T> {
  const asked = masters.flatMap(({ client }) => {
    if (client === undefined || !('isReady' in client) || client.isReady !== true || silentNodes.has(client)) return []
    silentNodes.add(client)
    return [ask(client).finally(() => silentNodes.delete(client))]
  })
  if (asked.length === 0) throw new ServiceUnavailable('no node of the cluster can be reached')
  return await Promise.any(asked)
}
