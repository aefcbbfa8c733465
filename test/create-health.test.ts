import { test } from 'tap'
import { createHealth, defineCheck, HealthRegistry } from '../lib/index.js'
import { revoked } from './helpers/unreadable.js'

test('a worker without a Fastify of its own can have its probes served', async t => {
  const health = createHealth({ subsets: { readiness: [defineCheck({ identifier: 'Queue', check () {} })] } })
  t.teardown(() => health.close())
  const address = await health.listen({ host: '127.0.0.1' })
  t.equal(await health.listen({ host: '127.0.0.1' }), address, 'a second call opens nothing')
  t.strictSame(await (await fetch(`${address}/healthcheck/liveness`)).json(), { status: 'ok' })
  t.strictSame(await (await fetch(`${address}/healthcheck/readiness?format=json`)).json(), { Queue: 'working' })
  await health.close()
  await t.rejects(fetch(`${address}/healthcheck/liveness`))
})

test('a registry that was made without it cannot listen, and says how to make one', async t => {
  await t.rejects(new HealthRegistry().listen(), { code: 'FST_HEALTH_NO_LISTENER' })
})

test('a deadline that is none fails a subset, and does not end the process', async t => {
  const health = createHealth({ subsets: { readiness: [defineCheck({ identifier: 'Queue', check () {} })] } })
  for (const deadline of ['soon', NaN, {}, Symbol('none'), revoked({})]) {
    Object.assign(health.settings, { deadline })
    t.match(await health.run('readiness'), { healthy: false, results: [{ identifier: 'E001' }] })
    await new Promise(setImmediate)
  }
  await health.close()
})
