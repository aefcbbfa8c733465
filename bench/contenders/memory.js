import { probe as probeMany } from '../in-process.js'

// A few at once, as probes come: what is kept is the question, not what hundreds of pages take while they are sent.
const probe = async (listener, url, amount) => await probeMany(listener, url, amount, { batch: 10, statuses: [200, 500] })

async function app (register) {
  const { default: Fastify } = await import('fastify')
  const app = Fastify({ logger: false })
  await register(app)
  app.get('/orders', async () => [])
  await app.ready()
  return app
}

export async function withHealth () {
  const { routing } = await app(async app => {
    const { defineCheck } = await import('../../dist/lib/index.js')
    const idle = defineCheck({ identifier: 'orders', check () {} })
    await app.register(import('../../dist/lib/index.js'), {
      subsets: {
        readiness: [idle, flapping(defineCheck), 'fastify-health/checks/system#MemoryUsageCheck'],
        integrations: [idle, 'fastify-health/checks/system#EventLoopCheck', ['fastify-health/checks/storage', { dir: '/tmp' }]],
      },
    })
  })
  const formats = ['html', 'json', 'plain', 'health+json', 'openmetrics']
  return {
    /** Half of them liveness, the others readiness in all formats. */
    async probes (amount) {
      await probe(routing, '/healthcheck/liveness', amount / 2)
      for (const format of formats) await probe(routing, `/healthcheck/readiness?format=${encodeURIComponent(format)}`, amount / 2 / formats.length)
    },
  }
}

/** Fails for five runs of ten, each time with another message. */
function flapping (defineCheck) {
  let runs = 0
  return defineCheck({
    identifier: 'stock',
    check () {
      if (++runs % 10 < 5) throw new Error(`connect ECONNREFUSED 10.0.0.7:${runs}`)
    },
  })
}

/** As many requests of a route of its own. */
export async function without () {
  const { routing } = await app(() => {})
  return { probes: async amount => { await probe(routing, '/orders', amount) } }
}
