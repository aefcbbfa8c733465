import { test } from 'tap'
import type { Plan } from '../../lib/config/plan.js'
import { until } from '../helpers/leaks.js'
import { A, faults, identifiers, named, planner } from '../helpers/planning.js'

test('modules are loaded once, and only what is missing is waited for', async t => {
  const { planner: planning, settings } = planner({ s: ['./default-export.ts', './named-export.ts#flags', './default-export.ts#default'] })
  const first = planning.plan('s')
  t.ok(first instanceof Promise)
  t.strictSame(identifiers(await first), ['DefaultCheck', 'Feature flags'])
  t.notOk(planning.plan('s') instanceof Promise)
  settings.subsets['s']?.push('./missing.ts')
  t.strictSame(faults(await planning.plan('s')), [
    ['E006', './default-export.ts#default', "another entry has the identifier 'DefaultCheck', too"],
    ['E004', './missing.ts', './missing.ts cannot be loaded'],
  ])
})

test('E004 tells a module that has not loaded within the timeout, and the others run', async t => {
  const { planner: planning, settings, clock } = planner({ s: [A, './never-loads.ts'] })
  settings.timeout = 4000
  const planned = [planning.plan('s'), planning.plan('s')]
  t.strictSame(clock.timers, { foreground: 1, background: 0 }, 'it is loaded once')
  await clock.advance(3999)
  t.equal(planning.known('s'), undefined)
  await clock.advance(1)
  const [plan, same] = await Promise.all(planned) as [Plan, Plan]
  t.equal(plan, same)
  t.strictSame(identifiers(plan), ['A'])
  t.match(plan.faults, [{ id: 'E004', entry: './never-loads.ts', message: './never-loads.ts has not loaded within 4000 ms', hint: /top-level `await`/ }])
  t.equal(planning.plan('s'), plan, 'and nobody waits for it again')
})

test('a module that loads later is planned then', async t => {
  const { planner: planning, clock, told } = planner({ s: [['./loads-when-told.ts', { identifier: 'Late' }], A], other: [named('B')] })
  const other = planning.plan('other')
  const planned = planning.plan('s')
  await clock.advance(3000)
  const plan = await planned
  t.strictSame(faults(plan).map(([id]) => id), ['E004'])
  await until(() => {
    process.emit('fixture-loads' as never)
    return told.length === 3
  })
  const [subset, later] = told.at(-1) as [string, Plan]
  t.equal(subset, 's')
  t.strictSame(faults(later), [])
  t.strictSame(identifiers(later), ['Late', 'A'])
  t.equal(planning.plan('s'), later)
  t.equal(planning.plan('other'), other)
})
