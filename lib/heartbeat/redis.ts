import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'
import { milliseconds, rule, text } from '../values/rules.js'
import { clusterName } from './common.js'
import { assertOptions, pulseRules, startPulse, type Heartbeat, type PulseOptions } from './pulse.js'
import { enter, leave, type RosterClient } from './roster.js'

export interface RedisHeartbeatOptions extends PulseOptions {
  /** An ioredis client; it stays the caller's to close. */
  redis: RosterClient
  /** What the workers that stand in for each other have in common. */
  cluster: string
  /** Default: the system's host name. */
  host?: string
  /** One of a few fixed words, or a function that gives the one of the moment; default `Working`. */
  status?: string | (() => string)
  /** Milliseconds after the last beat until the worker counts as gone; default 3,000. Longer than `interval`. */
  ttl?: number
}

const statusRule = text()

const rules = {
  ...pulseRules,
  redis: rule('an ioredis client', isRosterClient, { required: true }),
  cluster: clusterName,
  host: text(),
  status: rule('a non-empty string, or a function that returns one', value => typeof value === 'function' || statusRule.test(value)),
  ttl: milliseconds(1),
}

/**
 * Publishes a worker in Redis for as long as it lives, for `HeartbeatClusterCheck` and `HeartbeatLocalCheck` to count. Starting is
 * the first beat. `stop` takes the worker out at once; where Redis does not answer, it waits no longer than `ttl`, after which the
 * entry has expired by itself. The keys are described in `roster.ts`.
 *
 * @throws FST_HEALTH_INVALID_CONFIGURATION where an option is invalid
 */
export function startRedisHeartbeat (options: RedisHeartbeatOptions): Heartbeat {
  assertOptions('startRedisHeartbeat', options, rules)
  const { redis, cluster, host = hostname(), status = 'Working', interval = 1000, ttl = 3000 } = options
  if (interval !== false && interval >= ttl) {
    throw new FST_HEALTH_INVALID_CONFIGURATION(`startRedisHeartbeat: 'interval' is ${interval} and 'ttl' ${ttl}. The worker would come and go: 'ttl' must be longer.`)
  }
  const entry = { cluster, host, worker: randomUUID() }
  const entered = new Set<string>()

  async function write (): Promise<void> {
    const current = typeof status === 'function' ? status() : status
    if (!statusRule.test(current)) throw new TypeError(`The status of a worker must be ${statusRule.expected}.`)
    const former = [...entered].filter(word => word !== current)
    entered.add(current)
    await enter(redis, entry, current, ttl, former)
    for (const word of former) entered.delete(word)
  }

  const pulse = startPulse(write, () => leave(redis, entry, [...entered]), options)
  // Not awaited: what fails is told to `onError`.
  pulse.beat()
  return { beat: pulse.beat, stop: () => within(ttl, pulse.stop()) }
}

// The `eval` of node-redis takes other arguments.
function isRosterClient (value: unknown): boolean {
  return typeof (value as RosterClient | null)?.eval === 'function' && !('isOpen' in (value as object))
}

async function within (ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>(resolve => { timer = setTimeout(resolve, ms) })
  await Promise.race([work, over])
  clearTimeout(timer)
}
