// Each boots once, in a process that has loaded nothing before.

// Boot sees whether these drivers can be loaded. An app that has such services loads them anyway.
const drivers = ['pg', 'ioredis', 'amqplib']

export async function withHealth () {
  return {
    async run () {
      const [fastify, { default: Fastify }] = await timed(async () => await import('fastify'))
      const [importing, { default: health }] = await timed(async () => await import('../../dist/lib/index.js'))
      for (const driver of drivers) await import(driver)
      const app = Fastify({ logger: false })
      const [readying] = await timed(async () => {
        app.register(health, { subsets })
        await app.ready()
      })
      return { fastify, importing, readying }
    },
  }
}

export async function without () {
  return {
    async run () {
      const [fastify, { default: Fastify }] = await timed(async () => await import('fastify'))
      for (const driver of drivers) await import(driver)
      const app = Fastify({ logger: false })
      const [readying] = await timed(async () => {
        app.register(async () => {})
        await app.ready()
      })
      return { fastify, readying }
    },
  }
}

/** Ten checks of ten modules in three subsets. Nothing is asked at boot. */
const subsets = {
  readiness: [
    ['fastify-health/checks/postgres', { connectionString: 'postgres://127.0.0.1:1/orders' }],
    ['fastify-health/checks/redis', { url: 'redis://127.0.0.1:1' }],
    ['fastify-health/checks/rabbitmq', { url: 'amqp://127.0.0.1:1' }],
    'fastify-health/checks/system',
  ],
  integrations: [
    ['fastify-health/checks/http', { url: 'http://127.0.0.1:1/' }],
    ['fastify-health/checks/tcp', { host: '127.0.0.1', port: 1 }],
    ['fastify-health/checks/dns', { name: 'localhost' }],
    ['fastify-health/checks/certificate', { host: '127.0.0.1', port: 1 }],
  ],
  worker: ['fastify-health/checks/heartbeat', ['fastify-health/checks/storage', { dir: '/tmp' }]],
}

async function timed (work) {
  const [cpu, begun] = [process.cpuUsage(), performance.now()]
  const value = await work()
  const { user, system } = process.cpuUsage(cpu)
  return [{ cpu: (user + system) / 1000, wall: performance.now() - begun }, value]
}
