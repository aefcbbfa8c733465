import { test } from 'tap'
import { HealthCheck } from '../../lib/check.js'
import { never } from '../../lib/time/deadlines.js'
import { parseEntry, resolveEntry, type ParsedEntry, type ResolvedEntry } from '../../lib/config/entry.js'
import { Executor } from '../../lib/engine/executor.js'
import { toSettings } from '../../lib/config/options.js'
import { statusOf } from '../../lib/engine/report.js'
import { RunnerPool, type AskOptions } from '../../lib/engine/runner-pool.js'
import type { HealthOptions } from '../../types/options.js'
import { FakeClock } from '../helpers/fake-clock.js'
import { recordedLog } from '../helpers/recorded-log.js'

function setUp (options: HealthOptions = {}) {
  const clock = new FakeClock()
  const settings = toSettings(options)
  const executor = new Executor(settings, recordedLog().log, undefined)
  const runners = new RunnerPool(settings, clock, executor)
  const timeouts: number[] = []
  class Counted extends HealthCheck {
    override async check ({ timeout, signal }: { timeout: number, signal: AbortSignal }) {
      timeouts.push(timeout)
      await new Promise<void>(resolve => {
        clock.after(10, resolve)
        signal.addEventListener('abort', () => resolve())
      })
    }
  }
  const entry = (options = {}) => resolveEntry(parseEntry([Counted, options]) as ParsedEntry, Counted) as ResolvedEntry
  const ask = async (entry: ResolvedEntry, options: Partial<AskOptions> = {}) => {
    const answer = Promise.resolve(runners.ask(entry, { subset: 's', due: never, background: false, ...options }))
    await clock.advance(10)
    return statusOf((await answer).errors)
  }
  return { clock, settings, runners, entry, ask, timeouts }
}

test('entries that ask the same question share what is known of it', async t => {
  const { entry, ask, timeouts, clock } = setUp()
  const both = [ask(entry({ identifier: 'A' })), ask(entry({ identifier: 'B', critical: false }), { subset: 'other' })]
  await clock.advance(10)
  t.strictSame(await Promise.all(both), ['working', 'working'])
  t.equal(timeouts.length, 1)
  await ask(entry({ identifier: 'A', extra: 1 }))
  t.equal(timeouts.length, 2)
})

test('a check may take what its entry says, or else what the settings say at that moment', async t => {
  const { entry, ask, timeouts, settings } = setUp({ timeout: 700 })
  await ask(entry())
  settings.timeout = 800
  await ask(entry())
  await ask(entry({ timeout: 50 }))
  t.strictSame(timeouts, [700, 800, 50])
})

test('a result is kept as long as the entry says, else as the settings say for all subsets', async t => {
  const { entry, ask, timeouts } = setUp({ cacheFor: 1000 })
  await ask(entry())
  await ask(entry())
  t.equal(timeouts.length, 1)
  await ask(entry({ cacheFor: 0 }))
  t.equal(timeouts.length, 2)
})

test('the settings may say so by subset, whatever its name', async t => {
  const { entry, ask, timeouts } = setUp({ cacheFor: { s: 1000 } })
  await ask(entry())
  await ask(entry())
  t.equal(timeouts.length, 1)
  for (const [index, subset] of ['other', '__proto__', 'constructor'].entries()) {
    await ask(entry(), { subset })
    t.equal(timeouts.length, index + 2, subset)
  }
})

test('without an interval nothing is stale', async t => {
  const { entry, ask, timeouts, clock } = setUp({ cacheFor: 10_000_000 })
  await ask(entry())
  await clock.advance(9_000_000)
  t.equal(await ask(entry()), 'working')
  t.equal(timeouts.length, 1)
})

test('three beats may be missed before a background result is stale, or what the entry says', async t => {
  const { clock, entry, ask, runners } = setUp({ timeout: 500 })
  const beaten = runners.runOnInterval(entry(), 's', 1000)
  await clock.advance(10)
  await beaten
  const background = true
  await clock.advance(3495)
  t.equal(await ask(entry({ interval: 1000 }), { background }), 'working')
  t.equal(await ask(entry({ interval: 1000 }), { background }), 'unavailable: stale for 3 s')
  t.equal(await ask(entry({ interval: 1000, maxStale: 10_000 }), { background }), 'working')
})

test('an interval counts only where checks run in the background', async t => {
  const { entry, ask, timeouts } = setUp()
  await ask(entry({ interval: 1000 }), { background: true })
  await ask(entry({ interval: 1000 }), { background: true })
  t.equal(timeouts.length, 1)
  await ask(entry({ interval: 1000 }), { background: false })
  t.equal(timeouts.length, 2)
  await ask(entry(), { background: true })
  t.equal(timeouts.length, 3)
})

test('a beat asks, whatever is kept', async t => {
  const { clock, entry, runners, timeouts } = setUp({ cacheFor: 1000 })
  for (let beat = 0; beat < 3; beat++) {
    runners.runOnInterval(entry({ interval: 100 }), 's', 100)
    await clock.advance(100)
  }
  t.equal(timeouts.length, 3)
})

test('a beat of one subset is one of the others that ask the same at that interval', async t => {
  const { clock, entry, runners, timeouts } = setUp()
  const beat = async () => statusOf((await runners.runOnInterval(entry({ interval: 100 }), 's', 100)).errors)
  await Promise.all([beat(), clock.advance(10)])
  await clock.advance(69)
  t.equal(await beat(), 'working')
  t.equal(timeouts.length, 1)
  await clock.advance(1)
  await Promise.all([beat(), clock.advance(10)])
  t.equal(timeouts.length, 2)
})

test('what is forgotten is asked again', async t => {
  const { clock, entry, ask, runners, timeouts } = setUp()
  await Promise.all([runners.runOnInterval(entry(), 's', 1000), clock.advance(10)])
  runners.forget(entry())
  await Promise.all([ask(entry({ interval: 1000 }), { background: true }), clock.advance(10)])
  t.equal(timeouts.length, 2)
})

test('questions that are not in use any more are forgotten, once they are not asked any more', async t => {
  const { clock, entry, ask, runners, timeouts } = setUp({ cacheFor: 1000 })
  const { question } = entry()
  const running = ask(entry())
  runners.keep(new Set())
  await clock.advance(10)
  await running
  runners.keep(new Set([question]))
  await ask(entry())
  t.equal(timeouts.length, 1, 'what was kept is still known')
  runners.keep(new Set())
  await ask(entry())
  t.equal(timeouts.length, 2)
})

test('closing aborts what is under way', async t => {
  const { clock, entry, runners } = setUp()
  const answer = runners.runOnInterval(entry(), 's', 1000)
  await runners.close()
  await clock.settle()
  t.equal(statusOf((await answer).errors), 'unavailable: closing')
})

test('what is shared is asked here where there is no fleet', async t => {
  const { entry, runners, clock, timeouts } = setUp()
  const shared = entry({ shared: true, interval: 1000 })
  const answers = [runners.ask(shared, { subset: 's', due: never, background: true }), runners.runOnInterval(shared, 's', 1000)]
  await clock.advance(10)
  t.strictSame((await Promise.all(answers)).map(({ errors }) => statusOf(errors)), ['working', 'working'])
  t.equal(timeouts.length, 1)
  t.equal(runners.nextIn(shared), undefined)
})
