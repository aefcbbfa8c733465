import { countWorkers } from '../../heartbeat/roster.js'
import type { CheckContext } from '../../../types/check.js'
import type { HeartbeatRedisOptions } from '../../../types/sources.js'
import { withRedis } from '../../clients/redis.js'
import { assertHealthy, defaultUnhealthyStatuses } from '../workers/statuses.js'

export { redisRequirements } from '../../clients/redis.js'

/** Passes if a worker of the cluster beats and is healthy. If `host` is given, only workers on that host count. */
export async function assertWorker (context: CheckContext, options: HeartbeatRedisOptions, host?: string): Promise<void> {
  const { cluster, unhealthyStatuses = defaultUnhealthyStatuses } = options
  const counts = await withRedis(context, options, client => countWorkers(client, cluster, host))
  assertHealthy(counts, unhealthyStatuses, `worker of cluster '${cluster}'${host === undefined ? '' : ' on this host'}`, context)
}
