import { once } from 'node:events'
import type { Channel, ConsumeMessage } from 'amqplib'
import type { CheckContext } from '../../../types/check.js'
import { within } from '../../time/timeout.js'
import { unlessNotFound, withChannel } from '../../clients/amqp.js'
import type { Poll } from './poll.js'

export interface AmqpMailbox {
  readonly url: string
  /** The `control_exchange` of Celery. */
  readonly controlExchange: string
  /** The broker is asked whether these queues have consumers. */
  readonly queues: readonly string[]
  /** Workers may take this many milliseconds to reply. */
  readonly wait: number
}

/**
 * Asks the workers over AMQP. A fanout exchange sends the calls to all workers, and the replies come to a queue that this run makes. The
 * workers reply through the default exchange, which needs no binding and exists in every virtual host.
 */
export async function pollOverAmqp (context: CheckContext, mailbox: AmqpMailbox, poll: Poll): Promise<void> {
  await Promise.all([
    broadcast(context, mailbox, poll),
    ...mailbox.queues.map(queue => attend(context, mailbox.url, queue, poll)),
  ])
}

async function broadcast (context: CheckContext, { url, controlExchange, wait }: AmqpMailbox, poll: Poll): Promise<void> {
  const reached = await unlessNotFound(withChannel(context, { url }, async channel => {
    const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true, durable: false })
    await channel.consume(queue, message => receiveMessage(message, poll), { noAck: true, exclusive: true })
    // The broker returns a message if no worker is bound to the exchange.
    channel.on('return', () => poll.expect(0))
    for (const command of poll.commands({ exchange: '', routing_key: queue })) {
      channel.publish(`${controlExchange}.pidbox`, '', command, {
        mandatory: true,
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        // The message expires, so that a frozen worker does not answer after the run.
        expiration: wait,
      })
    }
    await closedOrLate(channel, wait, poll.over)
    return true
  }))
  // The first worker makes the exchange, so there is no worker yet.
  if (reached === undefined) poll.expect(0)
}

function receiveMessage (message: ConsumeMessage | null, poll: Poll): void {
  // A `null` says that the broker has deleted the queue.
  if (message === null) return
  const { headers, contentType } = message.properties
  poll.receive({ ticket: headers?.['ticket'], contentType, body: message.content })
}

async function closedOrLate (channel: Channel, wait: number, over: AbortSignal): Promise<void> {
  await within<unknown>(wait, once(channel, 'close', { signal: over }), () => {}).catch(() => {})
}

// The broker answers at once if a queue has no consumer.
async function attend (context: CheckContext, url: string, queue: string, poll: Poll): Promise<void> {
  const found = await unlessNotFound(withChannel(context, { url }, async channel => await channel.checkQueue(queue)))
  if (found === undefined || found.consumerCount === 0) poll.unattended(queue)
}
