import { test } from 'tap'
import { fileURLToPath } from 'node:url'
import { HealthCheck, defineCheck } from '../../lib/check.js'
import { toSettings } from '../../lib/config/options.js'
import { Planner, type Plan } from '../../lib/config/plan.js'
import type { EntryOptions } from '../../types/check.js'
import type { Settings } from '../../types/options.js'
import { FakeClock } from '../helpers/fake-clock.js'
import { heapInUse } from '../helpers/garbage.js'
import { until } from '../helpers/leaks.js'
import { revoked, unreadable } from '../helpers/unreadable.js'

const baseDir = fileURLToPath(new URL('../fixtures/checks/', import.meta.url))

class A extends HealthCheck {
  override check () {}
}

function planner (subsets: unknown) {
  const settings = toSettings({ baseDir, subsets: subsets as Record<string, []> })
  const told: Array<[string, Plan]> = []
  const clock = new FakeClock()
  return { settings, told, clock, planner: new Planner(settings, (subset, plan) => { told.push([subset, plan]) }, clock) }
}

const named = (identifier: string, options: EntryOptions = {}) => [A, { identifier, ...options }]
const identifiers = ({ entries }: Plan) => entries.map(({ identifier }) => identifier)
const faults = ({ faults }: Plan) => faults.map(({ id, entry, message }) => [id, entry, message])

test('a plan is there at once where nothing has to be loaded', async t => {
  const plan = planner({ s: [A, named('B')] }).planner.plan('s')
  t.notOk(plan instanceof Promise)
  t.strictSame(identifiers(plan as Plan), ['A', 'B'])
})

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

test('what is known of a subset needs no loading: while a module never loads it is the plan from before', async t => {
  const { planner: planning, settings } = planner({ s: [A], new: ['./never-loads.ts'] })
  t.strictSame(identifiers(planning.known('s') as Plan), ['A'])
  settings.subsets['s']?.push('./never-loads.ts')
  t.strictSame(identifiers(planning.known('s') as Plan), ['A'])
  t.equal(planning.known('new'), undefined)
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

test('E002 tells a subset that is no list', async t => {
  const { planner: planning, settings } = planner({ text: 'fastify-health/checks/postgres', nothing: null })
  t.strictSame(faults(planning.plan('text') as Plan), [['E002', undefined, "it is 'fastify-health/checks/postgres'"]])
  t.strictSame(faults(planning.plan('nothing') as Plan), [['E002', undefined, 'it is null']])
  t.strictSame(faults(planning.plan('missing') as Plan), [['E002', undefined, 'it is undefined']])
  t.strictSame(faults(planning.plan('constructor') as Plan).map(([id]) => id), ['E002'])
  settings.subsets = null as unknown as Settings['subsets']
  t.strictSame(faults(planning.plan('text') as Plan), [['E002', undefined, 'it is undefined']])
})

test('a malformed entry is told by its place, a hole in the list included', async t => {
  const { planner: planning, settings } = planner({})
  // eslint-disable-next-line no-sparse-arrays -- a list may have a hole
  settings.subsets['s'] = [A, , 42] as unknown as []
  const plan = planning.plan('s') as Plan
  t.strictSame(faults(plan), [['E005', '[1]', 'undefined is no check'], ['E005', '[2]', '42 is no check']])
  t.strictSame(identifiers(plan), ['A'])
})

test('a class in a list of its own, without options, is planned once', async t => {
  const { planner: planning, told } = planner({ s: [[A]] })
  t.equal(planning.plan('s'), planning.plan('s'))
  t.equal(told.length, 1)
})

test('E008 tells options that cannot be read', async t => {
  const { planner: planning } = planner({ s: [[A, { get url () { throw new Error('not now') } }]] })
  t.strictSame(faults(planning.plan('s') as Plan), [['E008', 'A', 'A: reading its options threw not now']])
  const options = { url: 'x' }
  const { planner: later } = planner({ s: [[A, options]] })
  t.strictSame(faults(later.plan('s') as Plan), [])
  Object.defineProperty(options, 'url', { get () { throw new Error('not any more') }, enumerable: true })
  t.strictSame(faults(later.plan('s') as Plan), [['E008', 'A', 'A: reading its options threw not any more']])
})

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

test('what has not changed is not worked out again, not even where it is faulty', async t => {
  const { planner: planning, told } = planner({ s: [A, 42, 42, [A, { tiemout: 5 }], named('B')] })
  const plan = planning.plan('s')
  for (let run = 0; run < 5; run++) t.equal(planning.plan('s'), plan)
  t.strictSame(told, [['s', plan]])
})

test('options that go round in circles are not worked out again either', async t => {
  const options: Record<string, unknown> = {}
  options['self'] = options
  const { planner: planning } = planner({ s: [[A, options]] })
  const plan = planning.plan('s')
  t.equal(planning.plan('s'), plan)
  options['more'] = 1
  t.not(planning.plan('s'), plan)
})

test('a change is seen at the next plan: of the list, of options in place, of the class in place, of a fault', async t => {
  class B extends A {}
  const options: EntryOptions & { list: string[] } = { list: ['x'] }
  const entry: unknown[] = [A, options]
  const { planner: planning, settings, told } = planner({ s: [entry] })
  const list = settings.subsets['s'] as unknown[]
  const questions = new Set<string | undefined>()
  const next = () => questions.add((planning.plan('s') as Plan).entries[0]?.question)
  next()
  options.list.push('y')
  next()
  entry[0] = B
  next()
  t.equal(questions.size, 3)
  options.timeout = -1
  t.strictSame(faults(planning.plan('s') as Plan), [['E008', 'B', "B: 'timeout' is -1"]])
  options.timeout = -2
  t.strictSame(faults(planning.plan('s') as Plan), [['E008', 'B', "B: 'timeout' is -2"]])
  entry[1] = null
  t.strictSame(faults(planning.plan('s') as Plan), [['E005', '[0]', 'the options of B are null']])
  entry[1] = options
  list.push(42)
  t.equal(faults(planning.plan('s') as Plan).length, 2)
  list.unshift(42)
  t.strictSame(faults(planning.plan('s') as Plan).map(([, entry]) => entry), ['[0]', 'B', '[2]'])
  t.equal(told.length, 8)
})

test('the entries and questions in use are those of the plans that there are', async t => {
  const { planner: planning, settings } = planner({ s: [named('A'), named('B')], other: [named('A'), [defineCheck({ identifier: 'C', check () {} }), {}]] })
  planning.plan('s')
  planning.plan('other')
  const { identifiers, questions } = planning.inUse()
  t.strictSame([...identifiers].map(([subset, names]) => [subset, ...names]), [['s', 'A', 'B'], ['other', 'A', 'C']])
  t.equal(questions.size, 2)
  delete settings.subsets['other']
  settings.subsets['s'] = [A]
  planning.plan('s')
  t.strictSame([...planning.inUse().identifiers.keys()], ['s'])
})

test('entries that are replaced all the time are not remembered', async t => {
  const { planner: planning, settings } = planner({ s: [] })
  const replaced: Array<WeakRef<object>> = []
  for (let run = 0; run < 100; run++) {
    const entry = [A, { identifier: `A${run}`, list: [run] }]
    replaced.push(new WeakRef(entry))
    settings.subsets['s'] = [entry] as never
    planning.plan('s')
  }
  t.equal(planning.inUse().questions.size, 1)
  await heapInUse()
  t.equal(replaced.filter(entry => entry.deref() !== undefined).length, 1)
})

test('an entry whose `enabled` is false is left out, and nothing is loaded for it', async t => {
  const on = defineCheck({ identifier: 'On', check () {} })
  const off = defineCheck({ identifier: 'Off', enabled: false, check () {} })
  const { planner: planning } = planner({ s: [on, off, ['./missing.ts', { enabled: false }], [off, { enabled: true, identifier: 'On again' }], [on, { enabled: false }]] })
  const plan = await planning.plan('s')
  t.strictSame(identifiers(plan), ['On', 'On again'])
  t.strictSame(plan.disabled, ['Off', './missing.ts', 'On'])
  t.strictSame(plan.faults, [])
  t.equal(planning.plan('s'), plan, 'it is not worked out again')
})

test('an `enabled` that is no flag is E008, and one that is a getter that throws as well', async t => {
  const on = defineCheck({ identifier: 'On', check () {} })
  const { planner: planning } = planner({ s: [[on, { enabled: 'no' }], ['./missing.ts', { get enabled () { throw new Error('getter') } }]] })
  const plan = await planning.plan('s')
  t.match(plan.faults, [{ id: 'E008', hint: 'It must be true or false.' }, { id: 'E008', message: /reading its options threw getter/ }])
})

test('E002 tells a list that cannot be read, and the other subsets are planned', async t => {
  const { planner: planning, settings } = planner({ s: [A] })
  Object.assign(settings.subsets, { odd: unreadable([A]), gone: revoked([]) })
  t.strictSame(faults(planning.plan('odd') as Plan), [['E002', undefined, 'reading it threw not now']])
  t.strictSame(faults(planning.plan('gone') as Plan), [['E002', undefined, 'it is an object that cannot be read']])
  t.strictSame(identifiers(planning.plan('s') as Plan), ['A'])
})
