import { stat as statWithCallback } from 'node:fs'
import { hostname } from 'node:os'
import { promisify } from 'node:util'
import { HealthCheck } from '../check.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { clusterName, defaultFile } from '../heartbeat/common.js'
import { milliseconds, ofApp, redisUrl, text, texts, withoutNul } from '../values/rules.js'
import type { CheckContext, RequirementsContext, RulesOf } from '../../types/check.js'
import type { HeartbeatRedisOptions, RedisSource } from '../../types/sources.js'
import { elapsed } from './workers/elapsed.js'

// The `stat` of `node:fs/promises` takes longer to load than to use in a command.
const stat = promisify(statWithCallback)

export interface HeartbeatFileOptions {
  /**
   * The file that the worker touches.
   *
   * @default that of `startFileHeartbeat`, which is `fastify-health.heartbeat` in the system's temporary folder
   */
  file?: string
  /**
   * The last beat may be this many milliseconds old.
   *
   * @default 60_000
   */
  maxAge?: number
}

/**
 * Passes if the worker touched `file` within `maxAge`. A moment in the future, for example after the clock was set back, also passes within
 * `maxAge`. Beyond that, the file says nothing about the worker, and the check fails.
 */
export class HeartbeatFileCheck extends HealthCheck<HeartbeatFileOptions> {
  static override readonly rules = {
    file: withoutNul('the path of a file'),
    maxAge: milliseconds(1),
  } satisfies RulesOf<HeartbeatFileOptions>

  static override readonly scope = 'local'

  override async check () {
    const { file = defaultFile, maxAge = 60_000 } = this.options
    const age = Date.now() - await lastBeat(file)
    if (age > maxAge) throw new ServiceUnavailable(`no heartbeat for ${elapsed(age)}`)
    if (age < -maxAge) throw new ServiceReturnedUnexpectedResult(`the heartbeat lies ${elapsed(-age)} in the future`)
  }
}

// These rules repeat those of clients/redis.ts, since an exec probe pays for every module that the check of a file loads.
const heartbeatSourceRules = {
  namespace: text(),
  url: redisUrl(),
  client: ofApp('a client of ioredis', value => typeof value === 'object' && value !== null && 'status' in value),
} satisfies RulesOf<RedisSource>

const clusterRules = { ...heartbeatSourceRules, cluster: clusterName, unhealthyStatuses: texts() }

const workers = async () => await import('./heartbeat/workers.js')

/** Passes if a worker of the cluster beats in Redis, and its status is healthy. */
export class HeartbeatClusterCheck extends HealthCheck<HeartbeatRedisOptions> {
  static override readonly rules = clusterRules satisfies RulesOf<HeartbeatRedisOptions>
  static override readonly scope = 'workers'

  override async requirements (context: RequirementsContext) {
    const { redisRequirements } = await workers()
    return await redisRequirements(this.options, context)
  }

  override async check (context: CheckContext) {
    const { assertWorker } = await workers()
    await assertWorker(context, this.options)
  }
}

export interface HeartbeatLocalOptions extends HeartbeatRedisOptions {
  /**
   * The option `host` with which the workers were started.
   *
   * @default the host name of the system
   */
  host?: string
}

/** Passes if a worker of the cluster on this host beats in Redis, and its status is healthy. */
export class HeartbeatLocalCheck extends HealthCheck<HeartbeatLocalOptions> {
  static override readonly rules = { ...clusterRules, host: text() } satisfies RulesOf<HeartbeatLocalOptions>
  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    const { redisRequirements } = await workers()
    return await redisRequirements(this.options, context)
  }

  override async check (context: CheckContext) {
    const { assertWorker } = await workers()
    await assertWorker(context, this.options, this.options.host ?? hostname())
  }
}

export default HeartbeatFileCheck

async function lastBeat (file: string): Promise<number> {
  try {
    const found = await stat(file)
    if (!found.isFile()) throw new ServiceReturnedUnexpectedResult('the heartbeat is no file')
    return found.mtimeMs
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new ServiceUnavailable('no heartbeat file')
    const { unavailable } = await import('../clients/driver-errors.js')
    throw unavailable(error)
  }
}
