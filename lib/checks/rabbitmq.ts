import { randomUUID } from 'node:crypto'
import { HealthCheck } from '../check.js'
import { ServiceUnavailable } from '../errors.js'
import type { CheckContext, OptionRules, RequirementsContext, RulesOf } from '../../types/check.js'
import type { AmqpSource } from '../../types/sources.js'
import { amqpRequirements, amqpRules, unlessNotFound, withChannel, type AmqpPlace } from '../clients/amqp.js'
import { pem, type TLSMaterial } from '../clients/tls.js'
import { flag, texts } from '../values/rules.js'

export interface RabbitMQOptions extends AmqpSource, TLSMaterial {
  /** These queues must exist. The check creates no queue. */
  queues?: string[]
  /**
   * `true` makes the check fail if the user may not publish to the default exchange, which leads to each queue by its name.
   *
   * @default false
   */
  writable?: boolean
}

// No queue has this name, so the broker drops the message.
const nowhere = `fastify-health.${randomUUID()}`

/**
 * Passes if a channel opens and closes, the broker accepts a message in between, and each of the queues exists. A broker with an alarm
 * accepts no message.
 */
export class RabbitMQCheck extends HealthCheck<RabbitMQOptions> {
  static override readonly rules: OptionRules = {
    ...amqpRules,
    queues: texts(),
    writable: flag(),
    ca: pem(),
    cert: pem(),
    key: pem({ secret: true }),
  } satisfies RulesOf<RabbitMQOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await amqpRequirements(this.#place, context)
  }

  override async check (context: CheckContext) {
    await withChannel(context, this.#place, async channel => {
      // A broker with an alarm still opens channels. It reports the alarm only to connections that publish.
      channel.publish('', nowhere, Buffer.alloc(0))
      // A refusal closes the channel. Without another answer to wait for, it would come after the check has closed it.
      if (this.options.writable === true) await channel.prefetch(0)
    })
    for (const queue of this.options.queues ?? []) {
      // If the queue does not exist, the broker closes the channel, so each queue gets its own.
      const found = await unlessNotFound(withChannel(context, this.#place, async channel => await channel.checkQueue(queue)))
      if (found === undefined) this.addError(new ServiceUnavailable(`the queue '${queue}' does not exist`))
    }
  }

  get #place (): AmqpPlace {
    const { ca, cert, key, ...source } = this.options
    return { ...source, tls: { ca, cert, key } }
  }
}

export default RabbitMQCheck
