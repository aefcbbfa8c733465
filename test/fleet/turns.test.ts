import { setTimeout as sleep } from 'node:timers/promises'
import { createHealth, defineCheck, HealthCheck, ServiceUnavailable, type Entry } from '../../lib/index.js'
import { parseEntry, resolveEntry, type ParsedEntry, type ResolvedEntry } from '../../lib/config/entry.js'
import { digestOf } from '../../lib/fleet/turns.js'
import { runsOf, startInstance, startProcess, statusOf } from '../helpers/fleet.js'
import { fleetTests } from '../helpers/fleet-tests.js'
import { eventually, until } from '../helpers/leaks.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { startRedis } from '../helpers/redis.js'
import { startRelay } from '../helpers/relay.js'
import { holding } from '../helpers/shared-references.js'

const patience = { timeout: 20_000 }

const shared = fleetTests(1000)
const { test } = shared

/** The only question of a fleet. */
async function question ({ name }: { name: string }): Promise<{ key: string, fields: Record<string, string> }> {
  const [key] = await shared.admin.keys(`fastify-health:{${name}}:question:*`)
  return { key: key as string, fields: key === undefined ? {} : await shared.admin.hgetall(key) }
}

test('of many instances one asks, once an interval, and all know', async (t, fleet) => {
  const interval = 1000
  const begun = performance.now()
  const instances = Array.from({ length: 8 }, () => startInstance(t, { fleet, interval }))
  await until(() => runsOf(instances) > 5, patience)
  for (const instance of instances) t.equal(await statusOf(instance), 'working')
  const atMost = Math.ceil((performance.now() - begun) / interval) + 1
  t.ok(runsOf(instances) <= atMost, `${runsOf(instances)} runs, ${atMost} intervals`)
  const [first] = instances.filter(({ runs }) => runs.length > 0)
  t.equal(instances.filter(({ runs }) => runs.length > 0).length, 1, 'the one whose turn it is keeps it')
  t.ok(first)
})

test('who comes later is told what is known, and how old it is', async (t, fleet) => {
  const first = startInstance(t, { fleet, interval: 60_000, check: ({ observe }) => { observe('lag', 3, 's') } })
  await until(async () => (await question(fleet)).fields['found'] !== undefined, patience)
  await sleep(100)
  const second = startInstance(t, { fleet, interval: 60_000 })
  const { results: [result] } = await second.health.run('s')
  t.match(result, { identifier: 'Payments', status: 'working', healthy: true, runs: 1 })
  t.ok(Date.now() - (result?.startedAt as number) >= 100)
  t.notOk(result && 'observed' in result, 'what a check observes is a detail')
  t.equal(second.runs.length, 0)
  t.equal(first.runs.length, 1)
})

test('a failure is told without its message, unless the fleet shares details', async (t, fleet) => {
  const check = ({ observe }: { observe: (name: string, value: number | string, unit?: string) => void }) => {
    observe('lag', 3, 's')
    observe('version', '7')
    throw new ServiceUnavailable('the till is locked')
  }
  for (const [details, status] of [[false, 'unavailable'], [true, 'unavailable: the till is locked']] as const) {
    const own = { ...fleet, name: `${fleet.name}-${details}`, details }
    startInstance(t, { fleet: own, interval: 60_000, check })
    await until(async () => (await question(own)).fields['found'] !== undefined, patience)
    const other = startInstance(t, { fleet: own, interval: 60_000 })
    const { results: [result] } = await other.health.run('s')
    t.match(result, { status, healthy: false, ...(details ? { observed: [{ name: 'lag', value: 3, unit: 's' }, { name: 'version', value: '7' }] } : {}) })
    t.equal(JSON.stringify(await question(own)).includes('till'), details)
  }
})

test('who finds a failure lets another one ask next', async (t, fleet) => {
  const failing = startInstance(t, { fleet, check: () => { throw new ServiceUnavailable('no way out of this host') } })
  await until(() => failing.runs.length > 0, patience)
  const well = Array.from({ length: 4 }, () => startInstance(t, { fleet }))
  await until(() => runsOf(well) > 0, patience)
  await until(async () => await statusOf(failing) === 'working', patience)
})

test('who leaves has its turns taken by another one', async (t, fleet) => {
  const first = startInstance(t, { fleet })
  await until(() => first.runs.length > 1, patience)
  const second = startInstance(t, { fleet })
  t.equal(await statusOf(second), 'working')
  await first.health.close()
  const { length } = first.runs
  await until(() => second.runs.length > 1, patience)
  t.equal(first.runs.length, length)
})

test('the turns of an instance that was killed are taken by another one', async (t, fleet) => {
  const first = startProcess(t, { fleet })
  await until(() => first.runs() > 1, patience)
  const second = startInstance(t, { fleet })
  t.equal(await statusOf(second), 'working')
  t.equal(second.runs.length, 0)
  first.child.kill('SIGKILL')
  await until(() => second.runs.length > 1, patience)
  t.equal(await statusOf(second), 'working')
})

test('who was frozen while it asked overwrites nothing of what its successor found', async (t, fleet) => {
  const first = startProcess(t, { fleet: { ...fleet, details: true } }, { takes: 150 })
  await until(() => first.runs() > 1, patience)
  first.tell({ fail: 'out of date' })
  const before = first.runs()
  await until(() => first.runs() > before + 1, patience)
  first.child.kill('SIGSTOP')
  const second = startInstance(t, { fleet: { ...fleet, details: true } })
  await until(() => second.runs.length > 1, patience)
  const { fields: { turn: since } } = await question(fleet)
  first.child.kill('SIGCONT')
  const found: Array<string | undefined> = []
  await until(async () => {
    const { fields: { found: outcome, foundIn } } = await question(fleet)
    if (Number(foundIn) >= Number(since)) found.push(outcome)
    return found.length > 20
  }, patience)
  t.notMatch(found.join(), 'out of date')
  await eventually(async () => {
    const { results: [result] } = await first.report()
    if (result?.status !== 'working') throw new Error(String(result?.status))
  }, patience)
})

test('a turn is kept for who needs longer than an interval', async (t, fleet) => {
  let end!: () => void
  const first = startInstance(t, { fleet, interval: 100, check: async () => { await new Promise<void>(resolve => { end = resolve }) } })
  await until(() => first.runs.length === 1, patience)
  const second = startInstance(t, { fleet, interval: 100 })
  await until(async () => {
    const { fields: { turn, alive } } = await question(fleet)
    return Number(alive) - Number(turn) > 500_000
  }, patience)
  t.equal(second.runs.length, 0)
  const waiting = second.health.run('s')
  end()
  t.match(await waiting, { healthy: true })
  end()
})

test('while nobody has found anything yet, others wait for it no longer than a check may take', async (t, fleet) => {
  startInstance(t, { fleet, interval: 60_000, check: async ({ signal }) => { await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))) } })
  await until(async () => (await question(fleet)).fields['turn'] !== undefined, patience)
  const second = startInstance(t, { fleet, interval: 60_000, timeout: 300 })
  t.equal(await statusOf(second), 'unavailable: timed out after 300 ms')
  await until(() => second.runs.length === 1, patience)
  await eventually(async () => { if (await statusOf(second) !== 'working') throw new Error('not asked yet') }, patience)
})

test('each asks for itself while Redis is away, says so once, and shares again when it is back', async t => {
  const own = await startRedis(t)
  const fleet = { name: 'shop', url: own.url, ttl: 1000 }
  const instances = Array.from({ length: 3 }, () => startInstance(t, { fleet }))
  await until(() => runsOf(instances) > 1, patience)
  for (const instance of instances) t.equal(await statusOf(instance), 'working')
  await own.stop()
  for (const instance of instances) {
    const { length } = instance.runs
    await until(() => instance.runs.length > length + 3, patience)
    t.equal(await statusOf(instance), 'working')
  }
  await own.start()
  for (const { log } of instances) await until(() => log.messages().includes('health: the fleet can be asked again'), patience)
  await until(async () => {
    const before = instances.map(({ runs }) => runs.length)
    await sleep(600)
    return instances.filter(({ runs }, index) => runs.length > (before[index] as number)).length === 1
  }, patience)
  for (const { log } of instances) {
    t.strictSame(log.messages(), [
      'health: the fleet cannot be asked: connection lost. This instance asks for itself until that is over.',
      'health: the fleet can be asked again',
    ])
  }
})

test('what was found while Redis went away stays known here, and so does a turn that is over', async (t, fleet) => {
  const relay = await startRelay(t, shared.redis.port)
  let end = () => {}
  const instance = startInstance(t, { fleet: { ...fleet, url: `redis://127.0.0.1:${relay.port}` }, interval: 60_000, check: async () => { await new Promise<void>(resolve => { end = resolve }) } })
  await until(async () => instance.runs.length === 1, patience)
  await relay.refuse()
  end()
  t.equal(await statusOf(instance), 'working')
  t.notOk('found' in (await question(fleet)).fields)
})

test('who took too long for its turn, and nobody has found anything since, goes by what it found', async (t, fleet) => {
  let end = () => {}
  const instance = startInstance(t, { fleet, interval: 60_000, check: async () => { await new Promise<void>(resolve => { end = resolve }) } })
  await until(async () => (await question(fleet)).fields['turn'] !== undefined && instance.runs.length === 1, patience)
  await shared.admin.hset((await question(fleet)).key, 'turn', '5')
  end()
  t.equal(await statusOf(instance), 'working')
  t.notOk('found' in (await question(fleet)).fields)
})

test('a value that is not the fleet\'s is ignored and logged once, and whoever reads it asks for itself', async (t, fleet) => {
  startInstance(t, { fleet, interval: 60_000 })
  await until(async () => (await question(fleet)).fields['found'] !== undefined, patience)
  const { key } = await question(fleet)
  for (const value of ['{', '[]', '{"d":1}', '{"d":1,"e":[5]}', '{"d":1,"e":[["fatal"]]}', '{"d":1,"e":[],"o":5}', '{"d":1,"e":[],"o":[5]}', '{"d":1,"e":[],"o":[["a",null]]}']) {
    // The turn is another instance's, which has just given a sign of life.
    const [seconds = 0, micro = 0] = (await shared.admin.time()).map(Number)
    await shared.admin.hset(key, 'found', value, 'holder', 'other', 'alive', seconds * 1_000_000 + micro)
    const reader = startInstance(t, { fleet, interval: 1000 })
    await until(() => reader.runs.length > 1, patience)
    t.strictSame(reader.log.messages(), ['health: what Redis holds of the fleet is not all of the fleet\'s own: an outcome cannot be read. It is ignored.'], value)
    await reader.health.close()
  }
  await shared.admin.del(key)
  await shared.admin.set(key, 'a text')
  const reader = startInstance(t, { fleet, interval: 100 })
  await until(() => reader.runs.length > 2, patience)
  t.strictSame(reader.log.messages(), ['health: what Redis holds of the fleet is not all of the fleet\'s own: a key of it is of another type. It is ignored.'])
  await shared.admin.del(key)
})

test('keys that are flushed are made anew, and a clock of Redis that went back is believed', async (t, fleet) => {
  const instances = Array.from({ length: 2 }, () => startInstance(t, { fleet }))
  await until(() => runsOf(instances) > 1, patience)
  await shared.admin.del((await question(fleet)).key)
  const before = runsOf(instances)
  await until(() => runsOf(instances) > before + 2, patience)
  const { key } = await question(fleet)
  const later = String(Number((await question(fleet)).fields['turn']) + 600_000_000)
  await shared.admin.hset(key, 'turn', later, 'foundIn', later, 'alive', later)
  const then = runsOf(instances)
  await until(() => runsOf(instances) > then + 2, patience)
  for (const instance of instances) t.equal(await statusOf(instance), 'working')
})

test('two entries that differ in their secrets alone are not taken for one', async (t, fleet) => {
  const asked: string[] = []
  class Till extends HealthCheck<{ password: string }> {
    override check () { asked.push(this.options.password) }
  }
  const { log, messages } = recordedLog()
  const entry = (password: string): Entry => [Till, { password, interval: 100, shared: true }]
  const health = createHealth({ subsets: { a: [entry('one')], b: [entry('two')] }, fleet }, { log })
  t.teardown(async () => await health.close())
  health.start()
  await until(() => ['one', 'two'].every(password => asked.filter(each => each === password).length > 2), patience)
  t.strictSame(messages(), ['health: two entries that are shared, Till, differ in their secrets alone: one of them is asked by each instance for itself. Give it an identifier of its own.'])
})

test('a question is asked once, however many subsets hold it', async (t, fleet) => {
  let runs = 0
  const shared = defineCheck({ identifier: 'Payments', interval: 100, shared: true, check () { runs++ } })
  const health = createHealth({ subsets: { a: [shared], b: [shared] }, fleet })
  t.teardown(async () => await health.close())
  const begun = performance.now()
  health.start()
  await until(() => runs > 9, patience)
  t.ok(runs <= Math.ceil((performance.now() - begun) / 100) + 1)
  t.match([await health.run('a'), await health.run('b')], [{ healthy: true }, { healthy: true }])
})

test('a question is called the same wherever it is asked, by nothing that is secret', async t => {
  class Till extends HealthCheck<Record<string, unknown>> {
    override check () {}
  }
  const digest = (options: object) => {
    const entry = resolveEntry(parseEntry([Till, options]) as ParsedEntry, Till) as ResolvedEntry
    return digestOf(entry)
  }
  const circle: { self?: unknown } = {}
  circle.self = circle
  t.match(digest({}), /^[\w-]{22}$/)
  t.equal(digest({ a: 1, b: [2] }), digest({ b: [2], a: 1, interval: 5, critical: false }))
  t.equal(digest({ password: 'one' }), digest({ password: 'two' }))
  t.equal(digest({ url: 'redis://a:one@h/1?token=5' }), digest({ url: 'redis://b:two@h/1' }))
  t.equal(digest({ connectionString: 'postgres://a:one@h/shop' }), digest({ connectionString: 'postgres://a:two@h/shop' }))
  t.equal(digest({ client: new Map() }), digest({ client: new Set() }), 'what passes by reference is another one in each process')
  t.equal(digest({ client: () => {} }), digest({ client () {} }))
  t.equal(digest(circle), digest(circle))
  t.equal(digest({ a: holding(100).top }), digest({ a: holding(100).top }), 'however many others hold an object')
  const different = [{}, circle, JSON.parse('{"__proto__": 1}'), { a: 1 }, { a: '1' }, { a: null }, { a: [1] }, { a: Symbol('b') }, { identifier: 'B' }, { url: 'redis://h/1' }, { url: 'redis://h/2' }, { url: '://' }, { connectionString: 'postgres://h/a' }, { connectionString: 'postgres://h/b' }, { connectionString: 'host=h' }]
  t.equal(new Set(different.map(digest)).size, different.length)
})
