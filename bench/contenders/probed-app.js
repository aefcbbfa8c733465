// An app with a route of its own, and two that ask ten dependencies, one of which is always down: ours, and one that is written by hand.
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'

// Nothing listens there.
const down = { host: '127.0.0.1', port: 1 }

export async function probedApp ({ postgres, redis, web, folder }) {
  const { default: Fastify } = await import('fastify')
  const app = Fastify({ logger: false })
  const migrations = join(folder, 'migrations')
  const beat = join(folder, 'beat')
  await mkdir(migrations, { recursive: true })
  await writeFile(beat, '')
  const cache = await cacheOf(redis)
  await app.register(import('../../dist/lib/index.js'), {
    diskUsageMax: 100,
    memoryMin: 1,
    subsets: {
      readiness: [
        'fastify-health/checks/postgres',
        'fastify-health/checks/redis',
        ['fastify-health/checks/migrations', { tool: 'node-pg-migrate', dir: migrations }],
        ['fastify-health/checks/cache', { cache }],
        ['fastify-health/checks/storage', { dir: folder }],
        ['fastify-health/checks/http', { url: web }],
        ['fastify-health/checks/heartbeat', { file: beat, maxAge: 2 ** 31 - 1 }],
        'fastify-health/checks/system',
        'fastify-health/checks/system#MemoryUsageCheck',
        ['fastify-health/checks/tcp', down],
      ],
    },
  })
  await app.register(import('@fastify/postgres'), { connectionString: postgres })
  await app.register(import('@fastify/redis'), { url: redis })
  const schema = { response: { 200: { type: 'array', items: { type: 'object', properties: { id: { type: 'number' }, name: { type: 'string' } } } } } }
  app.get('/orders/:id', { schema }, async () => [{ id: 1, name: 'one' }, { id: 2, name: 'two' }])
  const calls = {
    postgres: async () => await app.pg.query('SELECT 1'),
    redis: async () => await app.redis.ping(),
    migrations: async () => await Promise.all([app.pg.query('SELECT name FROM pgmigrations'), readdir(migrations)]),
    cache: async () => await roundTrip(cache),
    storage: async () => await writtenAndRead(folder),
    http: async () => await (await fetch(web)).text(),
    heartbeat: async () => await stat(beat),
    disk: async () => await statfs('.'),
    memory: async () => await readFile('/proc/meminfo'),
    tcp: async () => await connected(down),
  }
  app.get('/by-hand', async (_request, reply) => {
    const found = await Promise.allSettled(Object.values(calls).map(async call => await call()))
    reply.code(found.every(({ status }) => status === 'fulfilled') ? 200 : 500)
    return Object.fromEntries(Object.keys(calls).map((name, index) => [name, found[index].status]))
  })
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  await app.pg.query('CREATE TABLE IF NOT EXISTS pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)')
  return { addresses: () => ({ route: `${address}/orders/42?full=1`, ours: `${address}/healthcheck/readiness?format=json`, byHand: `${address}/by-hand` }) }
}

async function cacheOf (redis) {
  const { default: Keyv } = await import('keyv')
  const { default: KeyvRedis } = await import('@keyv/redis')
  return new Keyv(new KeyvRedis(redis))
}

async function roundTrip (cache) {
  const key = randomUUID()
  await cache.set(key, key, 5000)
  await cache.get(key)
  await cache.delete(key)
}

async function writtenAndRead (folder) {
  const path = join(folder, randomUUID())
  await writeFile(path, path, { flush: true })
  await readFile(path)
  await rm(path)
}

async function connected (to) {
  const socket = connect(to)
  await new Promise((resolve, reject) => { socket.once('connect', resolve).once('error', reject) })
  socket.destroy()
}
