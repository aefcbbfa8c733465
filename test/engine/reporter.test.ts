import { test } from 'tap'
import { defineCheck } from '../../lib/check.js'
import { Executor } from '../../lib/engine/executor.js'
import { nameFault, toSettings } from '../../lib/config/options.js'
import type { Plan } from '../../lib/config/plan.js'
import { Planner } from '../../lib/config/planner.js'
import { Reporter, type Inquiry } from '../../lib/engine/reporter.js'
import { Mutes } from '../../lib/engine/mutes.js'
import { RunnerPool } from '../../lib/engine/runner-pool.js'
import type { HealthOptions } from '../../types/options.js'
import { FakeClock } from '../helpers/fake-clock.js'
import { recordedLog } from '../helpers/recorded-log.js'

function setUp (options: HealthOptions) {
  const clock = new FakeClock()
  const settings = toSettings(options)
  const planner = new Planner(settings, () => {}, clock)
  const changes: unknown[] = []
  const reporter = new Reporter({
    settings,
    clock,
    planner,
    mutes: new Mutes(),
    runners: new RunnerPool(settings, clock, new Executor(settings, recordedLog().log, undefined)),
    nameFault,
    changed: (...change) => { changes.push(change) },
  })
  const run = (inquiry: Partial<Inquiry> = {}) => reporter.run({ subset: 's', draining: () => false, starting: false, deadline: undefined, background: false, ...inquiry })
  return { clock, settings, planner, reporter, run, changes }
}

const failing = defineCheck({ identifier: 'A', check () { throw new Error('gone') } })

test('what was found is told again without asking, until it is forgotten', async t => {
  const { reporter, run, changes } = setUp({ subsets: { s: [failing] } })
  t.equal(reporter.last('s', false), undefined)
  const { results } = await run()
  t.strictSame(reporter.last('s', true), { subset: 's', healthy: false, draining: true, startedAt: 1_000_000, duration: 0, results })
  t.equal(changes.length, 1)
  reporter.keep(new Map())
  t.equal(reporter.last('s', false), undefined)
})

test('an interval that comes round is recorded like a run', async t => {
  const { reporter, planner, settings } = setUp({ subsets: { s: [[failing, { interval: 1000 }]] } })
  const { entries: [entry] } = planner.plan('s') as Plan
  await reporter.runOnInterval('s', entry!)
  t.match(reporter.last('s', false), { healthy: false, results: [{ identifier: 'A', runs: 1 }] })
  settings.timeout = 0
  await reporter.runOnInterval('s', entry!)
  t.match(reporter.last('s', false), { healthy: false, results: [{ identifier: 'E001' }] })
})

test('one after another, nothing is asked any more once it is closed', async t => {
  const asked: string[] = []
  const slow = (identifier: string) => defineCheck({
    identifier,
    check: ({ signal }) => new Promise(resolve => {
      asked.push(identifier)
      signal.addEventListener('abort', () => resolve(undefined))
    }),
  })
  const { clock, reporter, run } = setUp({ sequential: true, subsets: { s: [slow('A'), slow('B')] } })
  const report = run()
  await clock.advance(10)
  reporter.close()
  await clock.advance(3000)
  t.match((await report).results, [{ identifier: 'A' }, { identifier: 'B', status: 'unavailable: closing', duration: 0 }])
  t.strictSame(asked, ['A'])
})

test('what is found once it is closed is not recorded', async t => {
  const { clock, reporter, run, changes } = setUp({ subsets: { s: [defineCheck({ identifier: 'A', check: () => new Promise((_resolve, reject) => { clock.after(50, () => reject(new Error('gone'))) }) })] } })
  const report = run()
  await clock.advance(10)
  reporter.close()
  await clock.advance(40)
  t.match(await report, { healthy: false, results: [{ status: 'unknown error', runs: 0 }] })
  t.match(await run(), { healthy: false, results: [{ status: 'unavailable: closing' }] })
  t.strictSame(changes, [])
})
