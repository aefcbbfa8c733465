import { HealthCheck } from '../check.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import type { CheckContext, RequirementsContext } from '../../types/check.js'
import type { RedisOptions } from '../../types/sources.js'
import { redisRequirements, redisRules, withRedis } from '../clients/redis.js'
import { flag } from '../values/rules.js'

// A key that nobody writes. SETRANGE of an empty text creates no key and changes none, and Redis refuses it where it refuses other writes.
const untouched = 'fastify-health:writable'

/** Passes when `PING` answers, and with `writable` when Redis takes writes. A cluster has to say that its state is ok. */
export class RedisCheck extends HealthCheck<RedisOptions> {
  static override readonly rules = { ...redisRules, writable: flag() }
  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await redisRequirements(this.options, context)
  }

  override async check (context: CheckContext) {
    await withRedis(context, this.options, async client => {
      if (await client.ping() !== 'PONG') throw new ServiceReturnedUnexpectedResult('PING did not answer PONG')
      if (client.isCluster && !/^cluster_state:ok\r?$/m.test(await client.cluster('INFO'))) throw new ServiceUnavailable('cluster is down')
      if (this.options.writable === true) await client.setrange(untouched, 0, '')
    })
  }
}

export default RedisCheck
