// A broadcast ping of Celery's, by hand: what is published, and the first reply of a worker to it, over a queue for replies of its own
// that is gone afterwards. With less, something would be left behind.
import { once } from 'node:events'
import { randomUUID } from 'node:crypto'

const calls = 'celery.pidbox'
const replies = 'reply.celery.pidbox'

const ping = (exchange, routingKey) => {
  const ticket = randomUUID()
  const body = { method: 'ping', arguments: {}, destination: null, pattern: null, matcher: null, ticket, reply_to: { exchange, routing_key: routingKey } }
  return { ticket, body: Buffer.from(JSON.stringify(body)) }
}

/** @param connection of amqplib */
export async function pingOverAmqp (connection) {
  const channel = await connection.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true, durable: false })
  let onReply
  const reply = new Promise(resolve => { onReply = resolve })
  await channel.consume(queue, message => onReply(message), { noAck: true })
  const { ticket, body } = ping('', queue)
  channel.publish(calls, '', body, { contentType: 'application/json', contentEncoding: 'utf-8' })
  const { content, properties } = await reply
  assertPong(properties.headers.ticket === ticket, content)
  await channel.close()
}

/** @param client of ioredis, for these pings alone: it is held up while it waits for a reply */
export async function pingOverRedis (client) {
  if (client.status !== 'ready') await once(client, 'ready')
  const id = randomUUID()
  const list = `${id}.${replies}`
  const bindings = `_kombu.binding.${replies}`
  const binding = [id, '', list].join('\x06\x16')
  await client.sadd(bindings, binding)
  const { ticket, body } = ping(replies, id)
  client.publish(`/${client.options.db}.${calls}`, JSON.stringify({
    body: body.toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers: {},
    properties: { delivery_mode: 1, delivery_info: { exchange: '', routing_key: '' }, priority: 0, body_encoding: 'base64', delivery_tag: randomUUID() },
  }))
  const [, reply] = await client.brpop(list, 5)
  const { headers, body: content } = JSON.parse(reply)
  assertPong(headers.ticket === ticket, Buffer.from(content, 'base64'))
  await client.multi().srem(bindings, binding).del(list).exec()
}

function assertPong (isMine, content) {
  const [answer] = Object.values(JSON.parse(content))
  if (!isMine || answer.ok !== 'pong') throw new Error(`not the reply to this ping: ${content}`)
}
