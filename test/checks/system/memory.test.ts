import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { MemoryUsageCheck } from '../../../lib/checks/system/memory.js'
import { createHealth } from '../../../lib/index.js'
import { violations } from '../../../lib/values/rules.js'

const beyondAnyHost = 2 ** 40

test('memory below the threshold is a warning that says how much there is', async t => {
  const health = createHealth({ subsets: { host: [[MemoryUsageCheck, { min: beyondAnyHost }]] } })
  t.teardown(() => health.close())
  const { healthy, results } = await health.run('host')
  const shown = /^warning: ([\d.]+) MiB available memory is below 1099511627776 MiB$/.exec(results[0]?.status ?? '')?.[1]
  t.notOk(healthy)
  t.match(shown, /^\d+(\.\d)?$/)
  t.ok(Number(shown) > 0)
})

test('no more is available than the host itself has', { skip: process.platform !== 'linux' && 'needs /proc' }, async t => {
  const health = createHealth({ subsets: { host: [[MemoryUsageCheck, { min: beyondAnyHost }]] } })
  t.teardown(() => health.close())
  const { results } = await health.run('host')
  const shown = Number(/[\d.]+/.exec(results[0]?.status ?? '')?.[0])
  const total = Number(/MemTotal:\s+(\d+)/.exec(await readFile('/proc/meminfo', 'utf8'))?.[1]) / 1024
  t.ok(shown < total, `${shown} MiB of ${total} MiB`)
})

test('the threshold is the live setting, and the entry has the last word', async t => {
  const health = createHealth({ memoryMin: beyondAnyHost, subsets: { live: [MemoryUsageCheck], own: [[MemoryUsageCheck, { min: 0 }]], off: [[MemoryUsageCheck, { min: null }]] } })
  t.teardown(() => health.close())
  const status = async (subset: string) => (await health.run(subset)).results[0]?.status
  t.match(await status('live'), /^warning: /)
  t.equal(await status('own'), 'working')
  t.equal(await status('off'), 'working')
  health.settings.memoryMin = 1
  t.equal(await status('live'), 'working')
  health.settings.memoryMin = null
  t.equal(await status('live'), 'working')
})

test('options that do not fit are told', async t => {
  t.strictSame(violations(MemoryUsageCheck.rules, { min: 0 }), [])
  t.strictSame(violations(MemoryUsageCheck.rules, { min: null }), [])
  for (const values of [{ min: -1 }, { min: Infinity }, { min: NaN }, { min: '100' }, { max: 1 }]) {
    t.equal(violations(MemoryUsageCheck.rules, values).length, 1, JSON.stringify(values))
  }
})
