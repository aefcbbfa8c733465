import fp from 'fastify-plugin'
import { probe } from '../in-process.js'

async function shop (register) {
  const { default: Fastify } = await import('fastify')
  const app = Fastify({ logger: false })
  // Real apps register plugins, and an instance with some takes another path through Fastify than one without.
  await app.register(fp(async app => { app.decorate('orders', [{ id: 1, name: 'one' }, { id: 2, name: 'two' }]) }))
  await app.register(async app => { app.get('/customers', async () => []) })
  await register(app)
  const schema = { response: { 200: { type: 'array', items: { type: 'object', properties: { id: { type: 'number' }, name: { type: 'string' } } } } } }
  app.get('/orders/:id', { schema }, async () => app.orders)
  await app.ready()
  const path = '/orders/42?full=1'
  let listening
  const methods = {
    probe: async amount => await probe(app.routing, path, amount),
    address: async () => ({ url: `${await (listening ??= app.listen({ port: 0, host: '127.0.0.1' }))}${path}` }),
  }
  return { app, methods }
}

export async function without () {
  return (await shop(() => {})).methods
}

/** A hook that does nothing: what Fastify itself takes for having one. */
export async function emptyHook () {
  return (await shop(app => { app.addHook('onRequest', (_request, _reply, done) => { done() }) })).methods
}

export async function withHealth () {
  const { app, methods } = await shop(async app => {
    await app.register(import('../../dist/lib/index.js'), { subsets: { readiness: ['fastify-health/checks/system'] } })
  })
  const symbol = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.hooks')
  const [hook] = app[symbol].onRequest
  return { ...methods, hook: times => hookCost(hook, times) }
}

/** Nanoseconds of CPU that each call of the hook takes. */
function hookCost (hook, times) {
  const requests = ['/orders/42?full=1', '/', '/health', '/assets/app.js'].map(url => ({ method: 'GET', raw: { url } }))
  let called = 0
  const done = () => { called++ }
  const begun = process.cpuUsage()
  for (let n = 0; n < times; n++) hook(requests[n & 3], undefined, done)
  const { user, system } = process.cpuUsage(begun)
  if (called !== times) throw new Error('The hook kept a request that is not its own')
  return (user + system) / times * 1000
}
