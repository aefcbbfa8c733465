import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { DiskUsageCheck, type DiskUsageOptions } from '../../../lib/checks/system/disk.js'
import { createHealth } from '../../../lib/index.js'
import { violations } from '../../../lib/values/rules.js'
import type { HealthOptions } from '../../../types/options.js'
import { eventually } from '../../helpers/leaks.js'

async function statusOf (options: DiskUsageOptions, settings: HealthOptions = {}): Promise<string | undefined> {
  const health = createHealth({ ...settings, subsets: { disks: [[DiskUsageCheck, { ...options }]] } })
  try {
    return (await health.run('disks')).results[0]?.status
  } finally {
    await health.close()
  }
}

async function capacity (path: string): Promise<number> {
  const { stdout } = await promisify(execFile)('df', ['-P', path])
  return Number(/(\d+)%/.exec(stdout)?.[1])
}

async function percentShown (path: string): Promise<number> {
  const status = await statusOf({ path, max: 0 })
  return Number(/^warning: ([\d.]+)% disk usage is at or above 0%$/.exec(status ?? '')?.[1])
}

// Others may write to the disk between two looks at it.
test('disk usage is what df says, with one more digit', async t => {
  await eventually(async () => {
    const shown = await percentShown('/')
    assert.match(String(shown), /^\d+(\.\d)?$/)
    assert.equal(Math.ceil(shown), await capacity('/'))
  })
})

test('blocks reserved for root count neither as used nor as free', async t => {
  await eventually(async () => {
    const { blocks, bfree, bavail } = await statfs('/')
    const used = blocks - bfree
    assert.equal(await percentShown('/'), Math.ceil(used * 1000 / (used + bavail)) / 10)
  })
})

test('the threshold is compared with the exact usage, not with the one shown', async t => {
  await eventually(async () => {
    const { blocks, bfree, bavail } = await statfs('/')
    const used = blocks - bfree
    const usage = used * 1000 / (used + bavail) / 10
    assert.equal(await statusOf({ path: '/', max: usage + 0.001 }), 'working')
    assert.match(String(await statusOf({ path: '/', max: usage - 0.001 })), /^warning/)
  })
})

test('the threshold is the live setting, and the entry has the last word', async t => {
  const health = createHealth({ diskUsageMax: 0, subsets: { live: [DiskUsageCheck], own: [[DiskUsageCheck, { max: 100 }]], off: [[DiskUsageCheck, { max: null }]] } })
  t.teardown(() => health.close())
  const status = async (subset: string) => (await health.run(subset)).results[0]?.status
  t.match(await status('live'), /^warning: [\d.]+% disk usage is at or above 0%$/)
  t.equal(await status('own'), 'working')
  t.equal(await status('off'), 'working')
  health.settings.diskUsageMax = 100
  t.equal(await status('live'), 'working')
  health.settings.diskUsageMax = null
  t.equal(await status('live'), 'working')
})

test('a relative path starts at baseDir', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'disk-'))
  t.teardown(() => rm(folder, { recursive: true }))
  t.equal(await statusOf({ path: basename(folder), max: 100 }, { baseDir: dirname(folder) }), 'working')
  t.equal(await statusOf({ path: basename(folder), max: 100 }, { baseDir: folder }), 'unavailable: no such file or folder')
})

test('a path that is not there says so without naming it', async t => {
  t.equal(await statusOf({ path: '/mnt/no-such-disk' }), 'unavailable: no such file or folder')
})

test('a file system without a size is an unexpected result, and no healthy disk', { skip: process.platform !== 'linux' && 'needs /proc' }, async t => {
  t.equal(await statusOf({ path: '/proc' }), 'unexpected result: the path is on a file system without a size')
})

test('options that do not fit are told', async t => {
  t.strictSame(violations(DiskUsageCheck.rules, { path: '/', max: 0 }), [])
  t.strictSame(violations(DiskUsageCheck.rules, { max: null }), [])
  for (const values of [{ path: '' }, { path: 'a\0b' }, { path: 1 }, { max: -1 }, { max: 100.1 }, { max: '90' }, { max: NaN }, { paht: '/' }]) {
    t.equal(violations(DiskUsageCheck.rules, values).length, 1, JSON.stringify(values))
  }
})

test('a disk exactly at the threshold is a warning, and one just below it is not', async t => {
  const { DiskUsageCheck } = await t.mockImport<typeof import('../../../lib/checks/system/disk.js')>('../../../lib/checks/system/disk.js', {
    'node:fs/promises': { statfs: async () => ({ blocks: 100, bfree: 10, bavail: 10 }) },
  })
  const status = async (max: number) => {
    const health = createHealth({ subsets: { disks: [[DiskUsageCheck, { max }]] } })
    const [result] = (await health.run('disks')).results
    await health.close()
    return result?.status
  }
  t.equal(await status(90), 'warning: 90% disk usage is at or above 90%')
  t.equal(await status(90.1), 'working')
})
