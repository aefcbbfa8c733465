import { randomUUID } from 'node:crypto'
import type { ChainableCommander, Redis } from 'ioredis'
import { monotonic } from '../../time/clock.js'
import { pause } from '../../time/abortable.js'
import { interruptionOf, type Interruption } from '../../time/stop-signal.js'
import type { CheckContext } from '../../../types/check.js'
import { Leftovers } from '../../clients/leftovers.js'
import { withRedis } from '../../clients/redis.js'
import { overNewConnection } from '../../clients/redis-own.js'
import type { Poll } from './poll.js'

export interface RedisMailbox {
  readonly url: string
  /** The `control_exchange` of Celery. */
  readonly controlExchange: string
  /** The `global_keyprefix` of Celery's `broker_transport_options`. */
  readonly globalKeyPrefix: string
  /** Workers may take this many milliseconds to reply. */
  readonly wait: number
}

/** `kombu.transport.redis` writes this between the fields of a binding. */
const separator = '\x06\x16'

/** A worker that has already looked up the binding may take this many milliseconds to write its reply. */
const grace = 1000

/**
 * Asks the workers over Redis, as the virtual transport of kombu does. A fanout exchange is a channel of PUBLISH, a queue is a list, and a
 * binding is a member of the set of the exchange. The list is made with an expiry before any reply comes, so that a late reply does not
 * make a list that stays for ever.
 */
export async function pollOverRedis (context: CheckContext, mailbox: RedisMailbox, poll: Poll): Promise<void> {
  const { url, controlExchange, globalKeyPrefix, wait } = mailbox
  const exchange = `reply.${controlExchange}.pidbox`
  const id = randomUUID()
  const list = `${globalKeyPrefix}${id}.${exchange}`
  const bindings = `${globalKeyPrefix}_kombu.binding.${exchange}`
  const binding = [id, '', `${id}.${exchange}`].join(separator)
  const leftovers = await context.resources.get(`celery ${url} ${bindings}`, () => new Leftovers(), async ({ all }) => {
    // If the binding stays, a worker that was frozen replies later into a list that never expires.
    if (all.length > 0) await overNewConnection(url, async client => await client.srem(bindings, ...all))
  })

  await withRedis(context, { url }, async client => {
    await open(client, { list, expiry: wait + grace, bindings, binding }, leftovers)
    try {
      const sent = await Promise.all(poll.commands({ exchange, routing_key: id })
        .map(async command => await client.publish(
          `${globalKeyPrefix}/${client.options.db}.${controlExchange}.pidbox`,
          messageOf(command)
        )))
      poll.expect(sent.reduce((sum, workers) => sum + workers))
      await collectReplies(client, list, poll, wait, interruptionOf(context))
      const closing = client.multi().srem(bindings, binding)
      await executeTransaction(poll.isComplete ? closing.del(list) : closing.pexpire(list, grace))
      leftovers.removed(binding)
    } catch (error) {
      // Members of a set do not expire. If the connection is lost, a later run removes this member.
      leftovers.leave(binding)
      throw error
    }
  })
}

interface ReplyQueue {
  readonly list: string
  /** The time until the list expires, in milliseconds. */
  readonly expiry: number
  readonly bindings: string
  readonly binding: string
}

async function open (client: Redis, { list, expiry, bindings, binding }: ReplyQueue, leftovers: Leftovers): Promise<void> {
  const stale = leftovers.left
  leftovers.use(binding)
  const opening = client.multi().rpush(list, '').pexpire(list, expiry).sadd(bindings, binding)
  try {
    await executeTransaction(stale.length === 0 ? opening : opening.srem(bindings, ...stale))
  } catch (error) {
    // If Redis refused, nothing is bound. Without this, the list of leftovers would grow with each refusal.
    if ((error as Error).name === 'ReplyError') leftovers.removed(binding)
    else leftovers.leave(binding)
    throw error
  }
  for (const name of stale) leftovers.removed(name)
}

async function executeTransaction (transaction: ChainableCommander): Promise<void> {
  try {
    // The answer is null only after a WATCH.
    const answers = await transaction.exec() as Array<[error: Error | null, answer: unknown]>
    for (const [error] of answers) if (error !== null) throw error
  } catch (error) {
    // The error of the refused command says why the transaction was discarded.
    throw (error as { previousErrors?: Error[] }).previousErrors?.[0] ?? error
  }
}

// Makes the same text as `Channel.prepare_message` and `basic_publish` of kombu.
function messageOf (command: Buffer): string {
  return JSON.stringify({
    body: command.toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers: {},
    properties: {
      delivery_mode: 1,
      delivery_info: { exchange: '', routing_key: '' },
      priority: 0,
      body_encoding: 'base64',
      delivery_tag: randomUUID(),
    },
  })
}

// The list is polled, since a blocking read would delay all other users of the connection.
async function collectReplies (client: Redis, list: string, poll: Poll, wait: number, signal: Interruption): Promise<void> {
  const end = monotonic() + wait
  let left = wait
  let seen = 0
  for (let interval = 1; !poll.over.aborted && left > 0; interval = Math.min(2 * interval, 50)) {
    await pause(Math.min(interval, left), signal)
    // Workers push on the left. The item on the right is the one with which the list was made.
    const replies = await client.lrange(list, 0, -2 - seen)
    seen += replies.length
    for (const reply of replies.reverse()) receiveReply(reply, poll)
    left = end - monotonic()
  }
}

function receiveReply (reply: string, poll: Poll): void {
  const message = JSON.parse(reply)
  const encoding = message.properties.body_encoding === 'base64' ? 'base64' : 'utf8'
  poll.receive({ ticket: message.headers.ticket, contentType: message['content-type'], body: Buffer.from(message.body, encoding) })
}
