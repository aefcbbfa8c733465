import { test } from 'tap'
import type { Plan } from '../../lib/config/plan.js'
import { A, faults, identifiers, named, planner } from '../helpers/planning.js'

test('E006 tells two entries of one identifier, and the first one runs', async t => {
  const { planner: planning } = planner({ s: [[A, { critical: false }], A, named('B')] })
  const plan = planning.plan('s') as Plan
  t.strictSame(faults(plan), [['E006', 'A', "another entry has the identifier 'A', too"]])
  t.strictSame(plan.entries.map(({ identifier, critical }) => [identifier, critical]), [['A', false], ['B', true]])
})

test('those that others come after stand before them', async t => {
  const { planner: planning } = planner({ s: [named('C', { after: 'B' }), named('B', { after: 'A' }), named('D'), named('A')] })
  t.strictSame(identifiers(planning.plan('s') as Plan), ['A', 'B', 'C', 'D'])
})

test('E009 tells what comes after a check that is not in the subset', async t => {
  const { planner: planning } = planner({ s: [named('Database'), named('B', { after: 'Databse' }), named('C', { after: 'B' })] })
  const plan = planning.plan('s') as Plan
  t.match(plan.faults, [
    { id: 'E009', message: "it comes after 'Databse', which is not in the subset", hint: "Did you mean 'Database'?" },
    { id: 'E009', message: "it comes after 'Databse', which is not in the subset" },
  ])
  t.strictSame(identifiers(plan), ['Database'])
})

test('E009 shows no URL, which may hold credentials', async t => {
  const { planner: planning } = planner({ s: [named('A', { after: 'postgres://shop:canary@db/' })] })
  const { faults } = planning.plan('s') as Plan
  t.match(faults, [{ id: 'E009', message: /^it comes after a string that does not fit \(not shown: it may hold credentials\), which is not in the subset$/ }])
  t.notMatch(JSON.stringify(faults), /canary/)
})

test('E009 tells every circle, in its order', async t => {
  const { planner: planning } = planner({
    s: [named('A', { after: 'B' }), named('B', { after: 'C' }), named('C', { after: 'A' }), named('D', { after: 'A' }), named('E', { after: 'E' }), named('F')],
  })
  const plan = planning.plan('s') as Plan
  t.strictSame(plan.faults.map(({ message }) => message.split(': ')[1]), [
    'A -> B -> C -> A', 'B -> C -> A -> B', 'C -> A -> B -> C', 'A -> B -> C -> A', 'E -> E',
  ])
  t.strictSame(identifiers(plan), ['F'])
})

test('identifiers may be names that every object inherits', async t => {
  const { planner: planning } = planner({ s: [named('__proto__', { after: 'constructor' }), named('constructor')] })
  t.strictSame(identifiers(planning.plan('s') as Plan), ['constructor', '__proto__'])
})
