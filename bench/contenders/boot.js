// Each boots once, in a process that has loaded nothing before.

export async function withHealth () {
  return {
    async run () {
      const [fastify, { default: Fastify }] = await timed(async () => await import('fastify'))
      const [importing, { default: health, defineCheck }] = await timed(async () => await import('../../dist/lib/index.js'))
      const app = Fastify({ logger: false })
      const [readying] = await timed(async () => {
        app.register(health, { subsets: subsets(defineCheck) })
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
      const app = Fastify({ logger: false })
      const [readying] = await timed(async () => {
        app.register(async () => {})
        await app.ready()
      })
      return { fastify, readying }
    },
  }
}

/** Ten checks in three subsets. */
function subsets (defineCheck) {
  const idle = name => defineCheck({ identifier: name, check () {} })
  return {
    readiness: ['fastify-health/checks/system', idle('orders'), idle('stock')],
    integrations: ['fastify-health/checks/system#MemoryUsageCheck', idle('payments'), idle('mail'), idle('search'), idle('maps')],
    worker: ['fastify-health/checks/heartbeat', idle('queue')],
  }
}

async function timed (work) {
  const [cpu, begun] = [process.cpuUsage(), performance.now()]
  const value = await work()
  const { user, system } = process.cpuUsage(cpu)
  return [{ cpu: (user + system) / 1000, wall: performance.now() - begun }, value]
}
