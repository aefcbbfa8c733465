import { createClient } from 'redis-5'
import { test } from 'tap'
import { betterReason } from '../../lib/clients/node-redis.js'
import { until } from '../helpers/leaks.js'
import { startRedis } from '../helpers/redis.js'
import { startRelay } from '../helpers/relay.js'

test('an error of a client that another connection does not have is told as it is', async t => {
  const server = await startRedis(t)
  const relay = await startRelay(t, server.port)
  const client = createClient({ url: `redis://127.0.0.1:${relay.port}` })
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.destroy())
  const { signal } = new AbortController()
  const lost = new Error('Socket closed unexpectedly')
  t.equal(await betterReason(lost, client, signal), lost)
  t.equal(relay.accepted, 2)
  const other = new Error('OOM')
  for (const [error, asked] of [[other, client], [lost, {}], [lost, undefined]] as const) t.equal(await betterReason(error, asked, signal), error)
  t.equal(relay.accepted, 2, 'no other connection is made for what it cannot tell')
  await until(() => relay.connections === 1)
})
