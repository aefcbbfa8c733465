import { probe } from '../in-process.js'

const secret = 'a secret of at least thirty-two characters'

async function answering (register) {
  const { default: Fastify } = await import('fastify')
  const app = Fastify({ logger: false })
  await app.register(import('../../dist/lib/index.js'), { subsets: { readiness: ['fastify-health/checks/system'] } })
  await register(app)
  await app.ready()
  return { probe: async amount => await probe(app.routing, '/healthcheck/liveness', amount) }
}

export async function emptyApp () {
  return await answering(() => {})
}

export async function fullApp () {
  return await answering(async app => {
    await app.register(import('@fastify/helmet'))
    await app.register(import('@fastify/cors'))
    await app.register(import('@fastify/cookie'))
    await app.register(import('@fastify/session'), { secret, cookie: { secure: false } })
    await app.register(import('@fastify/jwt'), { secret })
    await app.register(import('@fastify/rate-limit'), { max: 10, timeWindow: '1 minute' })
    await app.register(import('@fastify/compress'))
    await app.register(import('@fastify/under-pressure'), { maxEventLoopDelay: 1000 })
    app.addHook('onRequest', async request => { await request.jwtVerify() })
  })
}
