import { test } from 'tap'
import DefaultCheck, { DiskUsageCheck, EventLoopCheck, HeapUsageCheck, MemoryUsageCheck, ResidentMemoryCheck } from '../../lib/checks/system.js'
import { createHealth } from '../../lib/index.js'

test('the module of the system checks is the disk check unless another one is named', async t => {
  t.equal(DefaultCheck, DiskUsageCheck)
})

test('a healthy host passes all of them under their class names', async t => {
  const health = createHealth({ subsets: { host: [[DiskUsageCheck, { max: 100 }], [MemoryUsageCheck, { min: 1 }], EventLoopCheck, HeapUsageCheck, [ResidentMemoryCheck, { max: 100_000 }]] } })
  t.teardown(() => health.close())
  const { healthy, results } = await health.run('host')
  t.ok(healthy)
  t.strictSame(results.map(({ identifier, status }) => [identifier, status]), [
    ['DiskUsageCheck', 'working'], ['EventLoopCheck', 'working'], ['HeapUsageCheck', 'working'], ['MemoryUsageCheck', 'working'], ['ResidentMemoryCheck', 'working'],
  ])
})

test('each of them asks about this host, so that liveness may hold it', async t => {
  for (const Check of [DiskUsageCheck, EventLoopCheck, HeapUsageCheck, MemoryUsageCheck, ResidentMemoryCheck]) t.equal(Check.scope, 'local')
})
