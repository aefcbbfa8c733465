import { test } from 'tap'
import { defineCheck } from '../../lib/check.js'
import type { Plan } from '../../lib/config/plan.js'
import type { EntryOptions } from '../../types/check.js'
import type { Settings } from '../../types/options.js'
import { heapInUse } from '../helpers/garbage.js'
import { A, faults, identifiers, named, planner } from '../helpers/planning.js'
import { revoked, unreadable } from '../helpers/unreadable.js'

test('a plan is there at once where nothing has to be loaded', async t => {
  const plan = planner({ s: [A, named('B')] }).planner.plan('s')
  t.notOk(plan instanceof Promise)
  t.strictSame(identifiers(plan as Plan), ['A', 'B'])
})

test('what is known of a subset needs no loading: while a module never loads it is the plan from before', async t => {
  const { planner: planning, settings } = planner({ s: [A], new: ['./never-loads.ts'] })
  t.strictSame(identifiers(planning.known('s') as Plan), ['A'])
  settings.subsets['s']?.push('./never-loads.ts')
  t.strictSame(identifiers(planning.known('s') as Plan), ['A'])
  t.equal(planning.known('new'), undefined)
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

test('E008 tells a class whose static members cannot be read, and the other entries are planned', async t => {
  class Odd extends A {
    static override get rules (): undefined { throw new Error('not now') }
  }
  const { planner: planning } = planner({ s: [Odd, A] })
  const plan = planning.plan('s') as Plan
  t.strictSame(faults(plan), [['E008', 'Odd', 'Odd: reading its options threw not now']])
  t.strictSame(identifiers(plan), ['A'])
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

test('a subset is not worked out again where its list was replaced by one that is written alike', async t => {
  const { planner: planning, settings, told } = planner({ s: [A, named('B'), 42] })
  const plan = planning.plan('s')
  settings.subsets['s'] = [A, named('B'), 42] as never
  t.equal(planning.plan('s'), plan)
  t.equal(told.length, 1)
})

test('entries that are written alike are one entry, and a change of one of them does not change the other', async t => {
  const [options, alike] = [{ url: 'one' }, { url: 'one' }]
  const { planner: planning } = planner({ s: [[A, options]], other: [[A, alike]] })
  const entryOf = (subset: string) => (planning.plan(subset) as Plan).entries[0]
  t.equal(entryOf('s'), entryOf('other'))
  options.url = 'two'
  t.match(entryOf('s'), { options: { url: 'two' } })
  t.match(entryOf('other'), { options: { url: 'one' } })
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
