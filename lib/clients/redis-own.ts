import type { Redis } from 'ioredis'
import type { CheckContext } from '../../types/check.js'
import { wordsFor } from './driver-errors.js'
import { withoutDriver } from './requirements.js'
import { SharedConnection, type Connection } from './shared-connection.js'
import { interruptionOf } from '../time/stop-signal.js'

/** Loads the driver when it is used. */
export const ioredis = async () => await import('ioredis').catch(withoutDriver('ioredis'))

// A connection of the checks makes one attempt and has no queue. It sends no INFO, since the answer to the first command says as much, and
// it does not wait long for a goodbye.
export const oneTry = {
  lazyConnect: true,
  enableOfflineQueue: false,
  enableReadyCheck: false,
  retryStrategy: () => null,
  maxRetriesPerRequest: 0,
  connectTimeout: 0,
  disconnectTimeout: 100,
  // ioredis would ignore the answer to its own CLIENT command, even a refusal because of too many clients.
  disableClientInfo: true,
}

/** Lends the connection to this URL that the checks share. */
export async function withOwnRedis<T> (context: CheckContext, url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const shared = await context.resources.get(`redis ${url}`, async () => {
    const { Redis } = await ioredis()
    return new SharedConnection(() => redisConnection(new Redis(url, oneTry)))
  }, shared => shared.close())
  return await shared.use(interruptionOf(context), use)
}

// The last commands over a new connection may take this many milliseconds. A server that hangs does not get them.
const farewellTime = 400

/**
 * Makes one connection for a short time, lends it to `use` and ends it. It removes leftovers after the connection of the runs is closed.
 */
export async function overNewConnection (url: string, use: (client: Redis) => Promise<unknown>): Promise<void> {
  const { Redis } = await ioredis()
  const client = new Redis(url, oneTry)
  const late = setTimeout(() => client.disconnect(), farewellTime)
  try {
    await connectRedis(client)
    await use(client)
  } finally {
    clearTimeout(late)
    client.disconnect()
  }
}

function redisConnection (client: Redis): Connection<Redis> {
  return {
    connected: connectRedis(client).then(() => client),
    isLost: failure => client.status === 'end' || wordsFor(failure) === 'connection lost',
    destroy: () => client.disconnect(),
  }
}

/**
 * Connects, or rejects with the reason. ioredis rejects with "Connection is closed.", and reports the reason by an event. If the database
 * is refused, ioredis reports it only by an event, and continues in database 0.
 */
export async function connectRedis (client: Redis): Promise<void> {
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
