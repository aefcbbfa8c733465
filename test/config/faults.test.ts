import { test } from 'tap'
import { HealthCheck, defineCheck } from '../../lib/check.js'
import { nameFault, toSettings } from '../../lib/config/options.js'
import { Planner } from '../../lib/config/planner.js'
import { findFaults, lineOf, timeNeeded, toSystemCheck } from '../../lib/config/faults.js'
import { text } from '../../lib/values/rules.js'
import type { EntryOptions, Requirement, RequirementsContext, Scope } from '../../types/check.js'
import type { HealthOptions } from '../../types/options.js'
import { FakeClock } from '../helpers/fake-clock.js'

async function find (options: object, ...subsets: string[]) {
  return await findAt(new FakeClock(), options, ...subsets)
}

async function findAt (clock: FakeClock, options: object, ...subsets: string[]) {
  const settings = toSettings(options as HealthOptions)
  const planner = new Planner(settings, () => {})
  const found = await findFaults({
    settings,
    registryFaults: [],
    subsets: subsets.length === 0 ? Object.keys(settings.subsets) : subsets,
    nameFault,
    plan: async subset => await planner.plan(subset),
    context: { settings, get app (): never { throw new Error('there is no app') } },
    clock,
  })
  return found.map(({ hint, ...rest }) => rest)
}

const scoped = (identifier: string, scope: Scope) => defineCheck({ identifier, scope, check () {} })
const taking = (identifier: string, timeout: number, options: EntryOptions = {}) => [defineCheck({ identifier, timeout, check () {} }), options]

class Needing extends HealthCheck<{ missing?: unknown, password?: string }> {
  override check () {}
  override requirements (context: RequirementsContext): Requirement[] {
    const { missing } = this.options
    if (missing === 'app') return [{ message: 'no app', hint: String(context.app) }]
    if (missing instanceof Error || missing === null) throw missing
    return missing as Requirement[]
  }
}

test('a configuration without faults has none', async t => {
  t.strictSame(await find({ subsets: { readiness: [scoped('A', 'shared')], liveness: [scoped('B', 'local')], integrations: [scoped('C', 'workers')] } }), [])
  t.strictSame(await find({}), [])
})

test('faults of the options are told, and those of the subsets beside them', async t => {
  t.strictSame(await find({ timout: 5, subsets: { s: 5, l: ['./nope.js'], liveness: [scoped('A', 'shared')] } }), [
    { id: 'E001', level: 'error', message: "there is no option 'timout'" },
    { id: 'E002', level: 'error', subset: 's', message: 'it is 5' },
    { id: 'E004', level: 'error', subset: 'l', entry: './nope.js', message: './nope.js cannot be loaded' },
    { id: 'W002', level: 'warning', subset: 'liveness', entry: 'A', message: 'A asks something shared: an outage of it restarts every pod' },
  ])
})

test('what an invalid option leaves open is not told', async t => {
  const subsets = { s: [taking('A', 300)], '*': ['./nope.js'] }
  t.strictSame((await find({ baseDir: '', subsets })).map(({ id }) => id), ['E001'], 'from where modules are loaded')
  t.strictSame((await find({ subsets: [] }, 's')).map(({ id }) => id), ['E001'], 'what the subsets are')
  for (const options of [{ deadline: 100, timeout: 0 }, { deadline: '100' }, { deadline: 100, sequential: 'no' }]) {
    t.strictSame((await find({ ...options, subsets })).map(({ id }) => id), ['E001', 'E003', 'E004'], 'whether the checks fit the deadline')
  }
})

test('all others are told at once, each with its subset and entry', async t => {
  const found = await find({ subsets: { 'not a name': [], s: 5, entries: [42, [Needing, { timeout: 0 }], scoped('A', 'local'), [scoped('A', 'local'), { after: 'B' }]] } })
  t.strictSame(found, [
    { id: 'E003', level: 'error', subset: 'not a name', message: "'not a name' cannot be a path segment" },
    { id: 'E002', level: 'error', subset: 's', message: 'it is 5' },
    { id: 'E005', level: 'error', subset: 'entries', entry: '[0]', message: '42 is no check' },
    { id: 'E008', level: 'error', subset: 'entries', entry: 'Needing', message: "Needing: 'timeout' is 0" },
    { id: 'E006', level: 'error', subset: 'entries', entry: 'A', message: "another entry has the identifier 'A', too" },
  ])
})

test('only the subsets named are looked at', async t => {
  t.strictSame(await find({ subsets: { s: 5, other: 6 } }, 'other'), [{ id: 'E002', level: 'error', subset: 'other', message: 'it is 6' }])
})

test('E007 tells everything that a check needs and does not find', async t => {
  const missing = [{ message: 'app.pg is not there', hint: 'Register it.' }, { message: 'no driver', hint: 'Install it.' }]
  t.strictSame(await find({ subsets: { s: [[Needing, { missing }]] } }), [
    { id: 'E007', level: 'error', subset: 's', entry: 'Needing', message: 'app.pg is not there' },
    { id: 'E007', level: 'error', subset: 's', entry: 'Needing', message: 'no driver' },
  ])
})

test('E007 tells requirements that cannot be made out, whatever was thrown, and nothing secret', async t => {
  const settings = toSettings({})
  for (const [missing, hint] of [['app', 'Its `requirements` threw there is no app.'], [new Error('refused canary'), 'refused [redacted]'], [null, /^Its `requirements` threw null\.$/], [5, /^Its `requirements` gave 5: let it/], [[{ message: 'x' }], /gave an array: let it give a list of \{ message, hint \}/], ['app.pg', /gave 'app\.pg'/]] as const) {
    const planner = new Planner(toSettings({ subsets: { s: [[Needing, { missing, password: 'canary' }]] } }), () => {})
    const found = await findFaults({ settings, registryFaults: [], subsets: ['s'], nameFault, plan: async subset => await planner.plan(subset), context: { settings, get app (): never { throw new Error('there is no app') } }, clock: new FakeClock() })
    t.match(found, [{ id: 'E007', message: 'what it needs cannot be made out', hint }])
  }
})

test('E007 tells requirements that could not be made out within the timeout of the check, and beside them the faults of the others', async t => {
  class Waiting extends HealthCheck {
    override check () {}
    override requirements () { return new Promise<never>(() => {}) }
  }
  const clock = new FakeClock()
  const missing = [{ message: 'no driver', hint: 'Install it.' }]
  const found = findAt(clock, { timeout: 4000, subsets: { s: [Waiting, [Waiting, { identifier: 'Other', timeout: 5000 }], [Needing, { missing }]] } })
  await clock.advance(5000)
  t.strictSame(await found, [
    { id: 'E007', level: 'error', subset: 's', entry: 'Waiting', message: 'what it needs could not be made out within 4000 ms' },
    { id: 'E007', level: 'error', subset: 's', entry: 'Waiting', message: 'what it needs could not be made out within 5000 ms' },
    { id: 'E007', level: 'error', subset: 's', entry: 'Needing', message: 'no driver' },
  ])
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})

test('W002 tells a subset named liveness that asks something shared', async t => {
  t.match(await find({ subsets: { liveness: [scoped('A', 'shared'), scoped('B', 'workers'), scoped('C', 'local'), defineCheck({ identifier: 'D', check () {} })] } }), [
    { id: 'W002', level: 'warning', subset: 'liveness', entry: 'A', message: 'A asks something shared: an outage of it restarts every pod' },
    { id: 'W002', entry: 'B' },
  ])
})

test('W003 tells a readiness that asks other workers', async t => {
  t.match(await find({ subsets: { readiness: [scoped('A', 'shared'), scoped('B', 'workers')], other: [scoped('C', 'workers')] } }), [
    { id: 'W003', level: 'warning', subset: 'readiness', entry: 'B', message: 'B asks other workers: their outage takes every pod out of the load balancer' },
  ])
})

test('W005 tells an option of a check without rules that is nearly one of the entry', async t => {
  class Lenient extends HealthCheck<any> {
    override check () {}
  }
  class Strict extends HealthCheck<any> {
    static override readonly rules = { interva: text() }
    override check () {}
  }
  t.match(await find({ subsets: { s: [[Lenient, { critcal: false, url: 'x' }], [Strict, { interva: 'x' }]] } }), [
    { id: 'W005', level: 'warning', subset: 's', entry: 'Lenient', message: "its option 'critcal' is nearly 'critical'" },
  ])
  t.equal((await find({ subsets: { s: [[Lenient, { critcal: false }], [Strict, { interva: 'x' }]] } })).length, 1)
})

test('W004 tells timeouts that cannot fit the deadline', async t => {
  const subsets = { s: [taking('A', 300), taking('B', 200)] }
  t.strictSame(await find({ deadline: 300, subsets }), [])
  t.match(await find({ deadline: 299, subsets }), [{ id: 'W004', level: 'warning', subset: 's', message: 'its checks may take 300 ms, and the deadline is 299 ms' }])
  t.match(await find({ deadline: 300, sequential: true, subsets }), [{ id: 'W004', message: 'its checks may take 500 ms one after another, and the deadline is 300 ms' }])
})

test('a subset takes as long as its slowest check, and what it stands after', async t => {
  const settings = toSettings({ timeout: 1000 })
  const entries = async (...list: unknown[]) => (await new Planner(toSettings({ subsets: { s: list as [] } }), () => {}).plan('s')).entries
  t.equal(timeNeeded([], settings), 0)
  t.equal(timeNeeded(await entries(scoped('A', 'local'), taking('B', 300)), settings), 1000)
  t.equal(timeNeeded(await entries(taking('C', 300, { after: 'B' }), taking('B', 200, { after: 'A' }), taking('A', 100)), settings), 600)
  t.equal(timeNeeded(await entries(taking('A', 100), taking('B', 200)), { ...settings, sequential: true }), 300)
  const beating = await entries(taking('A', 100), taking('B', 4000, { interval: 60_000 }))
  t.strictSame([timeNeeded(beating, settings), timeNeeded(beating, settings, false)], [100, 4000])
})

test('what runs in the background takes no time', async t => {
  t.strictSame(await find({ deadline: 300, subsets: { s: [taking('A', 5000, { interval: 60_000 }), taking('B', 300, { after: 'A' })] } }), [])
})

test('a system check is an error or a warning by its id, and says where as far as that is known', async t => {
  const hint = 'Mend it.'
  t.strictSame(toSystemCheck({ id: 'E001', message: 'm', hint }), { id: 'E001', level: 'error', message: 'm', hint })
  t.strictSame(toSystemCheck({ id: 'W002', message: 'm', hint, entry: 'A' }, 's'), { id: 'W002', level: 'warning', subset: 's', entry: 'A', message: 'm', hint })
})

test('a line says where, what, and what to do, and nothing twice', async t => {
  const check = { level: 'error', message: 'm', hint: 'Mend it.' } as const
  t.equal(lineOf({ ...check, id: 'E001' }), 'E001 m. Mend it.')
  t.equal(lineOf({ ...check, id: 'E002', subset: 's' }), "E002 subset 's': m. Mend it.")
  t.equal(lineOf({ ...check, id: 'E006', subset: 's', entry: 'A' }), "E006 subset 's', A: m. Mend it.")
  t.equal(lineOf({ ...check, id: 'E008', subset: 's', entry: 'A', message: 'A: m' }), "E008 subset 's': A: m. Mend it.")
})

test('a line has no control characters, and a limited length', async t => {
  const long = 'x'.repeat(5000)
  t.equal(lineOf(toSystemCheck({ id: 'E008', entry: 'A\u0007', message: 'is\r\n\u001b[31mred', hint: 'Do\nthis.' }, 's\n1')), "E008 subset 's 1', A: is [31mred. Do this.")
  t.ok(lineOf(toSystemCheck({ id: 'E008', entry: long, message: long, hint: long }, long)).length < 2300)
})
