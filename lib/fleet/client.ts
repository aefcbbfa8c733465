import type { Cluster, Redis } from 'ioredis'
import type { FastifyInstance } from 'fastify'
import { decorated, needsDriver, withoutDriver } from '../clients/requirements.js'
import { reason } from '../values/shown.js'
import { lacking } from '../errors.js'
import { scripts, type Script } from './scripts.js'
import type { Requirement } from '../../types/check.js'
import type { FleetOptions } from '../../types/fleet.js'

/** The commands of the connection that the fleet opens for itself. */
export type FleetClient =
  & Pick<Redis, 'connect' | 'disconnect' | 'on' | 'get' | 'mget'>
  & Record<Script, (numberOfKeys: number, ...keysAndArguments: Array<string | number>) => Promise<any>>

export type FleetSource = Pick<FleetOptions, 'client' | 'url'>

const driver = async () => await import('ioredis').catch(withoutDriver('ioredis'))

/** Lists what is missing to connect (E007). */
export async function fleetClientRequirements (source: FleetSource, getApp: () => FastifyInstance): Promise<Requirement[]> {
  if (source.url !== undefined) return await needsDriver('ioredis', driver)
  const { client = 'redis' } = source
  let found: unknown
  try {
    found = givenClient(client, getApp)
  } catch (error) {
    const message = (error as { code?: unknown }).code === 'FST_HEALTH_NO_APP'
      ? 'there is no app whose client it could take'
      : `its \`client\` threw ${reason(error)}`
    return [{ message, hint: 'Give it the client itself, or a `url`.' }]
  }
  if (isClient(found)) return []
  if (typeof client === 'string') {
    return [{
      message: `app.${client} ${found === undefined ? 'is not there' : 'is no client of ioredis'}`,
      hint: "Register it: app.register(import('@fastify/redis'), …), or give the fleet a `url`.",
    }]
  }
  return [{
    message: `\`client\` ${typeof client === 'function' ? 'returned' : 'is'} no client of ioredis`,
    hint: 'Give a `Redis` or a `Cluster` of ioredis, or give the fleet a `url`.',
  }]
}

// The client tries once, without a queue and without commands of its own. `FleetConnection` decides how long to wait and when to retry.
const connectionOptions = {
  lazyConnect: true,
  enableReadyCheck: false,
  maxRetriesPerRequest: 0,
  autoResubscribe: false,
  disableClientInfo: true,
  connectionName: 'fastify-health:fleet',
  connectTimeout: 5000,
  disconnectTimeout: 100,
  stringNumbers: false,
}
// The key prefix of the app is removed, since ioredis would not add it to keys that a script builds.
const once = {
  ...connectionOptions,
  enableOfflineQueue: false,
  keyPrefix: '',
  retryStrategy: null,
  sentinelRetryStrategy: () => null,
  scripts,
}

/** Makes a client that is not connected yet. */
export async function newClient (source: FleetSource, getApp: () => FastifyInstance): Promise<FleetClient> {
  if (source.url !== undefined) {
    const { Redis } = await driver()
    return new Redis(source.url, once) as unknown as FleetClient
  }
  const found = givenClient(source.client ?? 'redis', getApp)
  if (!isClient(found)) throw lacking(await fleetClientRequirements(source, getApp))
  const own = isCluster(found)
    ? found.duplicate([], {
      lazyConnect: true,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      keyPrefix: '',
      clusterRetryStrategy: null,
      scripts,
      redisOptions: connectionOptions,
    })
    : found.duplicate(once)
  return own as unknown as FleetClient
}

function givenClient (client: NonNullable<FleetOptions['client']>, getApp: () => FastifyInstance): unknown {
  if (typeof client === 'string') return decorated(getApp(), client.split('.'))
  return typeof client === 'function' ? client(getApp()) : client
}

function isClient (value: unknown): value is Redis | Cluster {
  return typeof value === 'object' && value !== null && 'status' in value && typeof value.status === 'string' && 'duplicate' in value
}

function isCluster (client: Redis | Cluster): client is Cluster {
  return client.isCluster
}
