import { setTimeout as sleep } from 'node:timers/promises'
import fastifyRedis from '@fastify/redis'
import KeyvRedis from '@keyv/redis'
import { Redis } from 'ioredis'
import { Keyv } from 'keyv'
import t from 'tap'
import { faultMatrix, type Subject } from '../helpers/fault-matrix.js'
import { redisBehindRelay } from '../helpers/guarded-redis.js'

t.test('Redis', async t => {
  const { url, relay, census, injections } = await redisBehindRelay(t)
  const subject: Omit<Subject, 'name' | 'entry'> = { relay, census, injections }

  await faultMatrix(t, { ...subject, name: 'Redis', entry: ['fastify-health/checks/redis', { url }] })

  await faultMatrix(t, {
    ...subject,
    name: 'Redis over app.redis',
    entry: 'fastify-health/checks/redis',
    ownConnections: 1,
    async register (app) {
      const client = new Redis(url, { retryStrategy: () => 20 })
      client.on('error', () => {})
      // Not QUIT, as @fastify/redis has it: that waits for a server that hangs.
      app.addHook('onClose', async () => client.disconnect())
      await app.register(fastifyRedis, { client })
    },
  })

  await faultMatrix(t, {
    ...subject,
    name: 'Cache',
    injections: Object.fromEntries(Object.entries(injections).map(([fault, { inject, recover }]) => [fault, {
      inject: async () => await noticed(inject),
      recover: async () => await noticed(recover),
    }])),
    entry: 'fastify-health/checks/cache',
    ownConnections: 1,
    register (app) {
      const store = new KeyvRedis({ url, socket: { reconnectStrategy: () => 20 } })
      app.decorate('cache', new Keyv({ store }) as never)
      app.addHook('onClose', async () => await store.disconnect(true))
    },
  })
})

/** The client of a cache says by events how it is, in its own time. */
async function noticed (change: () => unknown): Promise<void> {
  await change()
  await sleep(100)
}
