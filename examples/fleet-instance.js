// One instance of examples/fleet.js: it serves, and asks the payment provider for all others when it is its turn.
import { setTimeout as pause } from 'node:timers/promises'
import Fastify from 'fastify'
import health, { defineCheck, ServiceUnavailable } from 'fastify-health'

const { PORT, NAME, REDIS_URL } = process.env
const provider = { up: true }

const app = Fastify()
await app.register(health, {
  fleet: { name: 'shop', url: REDIS_URL, instance: NAME },
  service: { version: '1.2.3' },
  subsets: {
    readiness: [defineCheck({ identifier: 'Orders', interval: 1000, check () {} })],
    integrations: [
      defineCheck({
        identifier: 'Payments',
        shared: true,       // one instance asks for all
        interval: 2000,     // as often as this
        async check () {
          console.log(`${NAME} asks the payment provider for all.`)
          if (!provider.up) throw new ServiceUnavailable('answered 503')
        },
      }),
    ],
  },
})

// So that you can see a check turn at the instance whose turn it is.
app.post('/demo/provider/:state', { schema: { hide: true } }, async ({ params: { state } }) => {
  provider.up = state === 'up'
  return { provider: state }
})

const address = await app.listen({ port: Number(PORT), host: '127.0.0.1' })
console.log(`${NAME} listens on ${address} and shows the fleet at ${address}/healthcheck/fleet`)

process.once('SIGTERM', async () => {
  await app.health.drain(0)
  await Promise.race([app.close(), pause(2000)])
  process.exit()
})
