import type { Redis } from 'ioredis'
import { HealthCheck } from '../check.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import type { CheckContext, RequirementsContext, RulesOf } from '../../types/check.js'
import type { RedisOptions } from '../../types/sources.js'
import { neverExhausted } from '../clients/requirements.js'
import { toldOptions, whenExhaustedRule } from '../clients/pool-of-app.js'
import { clientOfApp, ioredisKind, isIORedis, redisRequirements, redisRules, withAnyRedis } from '../clients/redis.js'
import { withIORedis } from '../clients/redis-of-app.js'
import { firstAnswer, isNodeRedis, nodeRedisPools, withNodeRedis, type NodeRedis } from '../clients/node-redis.js'
import { clientRule, type ClientKind } from '../clients/client.js'
import { flag } from '../values/rules.js'

// Nobody writes this key. SETRANGE with an empty text changes nothing, but Redis refuses it whenever it refuses other writes.
const untouched = 'fastify-health:writable'

const kind: ClientKind = {
  ...ioredisKind,
  takes: 'a client of ioredis or of node-redis',
  fits: value => isIORedis(value) || isNodeRedis(value),
}

/** The questions to Redis, for every client. */
interface Questions {
  ping (): Promise<unknown>
  /** Only a cluster has this question. */
  clusterInfo?: () => Promise<unknown>
  /** Changes nothing, but fails if a write would fail. */
  write (): Promise<unknown>
}

/** Passes if `PING` answers, and, with `writable`, if Redis accepts writes. A cluster must report that its state is ok. */
export class RedisCheck extends HealthCheck<RedisOptions> {
  static override readonly rules = {
    ...redisRules,
    client: clientRule(kind),
    writable: flag(),
    whenExhausted: whenExhaustedRule,
  } satisfies RulesOf<RedisOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    const { url, whenExhausted } = this.options
    const missing = await redisRequirements(this.options, context, kind)
    const misgiven = neverExhausted({ url, whenExhausted })
    if (misgiven !== undefined) missing.push(misgiven)
    if (missing.length > 0 || url !== undefined) return missing
    const { client } = await clientOfApp<Redis | NodeRedis>(this.options, context, kind)
    return toldOptions(client, nodeRedisPools, whenExhausted)
  }

  override async check (context: CheckContext) {
    const { whenExhausted } = this.options
    const byIORedis = (client: Redis) => this.#ask(questionsOfIORedis(client))
    await withAnyRedis<Redis | NodeRedis, void>(context, this.options, kind, async client => {
      if (isIORedis(client)) await withIORedis(context, client, byIORedis)
      else {
        await withNodeRedis(context, client, { whenExhausted, warn: warning => this.addError(warning) }, client =>
          this.#ask(questionsOfNodeRedis(client)))
      }
    }, byIORedis)
  }

  async #ask ({ ping, clusterInfo, write }: Questions): Promise<void> {
    if (await ping() !== 'PONG') throw new ServiceReturnedUnexpectedResult('PING did not answer PONG')
    if (clusterInfo !== undefined && !/^cluster_state:ok\r?$/m.test(String(await clusterInfo()))) {
      throw new ServiceUnavailable('cluster is down')
    }
    if (this.options.writable === true) await write()
  }
}

function questionsOfIORedis (client: Redis): Questions {
  return {
    ping: () => client.ping(),
    ...(client.isCluster ? { clusterInfo: () => client.cluster('INFO') } : {}),
    write: () => client.setrange(untouched, 0, ''),
  }
}

function questionsOfNodeRedis (client: NodeRedis): Questions {
  const write = () => client.setRange(untouched, 0, '')
  if (client.masters === undefined) return { ping: () => client.ping(), write }
  return {
    ping: () => firstAnswer(client, node => node.ping()),
    clusterInfo: () => firstAnswer(client, node => node.sendCommand(['CLUSTER', 'INFO'])),
    write,
  }
}

export default RedisCheck
