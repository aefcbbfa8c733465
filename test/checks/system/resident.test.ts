import { test } from 'tap'
import { ResidentMemoryCheck } from '../../../lib/checks/system/resident.js'
import { createHealth } from '../../../lib/index.js'
import { violations } from '../../../lib/values/rules.js'

test('a process that holds as much as the threshold, or more, is a warning that says how much', async t => {
  const health = createHealth({ subsets: { tight: [[ResidentMemoryCheck, { max: 1 }]], roomy: [[ResidentMemoryCheck, { max: 2 ** 40 }]] } })
  t.teardown(() => health.close())
  const { results: [result] } = await health.run('tight')
  const shown = Number(/^warning: ([\d.]+) MiB resident memory is at or above 1 MiB$/.exec(result?.status ?? '')?.[1])
  const now = process.memoryUsage.rss() / 1024 ** 2
  t.ok(shown > now / 2 && shown < now * 2, `${shown} of ${now}`)
  t.match(result?.observed, [{ name: 'resident memory', value: shown, unit: 'MiB' }])
  t.match((await health.run('roomy')).results, [{ status: 'working', observed: [{ name: 'resident memory' }] }])
})

test('options that do not fit are told', t => {
  t.strictSame(violations(ResidentMemoryCheck.rules, { max: 0.5 }), [])
  for (const values of [{}, { max: 0 }, { max: Infinity }, { max: NaN }, { max: null }, { max: '1' }]) t.equal(violations(ResidentMemoryCheck.rules, values).length, 1, JSON.stringify(values))
  t.end()
})
