import { randomUUID } from 'node:crypto'
import { HealthCheck } from '../check.js'
import type { CheckContext } from '../../types/check.js'
import type { AmqpSource } from '../../types/sources.js'
import { amqpRequirements, amqpRules, withChannel } from '../clients/amqp.js'

// No queue has this name, so that the broker drops what is sent to it.
const nowhere = `fastify-health.${randomUUID()}`

/** Passes when a channel opens and closes, and no alarm of the broker keeps a message from being published between. */
export class RabbitMQCheck extends HealthCheck<AmqpSource> {
  static override readonly rules = amqpRules
  static override readonly scope = 'shared'

  override async requirements () {
    return await amqpRequirements()
  }

  override async check (context: CheckContext) {
    await withChannel(context, this.options.url, async channel => {
      // A broker with an alarm goes on opening channels; it tells only who publishes that it takes no message.
      channel.publish('', nowhere, Buffer.alloc(0))
    })
  }
}

export default RabbitMQCheck
