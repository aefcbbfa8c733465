// Readiness over PostgreSQL and Redis: two calls, `SELECT 1` and `PING`.
import { createServer } from 'node:http'

export async function ours (options) {
  const { app, address } = await fastifyApp(options)
  const { timeout = 3000, deadline, health = {} } = options
  await app.register(import('../../dist/lib/index.js'), {
    timeout,
    deadline,
    subsets: { readiness: ['fastify-health/checks/postgres', 'fastify-health/checks/redis'] },
    ...health,
  })
  await clients(app, options)
  return {
    address: async () => ({ url: `${await address()}/healthcheck/readiness?format=json` }),
    /** Blocks the event loop over and over, for so many milliseconds at a time. */
    block: (every, duration) => { setInterval(block, every, duration) },
  }
}

function block (duration) {
  const end = performance.now() + duration
  while (performance.now() < end);
}

/** What most services have. */
export async function handWritten (options) {
  const { app, address } = await fastifyApp(options)
  await clients(app, options)
  const text = { type: 'string' }
  const schema = { response: { 200: { type: 'object', properties: { database: text, redis: text } } } }
  app.get('/readiness', { schema }, async () => {
    await Promise.all([app.pg.query('SELECT 1'), app.redis.ping()])
    return { database: 'working', redis: 'working' }
  })
  return { address: async () => ({ url: `${await address()}/readiness` }) }
}

/** The cheapest answer that there is: what sharing can come to at most. */
export async function asksNothing (options) {
  const { app, address } = await fastifyApp(options)
  const text = { type: 'string' }
  const schema = { response: { 200: { type: 'object', properties: { database: text, redis: text } } } }
  app.get('/readiness', { schema }, async () => ({ database: 'working', redis: 'working' }))
  return { address: async () => ({ url: `${await address()}/readiness` }) }
}

export async function terminus (options) {
  const { default: { createTerminus } } = await import('@godaddy/terminus')
  const { pool, redis } = await bareClients(options)
  const server = createServer((_request, response) => response.writeHead(404).end())
  createTerminus(server, { healthChecks: { '/readiness': async () => { await Promise.all([pool.query('SELECT 1'), redis.ping()]) } } })
  return {
    address: async () => {
      if (!server.listening) await new Promise(resolve => { server.listen(0, '127.0.0.1', resolve) })
      return { url: `http://127.0.0.1:${server.address().port}/readiness` }
    },
  }
}

/** Its attempts share a run where they are cached: for the shortest time that it takes. */
export async function nestTerminus (options) {
  await import('reflect-metadata')
  const { Controller, Get, Inject, Module } = await import('@nestjs/common')
  const { NestFactory } = await import('@nestjs/core')
  const { FastifyAdapter } = await import('@nestjs/platform-fastify')
  const { HealthCheck, HealthCheckService, HealthIndicatorService, TerminusModule } = await import('@nestjs/terminus')
  const { pool, redis } = await bareClients(options)
  class Health {
    constructor (service, indicators) { Object.assign(this, { service, indicators }) }
    readiness () {
      const attempt = (name, ask) => this.indicators.check(name).attempt(async () => { await ask() }).withTimeout(3000).cacheFor(1)
      return this.service.check([
        () => attempt('database', async () => await pool.query('SELECT 1')),
        () => attempt('redis', async () => await redis.ping()),
      ])
    }
  }
  Inject(HealthCheckService)(Health, undefined, 0)
  Inject(HealthIndicatorService)(Health, undefined, 1)
  const method = Object.getOwnPropertyDescriptor(Health.prototype, 'readiness')
  Get('readiness')(Health.prototype, 'readiness', method)
  HealthCheck()(Health.prototype, 'readiness', method)
  Controller()(Health)
  class Root {}
  Module({ imports: [TerminusModule.forRoot({ logger: false })], controllers: [Health] })(Root)
  const nest = await NestFactory.create(Root, new FastifyAdapter(), { logger: false })
  let known
  return { address: async () => await (known ??= nest.listen(0, '127.0.0.1').then(async () => ({ url: `${(await nest.getUrl())}/readiness` }))) }
}

async function fastifyApp () {
  const { default: Fastify } = await import('fastify')
  const app = Fastify({ logger: false })
  let known
  return { app, address: async () => await (known ??= app.listen({ port: 0, host: '127.0.0.1' })) }
}

async function clients (app, { postgres, redis }) {
  await app.register(import('@fastify/postgres'), { connectionString: postgres })
  await app.register(import('@fastify/redis'), { url: redis })
}

async function bareClients ({ postgres, redis: url }) {
  const { default: pg } = await import('pg')
  const { Redis } = await import('ioredis')
  return { pool: new pg.Pool({ connectionString: postgres }), redis: new Redis(url) }
}
