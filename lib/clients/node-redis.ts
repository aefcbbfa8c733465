import { ServiceUnavailable } from '../errors.js'
import { withClient } from './client.js'
import { untilConnected } from './until-connected.js'
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
type NodeOfCluster = { readonly isReady?: boolean, ping (): Promise<unknown>, sendCommand (args: string[]): Promise<unknown> } | Promise<unknown>

export function isNodeRedis (value: unknown): value is NodeRedis {
  return typeof value === 'object' && value !== null && 'isOpen' in value && 'setRange' in value && typeof value.setRange === 'function'
}

/** Waits until a client of node-redis is connected, and lends it to `use`. The client belongs to the app, and is never closed. */
export async function withNodeRedis<T> (context: CheckContext, client: NodeRedis, use: (client: NodeRedis) => Promise<T>): Promise<T> {
  return await withClient(context, { client }, async (client: NodeRedis) => {
    await nodeRedisReady(client, context)
    return await use(client)
  })
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
export async function firstAnswer<T> ({ masters = [] }: NodeRedis, ask: (node: Exclude<NodeOfCluster, Promise<unknown>>) => Promise<T>): Promise<T> {
  const asked = masters.flatMap(({ client }) => {
    if (client === undefined || !('isReady' in client) || client.isReady !== true || silentNodes.has(client)) return []
    silentNodes.add(client)
    return [ask(client).finally(() => silentNodes.delete(client))]
  })
  if (asked.length === 0) throw new ServiceUnavailable('no node of the cluster can be reached')
  return await Promise.any(asked)
}
