import type { Redis } from 'ioredis'
import { pause } from '../time/abortable.js'
import { HealthCheck } from '../check.js'
import { isHealthCheckError, ServiceUnavailable, ServiceWarning } from '../errors.js'
import { milliseconds, rule, text } from '../values/rules.js'
import { interruptionOf } from '../time/stop-signal.js'
import type { CheckContext, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'
import type { RedisSource } from '../../types/sources.js'
import { lookAtQueues, type QueueState } from './bullmq/look.js'
import { bullmq, removeAll, roundTrip } from './bullmq/round-trip.js'
import { elapsed } from './workers/elapsed.js'
import { Leftovers, leftoversOf } from '../clients/leftovers.js'
import { clientOfApp, redisRequirements, redisRules, withRedis } from '../clients/redis.js'
import { overNewConnection } from '../clients/redis-own.js'
import { needsDriver, needsTime } from '../clients/requirements.js'

interface BullMQSource extends RedisSource {
  /** The names of the queues. */
  queues: string[]
  /**
   * The prefix of the keys of BullMQ.
   *
   * @default 'bull'
   */
  prefix?: string
}

const queueRules = {
  ...redisRules,
  queues: rule('a list of one queue name or more, each of them once and without a colon', areQueues, { required: true }),
  prefix: text(),
}

export interface BullMQWorkersOptions extends BullMQSource {
  /** At most this many jobs may wait. More are a warning. */
  maxWaiting?: number
  /** The next job may have waited this many milliseconds. Longer is a warning. */
  maxOldestAge?: number
}

/** The connection of a worker may be quiet for this many seconds while the worker neither waits for a job nor works on one. */
const maxQuiet = 5
/** The check looks again after this many milliseconds, since a live worker looks frozen between the end of a job and the next fetch. */
const secondLookAfter = 100

/**
 * Passes if each queue has a live worker. A worker is live if it waits for a job, has just waited, or is connected while the lock of a job
 * is in force. The check warns of a queue that is paused, is too long, or has a job that waits too long.
 *
 * Redis shows a killed worker at once. A frozen worker keeps its connection, and shows only when its wait for a job ends (`drainDelay`, 5
 * s) or its lock expires (`lockDuration`, 30 s). A worker that is stuck in a job and renews its lock never shows. `BullMQRoundTripCheck`
 * finds all of them.
 */
export class BullMQWorkersCheck extends HealthCheck<BullMQWorkersOptions> {
  static override readonly rules = {
    ...queueRules,
    maxWaiting: rule('a whole number, 0 or more', value => Number.isSafeInteger(value) && Number(value) >= 0),
    maxOldestAge: milliseconds(),
  } satisfies RulesOf<BullMQWorkersOptions>

  static override readonly scope = 'workers'

  override async requirements (context: RequirementsContext) {
    return await sourceRequirements(this.options, context, false)
  }

  override async check (context: CheckContext) {
    const { queues, prefix = 'bull' } = this.options
    const states = await withRedis(context, this.options, async client => {
      const first = await lookAtQueues(client, prefix, queues)
      if (![...first.values()].some(isQuiet)) return first
      await pause(secondLookAfter, interruptionOf(context))
      return await lookAtQueues(client, prefix, queues)
    })
    for (const [queue, state] of states) this.#judge(queue, state)
  }

  #judge (queue: string, state: QueueState): void {
    const { workers, paused, waiting, oldestAge = 0 } = state
    const { maxWaiting = Infinity, maxOldestAge = Infinity } = this.options
    if (workers.length === 0) this.addError(new ServiceUnavailable(`queue '${queue}' has no worker`))
    else if (isQuiet(state)) {
      this.addError(
        new ServiceUnavailable(`no worker of queue '${queue}' fetches jobs, ${workers.length} connected`)
      )
    }
    if (paused) this.addError(new ServiceWarning(`queue '${queue}' is paused`))
    if (waiting > maxWaiting) this.addError(new ServiceWarning(`${waiting} jobs wait in queue '${queue}', more than ${maxWaiting}`))
    if (oldestAge > maxOldestAge) {
      this.addError(
        new ServiceWarning(`the next job of queue '${queue}' has waited for ${elapsed(oldestAge)}, longer than ${elapsed(maxOldestAge)}`)
      )
    }
  }
}

export interface BullMQRoundTripOptions extends BullMQSource {
  /**
   * A worker may take this many milliseconds.
   *
   * @default nine tenths of the check's `timeout`, which leaves time to clean up
   */
  maxWait?: number
}

/**
 * Passes if a worker of each queue answers a job of the reserved name `fastify-health` in time. This proves that a worker lives and is free
 * to work. The worker needs one line, `withHealthJobs(processor)` of `fastify-health/heartbeat`.
 */
export class BullMQRoundTripCheck extends HealthCheck<BullMQRoundTripOptions> {
  static override readonly rules = { ...queueRules, maxWait: milliseconds(1) } satisfies RulesOf<BullMQRoundTripOptions>
  static override readonly scope = 'workers'

  override async requirements (context: RequirementsContext) {
    const timeout = this.options.timeout ?? this.timeout ?? context.settings.timeout
    return [
      ...await sourceRequirements(this.options, context, true),
      ...await needsDriver('bullmq', bullmq),
      ...needsTime('maxWait', this.options.maxWait, timeout),
    ]
  }

  override async check (context: CheckContext) {
    const { queues, prefix = 'bull', maxWait = Math.floor(context.timeout * 0.9) } = this.options
    await withRedis(context, this.options, async client => {
      const trips = await Promise.allSettled(queues.map(async queue => {
        const leftovers = await this.#leftovers(context, client, queue)
        await roundTrip({ client, prefix, queue, maxWait, signal: interruptionOf(context), leftovers })
      }))
      for (const trip of trips) {
        if (trip.status === 'fulfilled') continue
        if (!isHealthCheckError(trip.reason)) throw trip.reason
        this.addError(trip.reason)
      }
    })
  }

  async #leftovers ({ resources }: CheckContext, client: Redis, queue: string): Promise<Leftovers> {
    const { prefix = 'bull', url } = this.options
    if (url === undefined) return leftoversOf(client, `${prefix}:${queue}`)
    return await resources.get(`bullmq ${url} ${prefix}:${queue}`, () => new Leftovers(), async ({ all }) => {
      // The connection of the run is already closed, so the jobs are removed over a new one.
      if (all.length > 0) await overNewConnection(url, client => removeAll({ client, prefix, queue }, all))
    })
  }
}

export default BullMQWorkersCheck

/** Lists what is missing to ask Redis (E007). A round trip uses BullMQ, which does not accept a client with a `keyPrefix`. */
async function sourceRequirements (options: BullMQSource, context: RequirementsContext, usesBullMQ: boolean): Promise<Requirement[]> {
  const missing = await redisRequirements(options, context)
  if (missing.length > 0 || options.url !== undefined) return missing
  const client = (await clientOfApp(options, context)).client as Redis
  const { prefix = 'bull' } = options
  return [...(usesBullMQ ? withoutKeyPrefix(client) : []), ...withHashTag(client, prefix)]
}

function withoutKeyPrefix (client: Redis): Requirement[] {
  // A Cluster has separate options for the clients of its nodes.
  const { keyPrefix = '', redisOptions = {} } = client.options as { keyPrefix?: string, redisOptions?: { keyPrefix?: string } }
  if (`${keyPrefix}${redisOptions.keyPrefix ?? ''}` === '') return []
  return [{
    message: 'the client of Redis has a `keyPrefix`, which BullMQ does not work with',
    hint: "Give the check a client without one, or a `url`, and BullMQ's own prefix as `prefix`.",
  }]
}

function withHashTag (client: Redis, prefix: string): Requirement[] {
  if (!client.isCluster || /\{[^}]+\}/.test(prefix)) return []
  return [{
    message: `the client is a Cluster, on which the prefix '${prefix}' spreads the keys of a queue over the nodes`,
    hint: "Give queues, workers and the check a `prefix` in braces, such as '{bull}'.",
  }]
}

function areQueues (value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0 || new Set(value).size < value.length) return false
  return value.every(name => typeof name === 'string' && name !== '' && !name.includes(':'))
}

function isQuiet ({ workers, occupied }: Pick<QueueState, 'workers' | 'occupied'>): boolean {
  return workers.length > 0 && !occupied && workers.every(({ blocked, idle }) => !blocked && idle >= maxQuiet)
}
