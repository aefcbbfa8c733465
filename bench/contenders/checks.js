// Each check, beside the cheapest call that its client itself has to answer the same question.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { pingOverAmqp, pingOverRedis } from '../celery-pings.js'

/** One app, one registry, and by the name of a subset the bare call beside it. */
export async function checks ({ postgres, redis, rabbitmq, folder, cluster, secretKey }) {
  const { default: Fastify } = await import('fastify')
  const app = Fastify({ logger: false })
  await app.register(import('@fastify/postgres'), { connectionString: postgres })
  await app.register(import('@fastify/redis'), { url: redis })
  await app.ready()
  const { connect } = await import('amqplib')
  const broker = await connect(rabbitmq)
  const { default: Keyv } = await import('keyv')
  const { default: KeyvRedis } = await import('@keyv/redis')
  const cache = new Keyv(new KeyvRedis(redis))
  const web = createServer((_request, response) => response.end('ok'))
  await new Promise(resolve => { web.listen(0, '127.0.0.1', resolve) })
  const url = `http://127.0.0.1:${web.address().port}/ping`
  const migrations = join(folder, 'migrations')
  await mkdir(migrations, { recursive: true })
  await app.pg.query('CREATE TABLE IF NOT EXISTS pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)')
  const beat = join(folder, 'beat')
  await writeFile(beat, '')

  const { createHealth } = await import('../../dist/lib/index.js')
  const health = createHealth({
    subsets: {
      postgres: ['fastify-health/checks/postgres'],
      migrations: [['fastify-health/checks/migrations', { tool: 'node-pg-migrate', dir: migrations }]],
      redis: ['fastify-health/checks/redis'],
      cache: [['fastify-health/checks/cache', { cache }]],
      storage: [['fastify-health/checks/storage', { dir: folder }]],
      rabbitmq: [['fastify-health/checks/rabbitmq', { url: rabbitmq }]],
      http: [['fastify-health/checks/http', { url }]],
      heartbeat: [['fastify-health/checks/heartbeat', { file: beat, maxAge: 2 ** 31 - 1 }]],
      bullmq: [['fastify-health/checks/bullmq', { queues: ['mail'] }]],
      'django-q': [['fastify-health/checks/django-q', { cluster, secretKey }]],
      'celery-rabbitmq': [['fastify-health/checks/celery', { url: rabbitmq }]],
      'celery-redis': [['fastify-health/checks/celery', { url: redis }]],
    },
  }, { app })

  const { readdir, stat } = await import('node:fs/promises')
  const { Queue } = await import('bullmq')
  // What a worker needs to be there for is made when it is first asked.
  const queue = once(() => new Queue('mail', { connection: app.redis, skipMetasUpdate: true }))
  const statKey = once(async () => (await app.redis.keys(`django_q:${cluster}:cluster:*`))[0])
  const waiting = once(() => app.redis.duplicate())
  const bare = {
    postgres: async () => await app.pg.query('SELECT 1'),
    migrations: async () => await Promise.all([app.pg.query('SELECT name FROM pgmigrations'), readdir(migrations)]),
    redis: async () => await app.redis.ping(),
    async cache () {
      const key = randomUUID()
      await cache.set(key, key, 5000)
      await cache.get(key)
      await cache.delete(key)
    },
    async storage () {
      const path = join(folder, randomUUID())
      // Flushed, as the check has it: what is only in memory says nothing of a disk.
      await writeFile(path, path, { flush: true })
      await readFile(path)
      await rm(path)
      await stat(path).catch(() => {})
    },
    async rabbitmq () {
      const channel = await broker.createChannel()
      await channel.close()
    },
    http: async () => await (await fetch(url)).text(),
    heartbeat: async () => await stat(beat),
    bullmq: async () => await queue().getWorkers(),
    'django-q': async () => await app.redis.get(await statKey()),
    'celery-rabbitmq': async () => await pingOverAmqp(broker),
    'celery-redis': async () => await pingOverRedis(waiting()),
  }
  return {
    async run (subset, times) {
      for (let n = 0; n < times; n++) {
        const { healthy, results } = await health.run(subset)
        if (!healthy) throw new Error(`${subset}: ${results[0].status}`)
      }
    },
    async bare (subset, times) {
      for (let n = 0; n < times; n++) await bare[subset]()
    },
  }
}

function once (make) {
  let made
  return () => (made ??= make())
}

/** A registry that counts the workers of one cluster in Redis. */
export async function workers ({ redis: url, cluster }) {
  const { Redis } = await import('ioredis')
  const { createHealth } = await import('../../dist/lib/index.js')
  const redis = new Redis(url)
  const health = createHealth({ subsets: { workers: [['fastify-health/checks/heartbeat#HeartbeatClusterCheck', { cluster }]] } }, { app: { redis, hasDecorator: name => name === 'redis' } })
  return {
    async run (times) {
      for (let n = 0; n < times; n++) {
        const { healthy, results } = await health.run('workers')
        if (!healthy) throw new Error(results[0].status)
      }
    },
  }
}
