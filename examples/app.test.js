import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import health, { createHealth, defineCheck, ServiceUnavailable } from 'fastify-health'

/** Stands for the app under test. */
async function build ({ flags }) {
  const app = Fastify()
  await app.register(health, {
    subsets: {
      readiness: [defineCheck({ identifier: 'Flags', check () { if (!flags.loaded) throw new ServiceUnavailable('not loaded yet') } })],
    },
  })
  return app
}

test('the app is not ready before its flags are loaded', async t => {
  const flags = { loaded: false }
  const app = await build({ flags })
  t.after(() => app.close())

  const before = await app.inject('/healthcheck/readiness?format=json')
  assert.equal(before.statusCode, 500)
  assert.deepEqual(before.json(), { Flags: 'unavailable: not loaded yet' })

  flags.loaded = true
  const after = await app.inject('/healthcheck/readiness?format=json')
  assert.equal(after.statusCode, 200)
})

test('a check by itself', async t => {
  const registry = createHealth({ subsets: { disk: [['fastify-health/checks/system', { path: '.', max: 100 }]] } })
  t.after(() => registry.close())
  const { healthy, results } = await registry.run('disk')
  assert.ok(healthy)
  assert.equal(results[0].identifier, 'DiskUsageCheck')
})
