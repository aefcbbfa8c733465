import { randomUUID } from 'node:crypto'
import { HealthCheck } from '../check.js'
import { ServiceUnavailable } from '../errors.js'
import type { CheckContext, OptionRules, RequirementsContext } from '../../types/check.js'
import type { AmqpSource } from '../../types/sources.js'
import { amqpRequirements, amqpRules, unlessNotFound, withChannel, type AmqpPlace } from '../clients/amqp.js'
import { pem, type TLSMaterial } from '../clients/tls.js'
import { texts } from '../values/rules.js'

export interface RabbitMQOptions extends AmqpSource, TLSMaterial {
  /** Queues that have to exist. None is created. */
  queues?: string[]
}

// No queue has this name, so that the broker drops what is sent to it.
const nowhere = `fastify-health.${randomUUID()}`

/**
 * Passes when a channel opens and closes, no alarm of the broker keeps a message from being published between, and each of the queues
 * exists.
 */
export class RabbitMQCheck extends HealthCheck<RabbitMQOptions> {
  static override readonly rules: OptionRules = { ...amqpRules, queues: texts(), ca: pem(), cert: pem(), key: pem({ secret: true }) }
  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await amqpRequirements(this.#place, context)
  }

  override async check (context: CheckContext) {
    await withChannel(context, this.#place, async channel => {
      // A broker with an alarm goes on opening channels; it tells only who publishes that it takes no message.
      channel.publish('', nowhere, Buffer.alloc(0))
    })
    for (const queue of this.options.queues ?? []) {
      // The broker closes the channel on which it was asked for a queue that does not exist.
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
