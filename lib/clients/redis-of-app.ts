import type { Redis } from 'ioredis'
import type { CheckContext } from '../../types/check.js'
import { ServiceUnavailable } from '../errors.js'
import { monotonic } from '../time/clock.js'
import { abortable } from '../time/abortable.js'
import { interruptionOf, type Interruption } from '../time/stop-signal.js'
import { untilConnected } from './until-connected.js'
import { connectRedis, oneTry } from './redis-own.js'

// The unanswered commands of aborted runs. The client belongs to the app, so it could not be destroyed.
const unansweredCommands = new WeakMap<Redis, Promise<void>>()

const connectionLost = Symbol('connection lost')

/** Lends a client of ioredis that belongs to the app. */
export async function withIORedis<T> (context: CheckContext, client: Redis, use: (client: Redis) => Promise<T>): Promise<T> {
  if (client.status !== 'ready' || unansweredCommands.has(client)) await free(client, context)
  const work = use(client)
  try {
    return await untilAnswered(client, context, work)
  } catch (error) {
    if (interruptionOf(context).aborted) remember(client, work)
    throw error
  }
}

/** Resolves when the client is connected, and has answered all commands of earlier runs. */
async function free (client: Redis, context: CheckContext): Promise<void> {
  for (;;) {
    const earlier = unansweredCommands.get(client)
    if (client.status !== 'ready') await ioredisReady(client, context)
    else if (earlier !== undefined) await abortable(earlier, interruptionOf(context))
    else return
  }
}

function remember (client: Redis, work: Promise<unknown>): void {
  const all = Promise.allSettled([unansweredCommands.get(client), work]).then(() => {
    if (unansweredCommands.get(client) === all) unansweredCommands.delete(client)
  })
  unansweredCommands.set(client, all)
}

const waiters = new WeakMap<Redis, Waiters>()

/** The runs that wait to hear that a client closes. Node.js warns of a leak above ten listeners of one event. */
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
async function untilAnswered<T> (client: Redis, context: CheckContext, work: Promise<T>): Promise<T> {
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
    await ioredisReady(client, context)
  }
}

/** Resolves when the client of the app is connected, and rejects when the reason why it cannot connect is known. */
async function ioredisReady (client: Redis, context: CheckContext): Promise<void> {
  const begun = monotonic()
  if (client.status !== 'end' && !client.isCluster) await scout(client, interruptionOf(context))
  if (client.status === 'wait') client.connect().catch(() => {})
  await untilConnected(context, () => {
    if (client.status === 'end') throw new ServiceUnavailable('client is closed')
    return client.status === 'ready' ? client : undefined
  }, failed => {
    // A cluster reports that no node could be reached. For any other client, the scout has found no fault.
    if (!client.isCluster) return () => {}
    client.on('error', failed)
    return () => client.off('error', failed)
  }, begun)
}

// The client of the app waits between its attempts to reconnect, so a second connection finds the reason sooner.
async function scout (client: Redis, signal: Interruption): Promise<void> {
  const side = client.duplicate(oneTry)
  try {
    await abortable(connectRedis(side).then(() => side.ping()), signal)
  } finally {
    side.disconnect()
  }
}
