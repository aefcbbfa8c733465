import { ServiceUnavailable } from '../errors.js'
import { withClient } from './client.js'
import { untilConnected } from './until-connected.js'
import type { CheckContext } from '../../types/check.js'

/** What is called of node-redis. Its client, pool, sentinel and cluster differ in what they have. */
export interface NodeRedis {
  readonly isOpen: boolean
  /** A pool and a cluster do not have it. */
  readonly isReady?: boolean
  /** A cluster has it. */
  readonly masters?: ReadonlyArray<{ readonly client?: NodeOfCluster }>
  ping (): Promise<unknown>
  setRange (key: string, offset: number, value: string): Promise<unknown>
  on (event: 'error', listener: (error: unknown) => void): unknown
  off (event: 'error', listener: (error: unknown) => void): unknown
}

/** Before a connection to a node is made, the cluster holds a promise of it. */
type NodeOfCluster = { readonly isReady?: boolean, ping (): Promise<unknown>, sendCommand (args: string[]): Promise<unknown> } | Promise<unknown>

export function isNodeRedis (value: unknown): value is NodeRedis {
  return typeof value === 'object' && value !== null && 'isOpen' in value && 'setRange' in value && typeof value.setRange === 'function'
}

/** Lends a client of node-redis that is connected to `use`. It belongs to the app, and is never closed. */
export async function withNodeRedis<T> (context: CheckContext, client: NodeRedis, use: (client: NodeRedis) => Promise<T>): Promise<T> {
  return await withClient(context, { client }, async (client: NodeRedis) => {
    await ready(client, context)
    return await use(client)
  })
}

// A client that is offline queues what it is asked, and says by an event why it could not connect. A pool and a cluster do not say whether
// they are connected.
async function ready (client: NodeRedis, context: CheckContext): Promise<void> {
  await untilConnected(context, () => {
    if (!client.isOpen) throw new ServiceUnavailable('client is closed')
    return client.isReady === false ? undefined : client
  }, failed => {
    client.on('error', failed)
    return () => client.off('error', failed)
  })
}

// The nodes that have not answered what they were asked last. A node that hangs is not asked again.
const unanswered = new WeakSet<object>()

/** The answer of the node that answers first, since a cluster goes on without some of its nodes. */
export async function firstAnswer<T> ({ masters = [] }: NodeRedis, ask: (node: Exclude<NodeOfCluster, Promise<unknown>>) => Promise<T>): Promise<T> {
  const asked = masters.flatMap(({ client }) => {
    if (client === undefined || !('isReady' in client) || client.isReady !== true || unanswered.has(client)) return []
    unanswered.add(client)
    return [ask(client).finally(() => unanswered.delete(client))]
  })
  if (asked.length === 0) throw new ServiceUnavailable('no node of the cluster can be reached')
  return await Promise.any(asked)
}
