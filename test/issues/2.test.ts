import fastifyPostgres from '@fastify/postgres'
import fastifyRedis from '@fastify/redis'
import Fastify, { type FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import health from '../../lib/index.js'
import { startPostgres } from '../helpers/postgres.js'
import { startRedis } from '../helpers/redis.js'
import type { Server } from '../helpers/server.js'

/** Milliseconds: for what must answer, and for what cannot. */
const ample = 20_000
const short = 500

const working = { DatabaseHeartbeatCheck: 'working', RedisCheck: 'working' }

async function serve (t: Test, postgres: Server, redis: Server): Promise<{ app: FastifyInstance, origin: string }> {
  const app = Fastify()
  t.teardown(async () => await app.close())
  await app.register(health, {
    timeout: ample,
    subsets: { readiness: ['fastify-health/checks/postgres', 'fastify-health/checks/redis'] },
  })
  await app.register(fastifyPostgres, { connectionString: postgres.url })
  await app.register(fastifyRedis, { url: redis.url })
  return { app, origin: await app.listen({ port: 0, host: '127.0.0.1' }) }
}

async function get (url: string): Promise<{ status: number, body: unknown }> {
  const response = await fetch(url, { headers: { accept: 'application/json' } })
  return { status: response.status, body: await response.json() }
}

test('a service over PostgreSQL and Redis', async t => {
  const servers = { DatabaseHeartbeatCheck: await startPostgres(t), RedisCheck: await startRedis(t) }
  const { app, origin } = await serve(t, servers.DatabaseHeartbeatCheck, servers.RedisCheck)
  const { settings } = app.health

  /** Liveness stays what it is, whatever readiness says. */
  const probe = async (t: Test, expected: { status: number, body: unknown }) => {
    const [readiness, liveness] = await Promise.all([get(`${origin}/healthcheck/readiness`), get(`${origin}/healthcheck/liveness`)])
    t.same(readiness, expected)
    t.same(liveness, { status: 200, body: { status: 'ok' } })
  }

  t.beforeEach(() => { settings.timeout = ample })

  for (const [check, server] of Object.entries(servers)) {
    await t.test(`${check}: stopped is 500, started again is 200, without restarting the service`, async t => {
      await probe(t, { status: 200, body: working })
      await server.stop()
      for (let i = 0; i < 3; i++) await probe(t, { status: 500, body: { ...working, [check]: 'unavailable: connection refused' } })
      await server.start()
      await probe(t, { status: 200, body: working })
    })

    await t.test(`${check}: frozen is 500 within the timeout, thawed is 200, without restarting the service`, async t => {
      await probe(t, { status: 200, body: working })
      server.freeze()
      t.teardown(() => server.thaw())
      settings.timeout = short
      for (let i = 0; i < 3; i++) {
        const begun = Date.now()
        await probe(t, { status: 500, body: { ...working, [check]: `unavailable: timed out after ${short} ms` } })
        t.ok(Date.now() - begun < short + 1000)
      }
      server.thaw()
      settings.timeout = ample
      await probe(t, { status: 200, body: working })
    })
  }
})
