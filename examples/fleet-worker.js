// The worker of examples/fleet.js, which serves nothing and is in the fleet as well.
import { setTimeout as pause } from 'node:timers/promises'
import { createHealth } from 'fastify-health'

const { NAME, REDIS_URL } = process.env

const health = createHealth({
  fleet: { name: 'shop', url: REDIS_URL, instance: NAME },
  subsets: { liveness: [['fastify-health/checks/system#EventLoopCheck', { interval: 1000 }]] },
})
health.start()
console.log(`${NAME} works.`)

process.once('SIGTERM', async () => {
  await Promise.race([health.close(), pause(2000)])
  process.exit()
})
