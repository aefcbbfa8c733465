import { HealthCheck } from '../check.js'
import { ServiceReturnedUnexpectedResult } from '../errors.js'
import type { CheckContext, RequirementsContext } from '../../types/check.js'
import type { RedisSource } from '../../types/sources.js'
import { redisRequirements, redisRules, withRedis } from '../clients/redis.js'

/** Passes when `PING` answers. */
export class RedisCheck extends HealthCheck<RedisSource> {
  static override readonly rules = redisRules
  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await redisRequirements(this.options, context)
  }

  override async check (context: CheckContext) {
    const answer = await withRedis(context, this.options, async client => await client.ping())
    if (answer !== 'PONG') throw new ServiceReturnedUnexpectedResult('PING did not answer PONG')
  }
}

export default RedisCheck
