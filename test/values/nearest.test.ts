import { test } from 'tap'
import { nearest } from '../../lib/values/nearest.js'

test('the nearest name is found, whatever its case', async t => {
  t.equal(nearest('tiemout', ['timeout', 'interval', 'after']), 'timeout')
  t.equal(nearest('TIMEOUT', ['timeout', 'interval']), 'timeout')
})

test('a longer name may be further off', async t => {
  t.equal(nearest('statusesUnhealthy', ['unhealthyStatuses']), undefined)
  t.equal(nearest('conectionStrnig', ['connectionString', 'name']), 'connectionString')
})

test('what is near to nothing is near to nothing', async t => {
  t.equal(nearest('colour', ['timeout', 'interval']), undefined)
  t.equal(nearest('anything', []), undefined)
})

test('a long name is near to nothing, which is found without a comparison', async t => {
  const began = performance.now()
  t.equal(nearest('timeout'.repeat(1_000_000), ['timeout', 'interval']), undefined)
  t.ok(performance.now() - began < 500)
})
