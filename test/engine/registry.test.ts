import { test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { HealthCheck, defineCheck } from '../../lib/check.js'
import { ServiceUnavailable, ServiceWarning } from '../../lib/errors.js'
import { createHealth } from '../../lib/create-health.js'
import { HealthRegistry } from '../../lib/engine/registry.js'
import { withoutDetails } from '../../lib/engine/report.js'
import { healthJson } from '../../lib/renderers/health-json.js'
import { html } from '../../lib/renderers/html.js'
import { json } from '../../lib/renderers/json.js'
import { nagios } from '../../lib/renderers/nagios.js'
import { openmetrics } from '../../lib/renderers/openmetrics.js'
import { plain } from '../../lib/renderers/plain.js'
import type { CheckContext, EntryOptions } from '../../types/check.js'
import type { Entry, HealthOptions, Settings } from '../../types/options.js'
import type { Report, Verdict, Transition } from '../../types/report.js'
import { FakeClock } from '../helpers/fake-clock.js'
import { heapInUse } from '../helpers/garbage.js'
import { recordedLog } from '../helpers/recorded-log.js'

const baseDir = fileURLToPath(new URL('../fixtures/checks/', import.meta.url))

function setUp (options: HealthOptions = {}) {
  const clock = new FakeClock()
  const recorded = recordedLog()
  const health = createHealth({ baseDir, ...options }, { clock, log: recorded.log })
  const transitions: Transition[] = []
  health.on('transition', transition => { transitions.push(transition) })
  const run = async (subset = 's', ms = 0): Promise<Report> => {
    const [report] = await Promise.all([health.run(subset), clock.advance(ms)])
    return report
  }
  return { clock, health, run, transitions, ...recorded }
}

interface Controlled {
  readonly entry: Entry
  runs: number
  /** What it throws, if anything. */
  error: unknown
  /** How long it takes. */
  takes: number
}

/** A check that can be told what to do. */
function controlled (clock: () => FakeClock, identifier = 'A', options: EntryOptions = {}): Controlled {
  const state: Controlled = {
    entry: [defineCheck({
      identifier,
      async check ({ signal }: CheckContext) {
        state.runs++
        if (state.takes > 0) {
          await new Promise<void>((resolve, reject) => {
            clock().after(state.takes, resolve)
            signal.addEventListener('abort', () => reject(signal.reason))
          })
        }
        if (state.error !== undefined) throw state.error
      },
    }), { ...options }],
    runs: 0,
    error: undefined,
    takes: 0,
  }
  return state
}

const statuses = ({ results }: Report) => Object.fromEntries(results.map(({ identifier, status }) => [identifier, status]))
const working = (identifier: string) => defineCheck({ identifier, check () {} })
const broken = (identifier: string, error: Error = new ServiceUnavailable('gone')) => defineCheck({ identifier, check () { throw error } })
const gone = 'unavailable: gone'

test('a run reports on every check of its subset, sorted by identifier', async t => {
  const { clock, run } = setUp({ subsets: { s: [working('B'), broken('C'), working('A')], other: [working('D')] } })
  await clock.advance(500)
  const report = await run()
  t.match(report, { subset: 's', healthy: false, draining: false, startedAt: clock.date(), duration: 0 })
  t.strictSame(statuses(report), { A: 'working', B: 'working', C: gone })
  t.match((await run('other')), { healthy: true })
})

test('how long a run took is told', async t => {
  const a = controlled(() => clock)
  const { clock, run } = setUp({ subsets: { s: [a.entry] } })
  a.takes = 70
  t.match(await run('s', 70), { duration: 70, results: [{ duration: 70, status: 'working' }] })
})

test('a subset that does not exist is an error, whatever its name', async t => {
  const { health } = setUp({ subsets: { s: [] } })
  for (const name of ['ghost', 'constructor', '__proto__', 'toString']) {
    await t.rejects(health.run(name), { code: 'FST_HEALTH_UNKNOWN_SUBSET', message: `Subset: '${name}' does not exist.` })
    t.throws(() => health.lastReport(name), { code: 'FST_HEALTH_UNKNOWN_SUBSET' })
  }
})

test('subsets and identifiers may have names that every object inherits', async t => {
  const { health, run } = setUp({ subsets: JSON.parse('{"__proto__": [], "constructor": []}') })
  t.strictSame(health.subsets(), ['__proto__', 'constructor'])
  health.add('__proto__', working('__proto__')).add('toString', broken('constructor'))
  t.strictSame((await run('__proto__')).results.map(({ identifier, status }) => [identifier, status]), [['__proto__', 'working']])
  t.strictSame((await run('toString')).results.map(({ identifier, status }) => [identifier, status]), [['constructor', gone]])
})

test('a warning fails the subset unless the settings say otherwise at that moment', async t => {
  const { health, run } = setUp({ subsets: { s: [broken('A', new ServiceWarning('late'))] } })
  t.match(await run(), { healthy: false, results: [{ healthy: false, status: 'warning: late' }] })
  health.settings.warningsAsErrors = false
  t.match(await run(), { healthy: true, results: [{ healthy: true, status: 'warning: late' }] })
})

test('what is not critical shows, and does not fail the subset', async t => {
  const { run } = setUp({ subsets: { s: [[broken('A'), { critical: false }], working('B')] } })
  t.match(await run(), { healthy: true, results: [{ identifier: 'A', healthy: false, critical: false, status: gone }, {}] })
})

test('entries are added at run time, to a subset that is there or to a new one', async t => {
  const subsets = { s: [working('A')] }
  const { health, run } = setUp({ subsets })
  health.add('s', working('B'), working('C')).add('new', working('D'))
  t.strictSame(health.subsets(), ['s', 'new'])
  t.strictSame(Object.keys(statuses(await run())), ['A', 'B', 'C'])
  t.strictSame(Object.keys(statuses(await run('new'))), ['D'])
  t.equal(subsets.s.length, 1, 'the options given are not changed')
})

test('nothing is added to a subset whose name cannot be a path segment, or that is no list', async t => {
  const { health } = setUp({ subsets: { s: 5 as never } })
  t.throws(() => health.add('a/b', working('A')), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /^E003 'a\/b' cannot be a path segment\. Use/ })
  t.throws(() => health.add('s', working('A')), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /^E002 subset 's' is 5/ })
})

test('settings are read at each run', async t => {
  const { health, run } = setUp({ subsets: { s: [working('A')] } })
  t.match(await run(), { healthy: true })
  health.settings.subsets['s'] = [broken('B')]
  t.strictSame(statuses(await run()), { B: gone })
  delete health.settings.subsets['s']
  await t.rejects(run(), { code: 'FST_HEALTH_UNKNOWN_SUBSET' })
})

test('one after another where the settings say so, all at once otherwise', async t => {
  const [a, b] = [controlled(() => clock, 'A'), controlled(() => clock, 'B')]
  const { clock, run, health } = setUp({ subsets: { s: [a.entry, b.entry] } })
  a.takes = b.takes = 50
  t.equal((await run('s', 50)).duration, 50)
  health.settings.sequential = true
  t.equal((await run('s', 100)).duration, 100)
})

test('every response leaves by its deadline, with what is known', async t => {
  const hanging = defineCheck({ identifier: 'hangs', check: () => new Promise(() => {}) })
  for (const sequential of [false, true]) {
    const { run } = setUp({ deadline: 200, sequential, subsets: { s: [working('A'), hanging, [working('B'), { after: 'hangs' }], working('C')] } })
    const report = await run('s', 200)
    t.equal(report.duration, 200)
    t.strictSame(statuses(report), {
      A: 'working', hangs: 'unavailable: timed out after 200 ms', B: 'unavailable: blocked by hangs', C: sequential ? 'unavailable: timed out after 200 ms' : 'working',
    })
  }
})

test('a run may have a deadline of its own', async t => {
  const { clock, health } = setUp({ deadline: 200, subsets: { s: [defineCheck({ identifier: 'A', check: () => new Promise(() => {}) })] } })
  const [one, other] = [health.run('s', { deadline: 50 }), health.run('s')]
  await clock.advance(200)
  t.match([await one, await other], [{ duration: 50 }, { duration: 200 }])
})

test('a module that never loads does not hold up a response that has a deadline', async t => {
  const { clock, health } = setUp({ deadline: 200, subsets: { s: ['./never-loads.ts', working('A')], loads: ['./default-export.ts'] } })
  const report = health.run('s')
  await clock.advance(200)
  t.match(await report, { healthy: false, duration: 200, results: [{ identifier: 's', status: 'unavailable: timed out after 200 ms', runs: 0 }] })
  t.match(await health.run('loads'), { healthy: true })
  await clock.advance(3000)
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})

test('a module that never loads holds up a response without deadline no longer than a check', async t => {
  const { clock, health } = setUp({ subsets: { s: [working('A')] } })
  health.add('s', './never-loads.ts')
  const report = health.run('s')
  await clock.advance(3000)
  t.match(await report, { healthy: false, results: [{ identifier: 'A' }, { identifier: 'E004', status: 'unknown error: ./never-loads.ts has not loaded within 3000 ms' }] })
})

test('modules are loaded when they are needed first', async t => {
  const { health } = setUp({ subsets: { s: ['./default-export.ts', ['./named-export.ts#flags', { identifier: 'Flags' }]] } })
  t.strictSame(statuses(await health.run('s')), { DefaultCheck: 'working', Flags: 'working' })
  t.strictSame(await health.checks('s'), [{ identifier: 'DefaultCheck', critical: true }, { identifier: 'Flags', critical: true }])
})

test('simultaneous runs of a subset, of another one, and of the same question under another name share one execution', async t => {
  const a = controlled(() => clock)
  const [Check] = a.entry as [new () => HealthCheck]
  const { clock, health } = setUp({ subsets: { s: [a.entry], other: [Check as never, [Check as never, { identifier: 'B', critical: false, timeout: 500 }]] } })
  a.takes = 50
  const reports = Promise.all(Array.from({ length: 300 }, (_, index) => health.run(index % 2 === 0 ? 's' : 'other')))
  await clock.advance(50)
  t.ok((await reports).every(({ healthy }) => healthy))
  t.equal(a.runs, 1)
  const report = health.run('s')
  await clock.advance(50)
  t.equal((await report).results[0]?.runs, 2, 'and each subset counts it as one run')
})

test('runs that begin before any check has answered are told one report; later ones ask anew what has answered', async t => {
  const [a, b] = [controlled(() => clock, 'A'), controlled(() => clock, 'B')]
  const { clock, health } = setUp({ subsets: { s: [a.entry, b.entry], empty: [] } })
  a.takes = 10
  b.takes = 50
  const begun = [health.run('s'), health.run('s')]
  await clock.advance(5)
  begun.push(health.run('s'))
  await clock.advance(10)
  const later = health.run('s')
  await clock.advance(50)
  const [first, ...joined] = await Promise.all(begun)
  t.ok(joined.every(report => report === first))
  t.match(await later, { startedAt: clock.date() - 50, results: [{ identifier: 'A', startedAt: clock.date() - 50 }, { identifier: 'B', startedAt: clock.date() - 65 }] })
  t.strictSame([a.runs, b.runs], [2, 1])
  t.not(await health.run('empty'), await health.run('empty'))
})

test('a run is not joined by one that other settings hold for, or that has another deadline', async t => {
  const { clock, health } = setUp({ subsets: { s: [defineCheck({ identifier: 'A', check: () => new Promise((_resolve, reject) => { clock.after(50, () => reject(new ServiceWarning('late'))) }) })] } })
  const strict = health.run('s')
  health.settings.warningsAsErrors = false
  const lenient = health.run('s')
  health.drain()
  health.settings.drainSubsets = ['s']
  const draining = health.run('s')
  health.settings.drainSubsets = []
  const hurried = health.run('s', { deadline: 20 })
  await clock.advance(50)
  t.match([await strict, await lenient, await draining, await hurried], [
    { healthy: false, draining: false },
    { healthy: true, draining: false },
    { healthy: false, draining: true, results: [{ status: 'unavailable: draining' }] },
    { healthy: false, duration: 20, results: [{ status: 'unavailable: timed out after 20 ms' }] },
  ])
})

test('runs that have to be answered in the same millisecond are told one report', async t => {
  const { clock, health } = setUp({ deadline: 100, subsets: { s: [defineCheck({ identifier: 'A', check: () => new Promise(() => {}) })] } })
  const begun = [health.run('s'), health.run('s')]
  await clock.advance(1)
  begun.push(health.run('s'))
  await clock.advance(100)
  const [first, second, third] = await Promise.all(begun)
  t.equal(second, first)
  t.not(third, first)
  t.match([first, third], [{ duration: 100 }, { duration: 100 }])
})

test('runs that come in one turn of the event loop are told one report, in time for the last answer to leave', async t => {
  const { clock, health } = setUp({ deadline: 1000, subsets: { s: [defineCheck({ identifier: 'A', check: () => new Promise(() => {}) })] } })
  const begun = [health.run('s')]
  clock.block(100)
  begun.push(health.run('s'))
  await clock.advance(800)
  t.equal(await begun[1], await begun[0])
  t.match(await begun[0], { duration: 900, results: [{ status: 'unavailable: timed out after 1000 ms' }] })
})

test('what the process was busy with for long takes no time from the checks', async t => {
  const { clock, health } = setUp({ deadline: 1000, subsets: { s: [defineCheck({ identifier: 'A', check: () => new Promise(() => {}) })] } })
  const first = health.run('s')
  clock.block(800)
  const second = health.run('s')
  await clock.advance(200)
  t.match(await first, { duration: 1000 })
  await clock.advance(800)
  t.match(await second, { duration: 1000, results: [{ status: 'unavailable: timed out after 1000 ms' }] })
})

test('a result is kept as long as the plugin, the subset or the entry says', async t => {
  const [a, b] = [controlled(() => clock, 'A'), controlled(() => clock, 'B', { cacheFor: 300 })]
  const { clock, run, health } = setUp({ cacheFor: 100, subsets: { s: [a.entry, b.entry], other: [a.entry] } })
  await run()
  await clock.advance(99)
  t.match((await run()).results[0], { identifier: 'A', runs: 1, startedAt: clock.date() - 99 })
  t.strictSame([a.runs, b.runs], [1, 1])
  await clock.advance(1)
  await run()
  t.strictSame([a.runs, b.runs], [2, 1])
  health.settings.cacheFor = { other: 1000 }
  await run()
  await run('other')
  t.strictSame([a.runs, b.runs], [3, 1])
  await clock.advance(200)
  await run()
  t.strictSame([a.runs, b.runs], [4, 2])
})

test('an invalid setting is told by E001, the app goes on, and so do the checks once it is mended', async t => {
  const { health, run } = setUp({ subsets: { s: [working('A')] } })
  const settings = health.settings as { -readonly [Name in keyof Settings]: unknown }
  for (const [name, value] of [['timeout', 'soon'], ['drainSubsets', null], ['cacheFor', null], ['deadline', 0], ['warningsAsErrors', 1], ['service', 5]] as Array<[keyof Settings, unknown]>) {
    const before = settings[name]
    settings[name] = value
    health.drain()
    t.match(await run(), { healthy: false, results: [{ identifier: 'E001', critical: true, status: new RegExp(`^unknown error: '${name}' is `) }] }, name)
    t.equal((await run()).results.length, 1)
    t.match(health.lastReport('s'), { healthy: false, results: [{ identifier: 'E001' }] })
    await t.rejects(run('ghost'), { code: 'FST_HEALTH_UNKNOWN_SUBSET' })
    settings[name] = before
    t.match(await run(), { healthy: true })
  }
})

test('subsets that are no subsets at all are told by E001', async t => {
  const { health, run } = setUp({ subsets: { s: [working('A')] } })
  for (const subsets of [null, undefined, 5, []]) {
    health.settings.subsets = subsets as never
    if (subsets !== undefined) t.match(await run(), { healthy: false, results: [{ identifier: 'E001' }] })
    t.strictSame(health.subsets(), [])
    t.equal(health.lastReport('s')?.healthy, false)
  }
})

test('a subset changed to something invalid is told by the id of each fault, beside the checks that can run', async t => {
  const { health, run } = setUp({ subsets: { s: [working('A')] } })
  const list = health.settings.subsets['s'] as unknown[]
  list.push(42, [working('B'), { tiemout: 5 }], working('A'), './missing.ts', [working('C'), { after: 'ghost' }])
  const report = health.run('s')
  const { healthy, results } = await report
  t.equal(healthy, false)
  t.strictSame(results.map(({ identifier }) => identifier), ['A', 'E004', 'E005', 'E006', 'E008', 'E009'])
  t.equal(results[0]?.status, 'working')
  t.equal(results[4]?.status, "unknown error: B: there is no option 'tiemout'")
  list.length = 1
  t.match(await run(), { healthy: true, results: [{ identifier: 'A', runs: 2 }] })
  health.settings.subsets['s'] = 'A' as never
  t.match(await run(), { healthy: false, results: [{ identifier: 'E002', status: "unknown error: it is 'A'" }] })
  health.settings.subsets['a b'] = [working('A')]
  t.match(await run('a b'), { healthy: false, results: [{ identifier: 'A', healthy: true }, { identifier: 'E003', status: "unknown error: 'a b' cannot be a path segment" }] })
  health.settings.subsets['s'] = [[working('A'), { get url () { throw new Error('not now') } }]] as never
  t.match(await run(), { healthy: false, results: [{ identifier: 'E008' }] })
})

test('every fault of the configuration is found, of all subsets or of those named', async t => {
  const { health } = setUp({ subsets: { s: [42 as never], other: [43 as never] } })
  t.strictSame((await health.systemChecks()).map(({ id, subset }) => [id, subset]), [['E005', 's'], ['E005', 'other']])
  t.strictSame((await health.systemChecks('other')).map(({ subset }) => subset), ['other'])
})

test('a run takes no longer than what its checks may take, or its deadline', async t => {
  const { health } = setUp({ timeout: 700, subsets: { s: [working('A'), [working('B'), { after: 'A', timeout: 100 }]] } })
  t.equal(await health.longestRun('s'), 800)
  health.settings.deadline = 500
  t.equal(await health.longestRun('s'), 500)
})

test('a change of state is told by an event and one log line, and nothing else is', async t => {
  const a = controlled(() => clock)
  const { clock, run, transitions, lines } = setUp({ subsets: { s: [a.entry] } })
  const states = [true, true, false, false, false, true, true]
  for (const healthy of states) {
    a.error = healthy ? undefined : new ServiceUnavailable('gone')
    await run('s', 10)
  }
  const change = { subset: 's', identifier: 'A', critical: true }
  const date = clock.date() - 70
  t.strictSame(transitions, [{ ...change, healthy: false, status: gone, at: date + 20 }, { ...change, healthy: true, status: 'working', at: date + 50 }])
  t.strictSame(lines, [
    { level: 'warn', health: transitions[0], msg: 'health: A of s is failing' },
    { level: 'info', health: transitions[1], msg: 'health: A of s is healthy again' },
  ])
  const report = await run()
  t.match(report.results[0], { since: date + 50, lastSuccess: date + 70, consecutiveFailures: 0, runs: 8, transitions: 2, history: [...states, true] })
})

test('a change of state is told as soon as it is known, and not when all the others have answered', async t => {
  const slow = controlled(() => clock, 'slow')
  const { clock, health, transitions } = setUp({ subsets: { s: [slow.entry, broken('A')] } })
  slow.takes = 1000
  const report = health.run('s')
  await clock.advance(0)
  t.match(transitions, [{ identifier: 'A', at: clock.date() }])
  await clock.advance(1000)
  await report
})

test('an older outcome does not come after a newer one', async t => {
  const [a, slow] = [controlled(() => clock, 'A'), controlled(() => clock, 'slow')]
  const { clock, health, transitions } = setUp({ subsets: { s: [a.entry, slow.entry] } })
  slow.takes = 1000
  a.error = new ServiceUnavailable('gone')
  const first = health.run('s')
  await clock.advance(100)
  a.error = undefined
  const second = health.run('s', { deadline: 50 })
  await clock.advance(1000)
  await Promise.all([first, second])
  t.strictSame(transitions.filter(({ identifier }) => identifier === 'A').map(({ healthy }) => healthy), [false, true])
  t.match(health.lastReport('s')?.results[0], { identifier: 'A', healthy: true })
})

test('an entry that is left out is told once, and is in no report', async t => {
  const off = defineCheck({ identifier: 'Off', enabled: false, check () { throw new ServiceUnavailable('gone') } })
  const { run, messages } = setUp({ subsets: { s: [off] } })
  for (let n = 0; n < 3; n++) t.match(await run(), { healthy: true, results: [] })
  t.strictSame(messages(), ['health: Off of s is left out, since its `enabled` is false'])
})

test('a failure that is borne is healthy in every format, says for how long, and keeps its message from those who see no details', async t => {
  const a = controlled(() => clock, 'A', { maxTimeInError: 10_000 })
  const { clock, run, transitions } = setUp({ subsets: { s: [a.entry] } })
  await run()
  a.error = new ServiceUnavailable('gone')
  await run()
  await clock.advance(4000)
  const report = await run()
  const status = 'working (unavailable: gone, for 4 s)'
  t.match(report, { healthy: true, results: [{ healthy: true, borne: true, status, errors: [{ kind: 'unavailable', message: 'gone' }] }] })
  t.strictSame(json.render(report, {}), { A: status })
  t.equal(plain.render(report, {}), `A                        ... ${status}\n`)
  t.match(healthJson.render(report, {}), { status: 'warn', checks: { 'A:responseTime': [{ status: 'warn', output: status }] } })
  t.match(html.render(report), /<tr class="mild"><td><b>borne<\/b><\/td>/)
  t.match(openmetrics.render(report, {}), /fastify_health_check_borne{subset="s",check="A"} 1/)
  t.match(nagios(report).line, /^FASTIFY-HEALTH WARNING - /)
  t.equal(withoutDetails(report).results[0]?.status, 'working (unavailable, for 4 s)')
  t.strictSame(transitions, [])
  await clock.advance(10_000)
  t.match(await run(), { healthy: false, results: [{ status: 'unavailable: gone' }] })
})

test('however many texts a check observes, and however long they are, no secret is among them', async t => {
  let runs = 0
  const Chatty = defineCheck({
    identifier: 'Chatty',
    check ({ observe }) {
      observe('said', `canary-token ${runs}`)
      observe('said at length', `canary-token ${'word '.repeat(50)}${runs}`)
    },
  })
  const health = createHealth({ subsets: { s: [[class extends Chatty { static override readonly rules = undefined as never }, { token: 'canary-token' }]] } })
  for (; runs < 120; runs++) {
    const { results: [result] } = await health.run('s')
    t.strictSame(result?.observed, [
      { name: 'said', value: `[redacted] ${runs}` },
      { name: 'said at length', value: `[redacted] ${'word '.repeat(50)}${runs}` },
    ])
  }
})

test('what a check observes is on the page, in health+json, in the report and in the metrics, and nowhere else', async t => {
  const observing = defineCheck({
    identifier: 'Queue',
    check ({ observe }) {
      observe('lag', 3, 'messages')
      observe('broker: version', '7.2 <b>')
      observe('password', 'canary-token')
      throw new ServiceWarning('behind')
    },
  })
  const { run } = setUp({ subsets: { s: [[class extends observing { static override readonly rules = undefined as never }, { token: 'canary-token' }]] } })
  const report = await run()
  const observed = [{ name: 'lag', value: 3, unit: 'messages' }, { name: 'broker: version', value: '7.2 <b>' }, { name: 'password', value: '[redacted]' }]
  t.strictSame(report.results[0]?.observed, observed)
  t.match(html.render(report), /<small>lag 3 messages<\/small>\n<small>broker: version 7\.2 &lt;b&gt;<\/small>/)
  const { checks } = healthJson.render(report, {}) as { checks: object }
  t.match(checks, {
    'Queue:responseTime': [{ observedUnit: 'ms' }],
    'Queue:lag': [{ componentId: 'Queue', observedValue: 3, observedUnit: 'messages', status: 'fail' }],
    'Queue:broker - version': [{ observedValue: '7.2 <b>', observedUnit: undefined }],
  })
  const metrics = String(openmetrics.render(report, {}))
  t.match(metrics, 'fastify_health_check_observed{subset="s",check="Queue",name="lag"} 3')
  t.notMatch(metrics, /broker|7\.2/)
  t.strictSame(json.render(report, {}), { Queue: 'warning: behind' })
  t.notMatch(String(plain.render(report, {})), 'lag')
  t.notOk('observed' in (withoutDetails(report).results[0] ?? {}))
})

test('a check that is muted does not fail its subset, and every format but json says so until it ends by itself', async t => {
  const { clock, health, run, messages } = setUp({ subsets: { s: [broken('A')] } })
  await t.rejects(health.mute('ghost', 'A', { until: 1, because: 'x' }), { code: 'FST_HEALTH_UNKNOWN_SUBSET' })
  await t.rejects(health.mute('s', 'a', { until: 1, because: 'x' }), { code: 'FST_HEALTH_UNKNOWN_CHECK', message: "Subset 's' has no check 'a'. Did you mean 'A'?" })
  await t.rejects(health.mute('s', 'A', { until: 1, because: 'x' }), { code: 'FST_HEALTH_INVALID_MUTE' })
  const until = clock.date() + 60_000
  await health.mute('s', 'A', { until, because: 'a move of the <database>', by: 'ops' })
  const report = await run()
  const words = `muted by ops until ${new Date(until).toISOString()}: a move of the <database>`
  t.match(report, { healthy: true, results: [{ healthy: false, status: gone, muted: { until, by: 'ops' } }] })
  t.strictSame(json.render(report, {}), { A: gone })
  t.equal(plain.render(report, {}), `A                        ... ${gone} (${words})\n`)
  t.match(html.render(report), '<b>muted</b></td>')
  t.match(html.render(report), words.replace('<database>', '&lt;database&gt;'))
  t.match(healthJson.render(report, {}), { status: 'warn', checks: { 'A:responseTime': [{ status: 'warn', muted: { by: 'ops', until: new Date(until).toISOString() } }] } })
  t.equal(nagios(report).line.split('|')[0], `FASTIFY-HEALTH WARNING - s: 1 of 1 check failing: A (${gone}; ${words})`)
  t.match(openmetrics.render(report, {}), /fastify_health_check_muted_since_timestamp_seconds{subset="s",check="A"} \d/)
  t.equal(plain.render(withoutDetails(report), {}), `A                        ... unavailable (muted until ${new Date(until).toISOString()})\n`)
  t.match(health.lastReport('s'), { healthy: true })
  t.ok(health.unmute('s', 'A'))
  t.notOk(health.unmute('s', 'A'))
  t.match(await run(), { healthy: false })
  await health.mute('s', 'A', { until: clock.date() + 1000, because: 'again' })
  t.match(await run('s', 1000), { healthy: true })
  t.match(await run(), { healthy: false })
  t.match(messages(), ['health: A of s is muted'])
})

test('a verdict is told when a subset changes, and not when one of its checks does', async t => {
  const [a, b] = [controlled(() => clock, 'A'), controlled(() => clock, 'B')]
  const { clock, health, run } = setUp({ subsets: { s: [a.entry, b.entry] } })
  const verdicts: Verdict[] = []
  health.on('verdict', verdict => { verdicts.push(verdict) })
  await run()
  t.strictSame(verdicts, [], 'a subset counts as healthy before')
  a.error = new ServiceUnavailable('gone')
  await run()
  t.strictSame(verdicts, [{ subset: 's', healthy: false, at: clock.date() }])
  a.error = undefined
  b.error = new ServiceUnavailable('gone')
  await run()
  t.equal(verdicts.length, 1, 'one check failing for another is no change')
  b.error = undefined
  await run()
  t.strictSame(verdicts.map(({ healthy }) => healthy), [false, true])
})

test('a verdict is told of a check that runs in the background, of draining, and anew of a subset that was gone', async t => {
  const a = controlled(() => clock, 'A', { interval: 1000 })
  const { clock, health } = setUp({ subsets: { readiness: [a.entry], other: [] } })
  t.teardown(() => health.close())
  const verdicts: Array<[subset: string, healthy: boolean]> = []
  health.on('verdict', ({ subset, healthy }) => { verdicts.push([subset, healthy]) })
  await health.systemChecks()
  health.start()
  await clock.advance(2000)
  a.error = new ServiceUnavailable('gone')
  await clock.advance(2000)
  t.strictSame(verdicts, [['readiness', false]])
  a.error = undefined
  await clock.advance(2000)
  health.drain()
  health.drain()
  t.strictSame(verdicts, [['readiness', false], ['readiness', true], ['readiness', false]])
  delete health.settings.subsets['readiness']
  await health.run('other')
  health.add('other', a.entry)
  await health.run('other')
  t.equal(verdicts.length, 3)
})

test('a listener that throws does not disturb', async t => {
  const { health, run, messages } = setUp({ subsets: { s: [broken('A')] } })
  health.on('transition', () => { throw new Error('listener') })
  health.on('transition', async () => { throw new Error('asynchronous listener') })
  health.prependListener('transition', async () => { throw new Error('asynchronous listener') })
  let heard = 0
  health.on('transition', () => { heard++ })
  health.once('transition', () => { heard++ })
  t.match(await run(), { healthy: false })
  await new Promise(resolve => { setImmediate(resolve) })
  const threw = 'health: a listener of "transition" threw'
  t.strictSame(messages(), ['health: A of s is failing', threw, threw, threw])
  t.equal(heard, 2, 'those that were added after it hear as well')
})

test('what the last runs found can be told without asking', async t => {
  const [a, b] = [controlled(() => clock, 'A'), controlled(() => clock, 'B')]
  const { clock, health, run } = setUp({ subsets: { s: [b.entry, a.entry], other: ['./never-loads.ts'] } })
  t.equal(health.lastReport('s'), undefined)
  t.equal(health.lastReport('other'), undefined)
  a.takes = 70
  b.error = new ServiceUnavailable('gone')
  const { results, ...rest } = await run('s', 70)
  await clock.advance(1000)
  t.strictSame(health.lastReport('s'), { ...rest, results })
  t.strictSame([a.runs, b.runs], [1, 1])
  health.settings.subsets['s']?.push(42 as never)
  t.match(health.lastReport('s'), { healthy: false, results: [{ identifier: 'A' }, { identifier: 'B' }, { identifier: 'E005' }] })
})

test('entries and subsets that are gone leave no history', async t => {
  const { health, run } = setUp({ subsets: { s: [broken('A'), broken('B')], other: [broken('C')] } })
  await run()
  await run('other')
  delete health.settings.subsets['other']
  health.settings.subsets['s']?.shift()
  await run()
  t.strictSame(health.lastReport('s')?.results.map(({ identifier }) => identifier), ['B'])
  health.settings.subsets['other'] = [broken('C')]
  t.match(await run('other'), { results: [{ runs: 1 }] })
})

test('while it drains, the drainSubsets fail and everything else is served', async t => {
  const a = controlled(() => clock)
  const { clock, health, run, transitions } = setUp({ subsets: { readiness: [a.entry, working('B')], integrations: [a.entry] } })
  t.match(await run('readiness'), { healthy: true, draining: false })
  t.notOk(health.draining)
  let drained = false
  health.drain(5000).then(() => { drained = true })
  t.ok(health.draining)
  t.match(await run('readiness'), { healthy: false, draining: true, results: [{ identifier: 'A', status: 'unavailable: draining', runs: 1 }, { status: 'unavailable: draining' }] })
  t.match(health.lastReport('readiness'), { healthy: false, draining: true })
  t.equal(a.runs, 1, 'and nothing is asked for them')
  t.match(await run('integrations'), { healthy: true, draining: false })
  t.strictSame(transitions, [])
  await clock.advance(4999)
  t.notOk(drained)
  await clock.advance(1)
  t.ok(drained)
  t.ok(health.draining, 'until the process ends')
})

test('a time that is none is refused, and changes nothing', async t => {
  const { health } = setUp({ subsets: { s: [working('A')] } })
  const invalid = { code: 'FST_HEALTH_INVALID_DURATION' }
  for (const ms of [-1, NaN, Infinity, 2 ** 31, '10s'] as number[]) {
    await t.rejects(health.drain(ms), invalid)
    await t.rejects(health.run('s', { deadline: ms }), invalid)
  }
  await t.rejects(health.drain('10s' as never), { message: "The time to drain must be a number of milliseconds, 0 to 2147483647; it is '10s'." })
  t.notOk(health.draining)
})

test('a drain without a time resolves at once', async t => {
  const { clock, health } = setUp()
  const drained = health.drain()
  await clock.advance(0)
  await t.resolves(drained)
})

test('closing ends a drain', async t => {
  const { clock, health } = setUp()
  const drains = [health.drain(60_000), health.drain(10)]
  await clock.advance(10)
  await health.close()
  await Promise.all(drains)
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})

test('checks with an interval run in the background once started, and runs read their last result', async t => {
  const a = controlled(() => clock, 'A', { interval: 1000 })
  const { clock, health, run, transitions } = setUp({ subsets: { s: [a.entry] } })
  await run()
  await run()
  t.equal(a.runs, 2, 'not started: each run asks')
  health.start()
  await clock.advance(2500)
  t.equal(a.runs, 5)
  a.error = new ServiceUnavailable('gone')
  t.match(await run(), { healthy: true })
  await clock.advance(500)
  t.equal(transitions.length, 1, 'told though nobody asked')
  t.match(await run(), { healthy: false, results: [{ status: gone }] })
  t.equal(a.runs, 6)
  await health.close()
})

test('a background result past its maxStale fails instead of lying', async t => {
  const a = controlled(() => clock, 'A', { interval: 60_000, maxStale: 10_000 })
  const { clock, health, run } = setUp({ subsets: { s: [a.entry] } })
  health.start()
  await clock.advance(12_500)
  t.match(await run(), { healthy: false, results: [{ status: 'unavailable: stale for 12 s' }] })
  await health.close()
})

test('a background check that has not run yet is not working', async t => {
  const a = controlled(() => clock, 'A', { interval: 1000 })
  const { clock, health, run } = setUp({ deadline: 50, subsets: { s: [a.entry] } })
  a.takes = 100
  health.start()
  t.match(await run('s', 50), { healthy: false, results: [{ status: 'unavailable: timed out after 50 ms' }] })
  await clock.advance(50)
  t.match(await run(), { healthy: true })
  await health.close()
})

test('a background check that stands after one that failed does not run, and is asked anew once it no longer does', async t => {
  const [a, b] = [controlled(() => clock, 'A'), controlled(() => clock, 'B', { interval: 1000, after: 'A' })]
  const { clock, health, run, transitions } = setUp({ subsets: { s: [a.entry, b.entry] } })
  health.start()
  await clock.advance(1500)
  t.equal(b.runs, 0, 'nobody has asked yet whether it may')
  await run()
  await clock.advance(1000)
  t.equal(b.runs, 2)
  a.error = new ServiceUnavailable('gone')
  for (let probe = 0; probe < 10; probe++) {
    t.match((await run()).results[1], { identifier: 'B', status: 'unavailable: blocked by A', runs: 2, consecutiveFailures: 1 })
    await clock.advance(500)
  }
  t.equal(b.runs, 2)
  t.strictSame(transitions.map(({ identifier, healthy }) => [identifier, healthy]), [['A', false], ['B', false]])
  a.error = undefined
  t.match(await run(), { healthy: true, results: [{}, { identifier: 'B', startedAt: clock.date(), runs: 3 }] })
  await health.close()
})

test('a check runs once each interval, however many subsets hold it', async t => {
  const a = controlled(() => clock, 'A', { interval: 1000 })
  const { clock, health } = setUp({ subsets: { s: [a.entry], other: [a.entry], third: [a.entry] } })
  health.start()
  await clock.advance(9500)
  t.equal(a.runs, 10)
  t.match([health.lastReport('other'), health.lastReport('third')], [{ results: [{ runs: 10 }] }, { results: [{ runs: 10 }] }])
  await health.close()
})

test('what is added, changed or taken away in the background holds from the next beat on', async t => {
  const [a, b] = [controlled(() => clock, 'A', { interval: 100 }), controlled(() => clock, 'B', { interval: 100 })]
  const { clock, health, messages } = setUp({ subsets: { s: [a.entry], loads: ['./named-export.ts#flags'] } })
  await health.run('loads')
  health.start()
  health.add('s', b.entry)
  await clock.advance(50)
  t.strictSame([a.runs, b.runs], [1, 1])
  health.settings.subsets['s'] = [b.entry]
  await clock.advance(100)
  t.strictSame([a.runs, b.runs], [1, 2])
  ;(health.settings as { timeout: unknown }).timeout = 'soon'
  await clock.advance(1000)
  t.strictSame([a.runs, b.runs], [1, 2], 'no run with settings that are invalid')
  health.settings.timeout = 100
  await clock.advance(100)
  t.equal(b.runs, 3)
  health.settings.subsets['s'].push(42 as never)
  await clock.advance(1000)
  t.strictSame(messages().filter(message => message.includes('E005')), ['health: E005 42 is no check. An entry is "module#Export", [specifier, options], a HealthCheck class, [Class, options], or what defineCheck() returns.'])
  await health.close()
})

test('a module that never loads does not keep the others from running in the background', async t => {
  const a = controlled(() => clock, 'A', { interval: 100 })
  const { clock, health } = setUp({ subsets: { never: ['./never-loads.ts'], s: [a.entry] } })
  health.start()
  await clock.advance(100)
  t.equal(a.runs, 2)
  await health.close()
})

test('nothing of the background keeps the process alive', async t => {
  const { clock, health } = setUp({ subsets: { s: [[working('A'), { interval: 100 }]] } })
  health.start()
  await clock.advance(150)
  t.strictSame(clock.timers, { foreground: 0, background: 1 })
  await health.close()
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})

test('closing aborts what is under way, closes what is kept, and tells no failure for it', async t => {
  const closed: string[] = []
  const aborted: unknown[] = []
  const keeping = defineCheck({
    identifier: 'A',
    async check ({ resources, signal }) {
      await resources.get('connection', () => 'connection', connection => { closed.push(connection) })
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => {
        aborted.push(signal.reason.code)
        reject(signal.reason)
      }))
    },
  })
  const { clock, health, transitions, lines } = setUp({ subsets: { s: [keeping], other: [[keeping, { interval: 1000 }]] } })
  health.start()
  const report = health.run('s')
  await clock.advance(10)
  const closing = health.close()
  await clock.settle()
  await closing
  t.match(await report, { healthy: false, results: [{ status: 'unavailable: closing', runs: 0 }] })
  t.strictSame([closed, aborted], [['connection'], ['FST_HEALTH_CLOSED']])
  t.strictSame([transitions, lines], [[], []])
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})

test('once closed, nothing is asked any more', async t => {
  const a = controlled(() => clock)
  const { clock, health, run, transitions } = setUp({ subsets: { s: [a.entry] } })
  await health.close()
  t.match(await run(), { healthy: false, results: [{ status: 'unavailable: closing', runs: 0 }] })
  t.equal(a.runs, 0)
  t.strictSame(transitions, [])
})

test('closing does not wait for ever for what cannot be closed', async t => {
  const stubborn = defineCheck({ identifier: 'A', check: async ({ resources }) => { await resources.get('x', () => 1, () => new Promise(() => {})) } })
  const { clock, health, run } = setUp({ subsets: { s: [stubborn] } })
  await run()
  let closed = false
  health.close().then(() => { closed = true })
  await clock.advance(499)
  t.notOk(closed)
  await clock.advance(1)
  t.ok(closed)
})

test('nothing secret is in a report, an event or a log line', async t => {
  const url = 'redis://canary-user:canary-password@canary.internal:6379'
  const { health, run, transitions, lines } = setUp({
    subsets: {
      s: [
        [class Unexpected extends HealthCheck<{ url: string }> { override check () { throw new Error(this.options.url) } }, { url }],
        [class Expected extends HealthCheck<{ url: string }> { override check () { throw new ServiceUnavailable(`canary.internal:6379 says no to canary-password at ${this.options.url}`) } }, { url }],
        [class Constructed extends HealthCheck<{ url: string }> {
          constructor (options: { url: string }) {
            super(options)
            throw new Error(`canary-user: ${options.url}`)
          }

          override check () {}
        }, { url }],
      ],
    },
  })
  health.start()
  const report = await run()
  t.equal(report.results.length, 3)
  t.notMatch(JSON.stringify([report, transitions, lines, await health.systemChecks(), health.lastReport('s')]), /canary/)
  await health.close()
})

test('nothing grows with the number of probes', async t => {
  let runs = 0
  const flapping = defineCheck({
    identifier: 'flaps',
    check () {
      if (runs++ % 3 === 0) throw runs % 2 === 0 ? new ServiceUnavailable('gone') : new Error(`unexpected ${runs}`)
    },
  })
  const { log } = recordedLog()
  const silent = { ...log, ...Object.fromEntries(['info', 'warn', 'error'].map(level => [level, () => {}])) }
  const health = createHealth({ deadline: 1000, subsets: { s: [flapping, [working('A'), { cacheFor: 5 }], [working('B'), { after: 'flaps' }]] } }, { log: silent })
  const probe = async (times: number) => { for (let time = 0; time < times; time++) await Promise.all([health.run('s'), health.run('s')]) }
  await probe(2000)
  const before = await heapInUse()
  await probe(10_000)
  const grown = await heapInUse() - before
  t.ok(grown < 300_000, `${grown} bytes after 20,000 probes`)
})

test('nothing is left of subsets and entries that come and go', async t => {
  const { log } = recordedLog()
  const health = createHealth({ cacheFor: 1000 }, { log: { ...log, warn: () => {} } })
  const Gone = class extends HealthCheck<{ list: number[] }> { override check () { throw new ServiceUnavailable('gone') } }
  const comeAndGo = async (times: number) => {
    for (let time = 0; time < times; time++) {
      const name = `subset-${'x'.repeat(60)}-${Math.random()}`
      health.add(name, [Gone, { identifier: name + 'x'.repeat(200), list: [time] }])
      await health.run(name)
      delete health.settings.subsets[name]
    }
  }
  // What V8 itself keeps for later stops growing after a while.
  await comeAndGo(6000)
  const before = await heapInUse()
  await comeAndGo(12_000)
  const grown = await heapInUse() - before
  t.ok(grown < 300_000, `${grown} bytes after 12,000 more subsets`)
})

test('without a log of its own it writes to stderr', async t => {
  const written = t.capture(process.stderr, 'write', () => true)
  await createHealth({ subsets: { s: [broken('A')] } }).run('s')
  t.match(JSON.parse(String(written()[0]?.args[0])), { level: 'warn', msg: 'health: A of s is failing' })
})

test('a registry needs no options', async t => {
  t.strictSame(new HealthRegistry().subsets(), [])
  t.strictSame(createHealth().subsets(), [])
})

test('an event loop that was blocked for 200 ms does not make a dependency look down', async t => {
  const { log } = recordedLog()
  const answering = defineCheck({
    identifier: 'A',
    timeout: 100,
    // There and back twice: the second question is put only once the process is awake.
    async check () {
      await sleep(20)
      await sleep(20)
    },
  })
  const health = createHealth({ subsets: { s: [answering] } }, { log })
  for (let round = 0; round < 3; round++) {
    const report = health.run('s')
    await new Promise(resolve => { setImmediate(resolve) })
    const end = performance.now() + 200
    while (performance.now() < end);
    t.match(await report, { healthy: true, results: [{ status: 'working' }] })
  }
})

test('a check that hangs is told in real time, too', async t => {
  const { log } = recordedLog()
  const health = createHealth({ timeout: 100, subsets: { s: [defineCheck({ identifier: 'A', check: () => new Promise(() => {}) })] } }, { log })
  const report = await health.run('s')
  t.equal(report.results[0]?.status, 'unavailable: timed out after 100 ms')
  t.ok(report.duration >= 98 && report.duration < 1000, `${report.duration} ms`)
  t.match((await health.run('s')).results[0]?.status, /^unavailable: still running after \d+ s$/)
})
