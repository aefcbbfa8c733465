import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { test } from 'tap'
import { EventLoopCheck, type EventLoopOptions } from '../../../lib/checks/system/event-loop.js'
import { ResourceStore } from '../../../lib/engine/resources.js'
import { createHealth } from '../../../lib/index.js'
import { violations } from '../../../lib/values/rules.js'
import { eventually } from '../../helpers/leaks.js'

interface Scope { teardown (close: () => unknown): void }

function probe (t: Scope, options: EventLoopOptions) {
  const health = createHealth({ subsets: { loop: [[EventLoopCheck, { ...options }]] } })
  t.teardown(() => health.close())
  return async () => (await health.run('loop')).results[0]?.status
}

// As a request handler does that computes for too long, several times.
async function blockFor (milliseconds: number, times: number): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const end = performance.now() + milliseconds
    while (performance.now() < end);
    await sleep(1)
  }
}

test('an event loop that is blocked is a warning, and the next run does not remember it', async t => {
  const status = probe(t, { maxDelay: 100 })
  t.equal(await status(), 'working', 'the first run has nothing to judge')
  await sleep(150)
  await blockFor(200, 3)
  const [, delay] = /^warning: ([\d.]+) ms event loop delay is at or above 100 ms$/.exec(await status() ?? '') ?? []
  t.ok(Number(delay) > 180 && Number(delay) < 1000, `${delay} ms`)
  await sleep(300)
  t.equal(await status(), 'working')
})

test('an idle event loop passes a strict threshold, since the resolution of the measurement is no delay', async t => {
  const status = probe(t, { maxDelay: 9, maxUtilization: 0.9 })
  await status()
  // Another process may take the processor away for a moment.
  await eventually(async () => {
    await sleep(300)
    assert.equal(await status(), 'working')
  }, { timeout: 10_000 })
})

test('an event loop that is busy is a warning, and the next run does not remember it', async t => {
  const status = probe(t, { maxDelay: null, maxUtilization: 0.4 })
  t.equal(await status(), 'working')
  await blockFor(50, 6)
  const [, utilization] = /^warning: ([\d.]+) event loop utilization is at or above 0.4$/.exec(await status() ?? '') ?? []
  t.ok(Number(utilization) > 0.8 && Number(utilization) <= 1, String(utilization))
  await sleep(300)
  t.equal(await status(), 'working')
})

test('both are told when both are exceeded', async t => {
  const status = probe(t, { maxDelay: 20, maxUtilization: 0.5 })
  await status()
  await sleep(50)
  await blockFor(100, 5)
  t.match(await status(), /^warning: [\d.]+ ms event loop delay is at or above 20 ms\nwarning: [\d.]+ event loop utilization is at or above 0.5$/)
})

test('runs that follow each other at once agree, since what lies between them is only the probe', async t => {
  const status = probe(t, { maxDelay: null, maxUtilization: 0.8 })
  t.equal(await status(), 'working')
  t.equal(await status(), 'working')
  await blockFor(50, 6)
  const busy = await status()
  t.match(busy, /^warning/)
  t.equal(await status(), busy)
})

test('entries with different options do not cut each other short', async t => {
  const health = createHealth({ subsets: { often: [EventLoopCheck], seldom: [[EventLoopCheck, { maxDelay: 100 }]] } })
  t.teardown(() => health.close())
  await health.run('often')
  await health.run('seldom')
  await sleep(150)
  await blockFor(200, 3)
  await health.run('often')
  await sleep(150)
  await health.run('often')
  t.match((await health.run('seldom')).results[0]?.status, /^warning/)
})

test('a delay of a second is too much where nothing else is said', async t => {
  const status = probe(t, {})
  await status()
  await sleep(150)
  await blockFor(200, 3)
  t.equal(await status(), 'working')
  await blockFor(1100, 2)
  t.match(await status(), /is at or above 1000 ms$/)
})

test('a long turn counts by its length, however many short ones there are', async t => {
  const status = probe(t, { maxDelay: 300 })
  await status()
  await sleep(1200)
  await blockFor(400, 1)
  await sleep(1200)
  const [, delay] = /^warning: ([\d.]+) ms event loop delay is at or above 300 ms$/.exec(await status() ?? '') ?? []
  t.ok(Number(delay) > 300 && Number(delay) <= 420, `${delay} ms`)
  // One request of more than a hundred comes in this turn.
  await sleep(1200)
  await blockFor(15, 1)
  t.equal(await status(), 'working')
})

test('closing the registry ends the measurement', async t => {
  const resources = new ResourceStore()
  const check = new EventLoopCheck({})
  const context = { resources } as unknown as Parameters<EventLoopCheck['check']>[0]
  await check.check(context)
  const monitor = await resources.get<{ measure (): { delay: number } }>('event loop {}', () => { throw new Error('not kept') })
  await resources.close()
  await sleep(50)
  await blockFor(150, 3)
  t.equal(monitor.measure().delay, 0)
})

test('the measurement does not keep the process alive', async t => {
  const script = `
    const { createHealth } = await import('${new URL('../../../lib/index.ts', import.meta.url)}')
    const { EventLoopCheck } = await import('${new URL('../../../lib/checks/system/event-loop.ts', import.meta.url)}')
    const health = createHealth({ subsets: { loop: [EventLoopCheck] } })
    console.log((await health.run('loop')).results[0].status)
  `
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], { timeout: 20_000 })
  t.equal(stdout, 'working\n')
})

test('options that do not fit are told', async t => {
  t.strictSame(violations(EventLoopCheck.rules, { maxDelay: 0, maxUtilization: 1 }), [])
  t.strictSame(violations(EventLoopCheck.rules, { maxDelay: null, maxUtilization: null }), [])
  for (const values of [{ maxDelay: -1 }, { maxDelay: Infinity }, { maxDelay: '5' }, { maxUtilization: 1.1 }, { maxUtilization: -0.1 }, { maxUtilization: NaN }, { maxdelay: 1 }]) {
    t.equal(violations(EventLoopCheck.rules, values).length, 1, JSON.stringify(values))
  }
})
