import { HealthCheck } from '../check.js'
import { milliseconds, redisUrl, rule, text, texts, url } from '../values/rules.js'
import type { CheckContext, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'
import { amqpRequirements } from '../clients/amqp.js'
import { pollOverAmqp } from './celery/amqp.js'
import { Poll } from './celery/poll.js'
import { pollOverRedis } from './celery/redis.js'
import { redisRequirements } from '../clients/redis.js'
import { needsTime } from '../clients/requirements.js'

export interface CeleryOptions {
  /** The URL of the broker: `amqp://` or `amqps://`, `redis://` or `rediss://`. */
  url: string
  /** Each of these task queues must have a worker. */
  queues?: string[]
  /**
   * Workers may take this many milliseconds to reply. It must be shorter than the timeout of the check.
   *
   * @default 1000, but at most half of the timeout
   */
  wait?: number
  /**
   * The `control_exchange` of Celery.
   *
   * @default 'celery'
   */
  controlExchange?: string
  /** The `global_keyprefix` of Celery's `broker_transport_options`, for a Redis broker. */
  globalKeyPrefix?: string
}

const brokers = [url(['amqp', 'amqps']), redisUrl()]

const usualWait = 1000

/** Passes if a Celery worker answers a ping, and each of the `queues` has a worker. */
export class CeleryPingCheck extends HealthCheck<CeleryOptions> {
  static override readonly rules = {
    url: rule(
      'the URL of a broker that the check speaks to: amqp://, amqps://, redis:// or rediss:// (pyamqp:// is amqp://); ' +
      'the path of a Redis URL is the number of a database. ' +
      'For any other broker, such as SQS, let the workers send heartbeats and use fastify-health/checks/heartbeat',
      value => brokers.some(({ test }) => test(value)),
      { required: true, secret: true }
    ),
    queues: texts(),
    wait: milliseconds(1),
    controlExchange: text(),
    globalKeyPrefix: text(),
  } satisfies RulesOf<CeleryOptions>

  static override readonly scope = 'workers'

  override async requirements (context: RequirementsContext): Promise<Requirement[]> {
    const { url, wait } = this.options
    const timeout = this.options.timeout ?? this.timeout ?? context.settings.timeout
    const missing = await (isRedis(url) ? redisRequirements({ url }, context) : amqpRequirements({ url }, context))
    return [...missing, ...needsTime('wait', wait, timeout)]
  }

  override async check (context: CheckContext) {
    const { url, queues = [], controlExchange = 'celery', globalKeyPrefix = '' } = this.options
    // Both brokers require an expiry that is a whole number of milliseconds, 1 or more.
    const wait = this.options.wait ?? Math.max(1, Math.floor(Math.min(usualWait, context.timeout / 2)))
    const poll = new Poll(queues)
    await (isRedis(url)
      ? pollOverRedis(context, { url, controlExchange, globalKeyPrefix, wait }, poll)
      : pollOverAmqp(context, { url, controlExchange, queues, wait }, poll))
    for (const fault of poll.verdict()) this.addError(fault)
  }
}

function isRedis (url: string): boolean {
  return new URL(url).protocol.startsWith('redis')
}

export default CeleryPingCheck
