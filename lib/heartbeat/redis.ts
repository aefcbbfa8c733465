import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'
import { within } from '../time/timeout.js'
import { milliseconds, rule, text } from '../values/rules.js'
import { clusterName } from './common.js'
import { assertOptions, pulseRules, startPulse, type Heartbeat, type PulseOptions } from './pulse.js'
import { enter, removeWorker, type RosterClient } from './roster.js'
import type { RulesOf } from '../../types/check.js'

export interface RedisHeartbeatOptions extends PulseOptions {
  /** An ioredis client. The caller closes it. */
  redis: RosterClient
  /** The name of the cluster. Workers that can replace each other share it. It must not contain braces. */
  cluster: string
  /**
   * The name of the host.
   *
   * @default the host name of the system
   */
  host?: string
  /**
   * The status, one of a few fixed words, or a function that returns the current one.
   *
   * @default 'Working'
   */
  status?: string | (() => string)
  /**
   * The worker counts as gone this many milliseconds after its last beat. It must be longer than `interval`.
   *
   * @default 3000
   */
  ttl?: number
}

const statusRule = text()

const redisHeartbeatRules = {
  ...pulseRules,
  redis: rule('an ioredis client', isRosterClient, { required: true }),
  cluster: clusterName,
  host: text(),
  status: rule('a non-empty string, or a function that returns one', value => typeof value === 'function' || statusRule.test(value)),
  ttl: milliseconds(1),
} satisfies RulesOf<RedisHeartbeatOptions>

/**
 * Publishes a worker in Redis as long as it lives, so that `HeartbeatClusterCheck` and `HeartbeatLocalCheck` can count it. The first beat
 * is written at once. `stop` removes the worker at once. If Redis does not answer, `stop` waits at most `ttl`, since the entry has expired
 * by then. `roster.ts` describes the keys.
 *
 * @throws FST_HEALTH_INVALID_CONFIGURATION if an option is invalid.
 */
export function startRedisHeartbeat (options: RedisHeartbeatOptions): Heartbeat {
  assertOptions('startRedisHeartbeat', options, redisHeartbeatRules)
  const { redis, cluster, host = hostname(), status = 'Working', interval = 1000, ttl = 3000 } = options
  if (interval !== false && interval >= ttl) {
    throw new FST_HEALTH_INVALID_CONFIGURATION(
      `startRedisHeartbeat: 'interval' is ${interval} and 'ttl' ${ttl}. The worker would come and go: 'ttl' must be longer.`
    )
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

  const pulse = startPulse(write, () => removeWorker(redis, entry, [...entered]), options)
  // The first beat is not awaited, since `onError` receives its failure.
  pulse.beat()
  return { beat: pulse.beat, stop: () => within(ttl, pulse.stop(), () => {}) }
}

// A client of node-redis is refused, since its `eval` takes other arguments.
function isRosterClient (value: unknown): boolean {
  return typeof (value as RosterClient | null)?.eval === 'function' && !('isOpen' in (value as object))
}
