// A report of a hundred checks in each format. The checks' outcomes are kept, so that none of them runs.
import { probe as probeMany } from '../in-process.js'

const number = 100
// Few at once, since an answer of this size is worth some memory.
const probe = async (listener, url, amount) => await probeMany(listener, url, amount, { batch: 10 })
const identifiers = Array.from({ length: number }, (_, index) => `Check of dependency ${String(index).padStart(3, '0')}`)

export async function ours () {
  const { default: Fastify } = await import('fastify')
  const { default: health, defineCheck } = await import('../../dist/lib/index.js')
  const app = Fastify({ logger: false })
  const checks = identifiers.map(identifier => defineCheck({ identifier, check () {} }))
  await app.register(health, { cacheFor: 2 ** 31 - 1, subsets: { first: checks, second: checks, third: checks } })
  await app.ready()
  const { registerMetrics } = await import('../../dist/lib/prometheus.js')
  const { Registry } = await import('prom-client')
  const register = new Registry()
  registerMetrics(app.health, { register })
  const answer = async (format, amount) => await probe(app.routing, `/healthcheck/first?format=${encodeURIComponent(format)}`, amount)
  return {
    answer,
    /** The same of a report that is there already: negotiated, rendered, validated and sent. */
    async rendering (format, amount) {
      const report = await app.health.run('first')
      // A new one each time, since what was rendered of the last one is kept.
      app.health.run = async () => ({ ...report })
      const spent = await answer(format, amount)
      delete app.health.run
      return spent
    },
    async scrape (amount) {
      let spent = 0
      for (const subset of ['first', 'second', 'third']) spent += await probe(app.routing, `/healthcheck/${subset}?format=openmetrics`, amount)
      return spent
    },
    async registryScrape (amount) {
      const before = process.cpuUsage()
      for (let n = 0; n < amount; n++) await register.metrics()
      const { user, system } = process.cpuUsage(before)
      return user + system
    },
  }
}

/** A route that returns the same object through a schema of its own. */
export async function bareRoute () {
  const { default: Fastify } = await import('fastify')
  const app = Fastify({ logger: false })
  const schema = {
    querystring: { type: 'object', properties: { format: { type: 'string' } } },
    response: { 200: { type: 'object', properties: Object.fromEntries(identifiers.map(identifier => [identifier, { type: 'string' }])) } },
  }
  app.get('/report', { schema }, async () => {
    const body = {}
    for (const identifier of identifiers) body[identifier] = 'working'
    return body
  })
  await app.ready()
  return { rendering: async (_format, amount) => await probe(app.routing, '/report?format=json', amount) }
}
