import { getHeapStatistics } from 'node:v8'
import { test } from 'tap'
import { HeapUsageCheck } from '../../../lib/checks/system/heap.js'
import { createHealth } from '../../../lib/index.js'
import { violations } from '../../../lib/values/rules.js'

test('a heap at or above the threshold is a warning, and what is used is told in any case', async t => {
  const health = createHealth({ subsets: { heap: [[HeapUsageCheck, { max: 0 }]], roomy: [HeapUsageCheck], off: [[HeapUsageCheck, { max: null }]] } })
  t.teardown(() => health.close())
  const { results: [result] } = await health.run('heap')
  t.match(result?.status, /^warning: [\d.]+% heap usage is at or above 0%$/)
  t.match(result?.observed, [{ name: 'heap used', value: Number, unit: '%' }, { name: 'heap limit', value: Number, unit: 'MiB' }])
  t.match((await health.run('roomy')).results, [{ status: 'working', observed: [{ name: 'heap used' }, { name: 'heap limit' }] }])
  t.equal((await health.run('off')).results[0]?.status, 'working')
})

test('it is the limit that counts, not what V8 has taken of it so far', async t => {
  const health = createHealth({ subsets: { heap: [HeapUsageCheck] } })
  t.teardown(() => health.close())
  const [used, limit] = (await health.run('heap')).results[0]!.observed!
  const { heap_size_limit: size, used_heap_size: now, total_heap_size: taken } = getHeapStatistics()
  t.equal(limit?.value, Math.round(size / 1024 ** 2))
  t.ok(taken < size)
  t.ok(Number(used?.value) < 200 * now / size, `${used?.value}% of the limit, where ${100 * now / taken}% of what is taken are in use`)
})

test('options that do not fit are told', t => {
  for (const values of [{}, { max: 0 }, { max: 100 }, { max: null }]) t.strictSame(violations(HeapUsageCheck.rules, values), [])
  for (const values of [{ max: -1 }, { max: 101 }, { max: NaN }, { max: '90' }, { min: 1 }]) t.equal(violations(HeapUsageCheck.rules, values).length, 1, JSON.stringify(values))
  t.end()
})
