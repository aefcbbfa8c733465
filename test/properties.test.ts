import { test } from 'tap'
import fc from 'fast-check'
import { defineCheck } from '../lib/check.js'
import type { CheckClass } from '../types/check.js'
import { ServiceUnavailable, ServiceWarning } from '../lib/errors.js'
import { createHealth } from '../lib/create-health.js'
import { json } from '../lib/renderers/json.js'
import { plain } from '../lib/renderers/plain.js'
import { isHealthy, statusOf } from '../lib/engine/report.js'
import { mostHanging, retryAfter } from '../lib/engine/runner.js'
import type { CheckContext, EntryOptions } from '../types/check.js'
import type { Entry } from '../types/options.js'
import type { Report, Result } from '../types/report.js'
import { FakeClock } from './helpers/fake-clock.js'
import { recordedLog } from './helpers/recorded-log.js'

/** What one execution of a check does, after so many milliseconds. */
type Act =
  | { readonly does: 'succeeds' | 'fails' | 'warns' | 'throws' | 'throws nothing', readonly takes: number }
  | { readonly does: 'throws at once' }
  | { readonly does: 'hangs until aborted' }
  | { readonly does: 'hangs for ever' }

/** One execution as the dependency saw it. Moments of the clock. */
interface Execution {
  readonly act: Act
  readonly begun: number
  /** Since the epoch. */
  readonly date: number
  aborted?: number
  settled?: number
}

interface PlannedEntry {
  readonly check: number
  readonly options: EntryOptions
  /** Which of the entries before it comes first, if any. */
  readonly after: number | undefined
}

interface Probe {
  readonly gap: number
  readonly subset: string
  readonly deadline: number | undefined
}

const maxTimeout = 5000
const duration = fc.integer({ min: 1, max: maxTimeout })
const takes = fc.oneof(fc.constant(0), duration, fc.integer({ min: 0, max: 100_000 }))
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ does: fc.constantFrom('succeeds', 'fails', 'warns', 'throws', 'throws nothing'), takes }),
  fc.record({ does: fc.constantFrom('throws at once', 'hangs until aborted', 'hangs for ever') })
) as fc.Arbitrary<Act>
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const entryOptions = fc.record({ critical: fc.boolean(), timeout: duration, cacheFor: fc.integer({ min: 0, max: 10_000 }) }, { requiredKeys: [] })
const plannedEntry: fc.Arbitrary<PlannedEntry> = fc.record({ check: fc.nat({ max: 2 }), options: entryOptions, after: maybe(fc.nat({ max: 3 })) })
const probe: fc.Arbitrary<Probe> = fc.record({
  gap: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 2 * retryAfter })),
  subset: fc.constantFrom('s', 'other'),
  deadline: maybe(duration),
})
const scenario = fc.record({
  // Each check goes through its acts over and over.
  checks: fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { minLength: 3, maxLength: 3 }),
  s: fc.array(plannedEntry, { minLength: 1, maxLength: 4 }),
  other: fc.array(plannedEntry, { maxLength: 3 }),
  probes: fc.array(probe, { minLength: 3, maxLength: 30, size: 'max' }),
  sequential: fc.boolean(),
  warningsAsErrors: fc.boolean(),
  timeout: duration,
  deadline: maybe(duration),
})
type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never

class Errorless {
  toString (): never { throw new Error('no text') }
}

function settle (act: Act): void {
  switch (act.does) {
    case 'succeeds': return
    case 'fails': throw new ServiceUnavailable('gone')
    case 'warns': throw new ServiceWarning('late')
    case 'throws nothing': throw undefined // eslint-disable-line no-throw-literal -- a check may throw what is no Error
    default: throw new Errorless()
  }
}

/** A check that goes through its acts, and what became of each execution. */
function acting (clock: FakeClock, acts: readonly Act[]): { Check: CheckClass, executions: Execution[] } {
  const executions: Execution[] = []
  const perform = async (execution: Execution, signal: AbortSignal) => {
    const { act } = execution
    if ('takes' in act) await new Promise<void>(resolve => { clock.after(act.takes, resolve) })
    else if (act.does === 'hangs until aborted') await new Promise<void>(resolve => { signal.addEventListener('abort', () => resolve()) })
    else await new Promise(() => {})
    execution.settled = clock.now()
    settle(act)
  }
  const Check = defineCheck({
    identifier: 'acting',
    check ({ signal }: CheckContext) {
      const act = acts[executions.length % acts.length] as Act
      const execution: Execution = { act, begun: clock.now(), date: clock.date() }
      executions.push(execution)
      signal.addEventListener('abort', () => { execution.aborted = clock.now() })
      if (act.does === 'throws at once') {
        execution.settled = clock.now()
        settle(act)
      }
      return perform(execution, signal)
    },
  })
  return { Check, executions }
}

function toEntries (planned: readonly PlannedEntry[], classes: readonly CheckClass[]): Entry[] {
  return planned.map(({ check, options, after }, index) => [classes[check] as CheckClass, {
    ...options, identifier: `${index}`, ...(after !== undefined && after < index ? { after: `${after}` } : {}),
  }])
}

interface Answer {
  readonly probe: Probe
  readonly asked: number
  answered?: number
  report?: Report
}

async function play ({ checks, s, other, probes, sequential, warningsAsErrors, timeout, deadline }: Scenario) {
  const clock = new FakeClock()
  const acted = checks.map(acts => acting(clock, acts))
  const classes = acted.map(({ Check }) => Check)
  const health = createHealth(
    { subsets: { s: toEntries(s, classes), other: toEntries(other, classes) }, sequential, warningsAsErrors, timeout, deadline },
    { clock, log: recordedLog().log })
  const answers: Answer[] = []
  let mostPending = 0
  for (const probe of probes) {
    await clock.advance(probe.gap)
    const answer: Answer = { probe, asked: clock.now() }
    answers.push(answer)
    health.run(probe.subset, { deadline: probe.deadline ?? deadline }).then(report => Object.assign(answer, { report, answered: clock.now() }))
    for (const { executions } of acted) mostPending = Math.max(mostPending, executions.filter(({ settled }) => settled === undefined).length)
  }
  await clock.advance(200_000)
  return { clock, acted, answers, mostPending, entries: { s, other } as Record<string, PlannedEntry[]> }
}

/** Whether `next` may begin although `last` did before it. */
function mayBegin (next: Execution, last: Execution): boolean {
  if (last.settled !== undefined && last.settled <= next.begun) return true
  return last.aborted !== undefined && next.begun - last.begun >= retryAfter
}

/** Whether that is what an execution found, and one that was fresh enough for who asked. */
function isFound (result: Result, executions: readonly Execution[], notBefore: number): boolean {
  const words: Partial<Record<Act['does'], string>> = { succeeds: 'working', fails: 'unavailable: gone', warns: 'warning: late' }
  const { status, startedAt } = result
  return executions.some(({ act, date, settled }) => date === startedAt && settled !== undefined && settled >= notBefore && (words[act.does] ?? 'unknown error') === status)
}

const notRun = /^unavailable: (?:timed out after \d+ ms|still running after \d+ s|blocked by \d)$/

function check (condition: boolean, message: string): void {
  if (!condition) throw new Error(message)
}

test('for any checks and any arrival of probes the engine keeps its word', async t => {
  let probes = 0
  await fc.assert(fc.asyncProperty(scenario, async scenario => {
    const { clock, acted, answers, mostPending, entries } = await play(scenario)
    const { timeout, warningsAsErrors } = scenario

    for (const { probe, asked, answered, report } of answers) {
      probes++
      if (answered === undefined || report === undefined) throw new Error('a probe was never answered')
      const planned = entries[probe.subset] as PlannedEntry[]
      const atMost = planned.reduce((sum, { options }) => sum + (options.timeout ?? timeout), 0)
      check(answered - asked <= Math.min(atMost, probe.deadline ?? scenario.deadline ?? Infinity), `late: ${answered - asked} ms`)

      const { results, healthy } = report
      check(results.length === planned.length, 'a check is missing')
      check(results.every(({ identifier }, index) => identifier === `${index}`), 'the results are not sorted')
      check(healthy === results.every(result => result.healthy || !result.critical), 'the verdict is not that of the results')
      for (const result of results) {
        check(result.healthy === isHealthy(result.errors, warningsAsErrors), 'a result is not judged by its errors')
        check(result.status === statusOf(result.errors), 'a status does not tell the errors')
        check(result.history.length <= 60 && result.history.at(-1) === result.healthy, 'the history does not tell the state')
        const { check: index, options: { cacheFor = 0 } } = planned[Number(result.identifier)] as PlannedEntry
        const { executions } = acted[index] as typeof acted[number]
        check(notRun.test(result.status) || isFound(result, executions, asked - cacheFor), `nobody found '${result.status}'`)
      }

      const statuses = json.render(report, {}) as Record<string, string>
      check(Object.keys(statuses).length === results.length, 'json has other checks')
      check(plain.render(report, {}) === results.map(({ identifier }) => `${identifier.padEnd(24)} ... ${statuses[identifier]}\n`).join(''), 'json and plain do not agree')
    }

    check(mostPending <= mostHanging, `${mostPending} executions were pending at once`)
    for (const { executions } of acted) {
      for (const [index, execution] of executions.entries()) {
        const { begun, settled = Infinity, aborted = Infinity } = execution
        check(index === 0 || mayBegin(execution, executions[index - 1] as Execution), 'an execution began too early')
        check(Math.min(settled, aborted) - begun <= maxTimeout, 'a check that hangs was not aborted')
      }
    }
    check(clock.timers.foreground === 0 && clock.timers.background === 0, 'timers were left behind')
  }), { numRuns: 400 })
  t.ok(probes > 4000, `${probes} probes`)
})

test('a storm of probes on a check that hangs for ever leaves a bounded number of executions, and nothing else', async t => {
  const { answers, acted, clock } = await play({
    checks: [[{ does: 'hangs for ever' }], [{ does: 'hangs until aborted' }], [{ does: 'throws', takes: 10 }]],
    s: [0, 1, 2].map(check => ({ check, options: {}, after: undefined })),
    other: [],
    probes: Array.from({ length: 2000 }, () => ({ gap: 500, subset: 's', deadline: undefined })),
    sequential: false,
    warningsAsErrors: true,
    timeout: 1000,
    deadline: 100,
  })
  t.equal(acted[0]?.executions.length, mostHanging)
  t.ok(answers.every(({ asked, answered = Infinity }) => answered - asked <= 100))
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})
