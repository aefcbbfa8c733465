import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import t from 'tap'
import { startDjangoQ } from '../helpers/django-q.js'
import { canary, faultMatrix } from '../helpers/fault-matrix.js'
import { redisBehindRelay } from '../helpers/guarded-redis.js'
import { until } from '../helpers/leaks.js'

t.test('workers over Redis', async t => {
  const { server, url, relay, census, injections } = await redisBehindRelay(t)
  const admin = new Redis(server.url, { retryStrategy: () => 20, maxRetriesPerRequest: null })
  admin.on('error', () => {})
  t.teardown(() => admin.disconnect())

  await t.test('Django-Q', async t => {
    const secretKey = `${canary}-secret-key`
    const cluster = await startDjangoQ(t, { redis: `${server.url}/1`, cluster: 'shop', secretKey })
    const stats = async () => {
      await admin.select(1)
      return (await admin.keys('django_q:shop:cluster:*')).length
    }
    await faultMatrix(t, {
      name: 'Django-Q',
      entry: ['fastify-health/checks/django-q', { url, cluster: 'shop', secretKey }],
      relay,
      census,
      injections: {
        ...injections,
        // Redis is a row of its own: here it is the cluster that hangs or restarts. What it said last stays for three seconds.
        frozen: {
          async inject () {
            cluster.freeze()
            await until(async () => await stats() === 0, { timeout: 10_000 })
          },
          async recover () {
            cluster.thaw()
            await until(async () => await stats() > 0)
          },
        },
        restarted: { inject: async () => await cluster.restart(), recover () {} },
      },
    })
  })

  await t.test('BullMQ', async t => {
    const connection = { host: '127.0.0.1', port: server.port, db: 1, retryStrategy: () => 20, maxRetriesPerRequest: null }
    const worker = new Worker('mail', async () => {}, { connection })
    worker.on('error', () => {})
    t.teardown(async () => await worker.close(true))
    const fetches = async () => /name=bull:\S+.*flags=\S*b/.test(String(await admin.call('CLIENT', 'LIST')))
    await until(fetches)
    await faultMatrix(t, {
      name: 'BullMQ',
      entry: ['fastify-health/checks/bullmq', { url, queues: ['mail'] }],
      relay,
      census: async () => (await census() as { connections: number }).connections,
      injections: {
        ...injections,
        restarted: {
          async inject () {
            await injections.restarted.inject()
            await until(fetches)
          },
          recover () {},
        },
      },
    })
  })
})
