import { test } from 'tap'
import { Deadlines, never } from '../../lib/time/deadlines.js'
import { mostHanging, retryAfter, Runner, type Question } from '../../lib/engine/runner.js'
import type { Task } from '../../lib/engine/execution.js'
import { statusOf, type Outcome } from '../../lib/engine/report.js'
import type { Failure } from '../../types/report.js'
import { FakeClock } from '../helpers/fake-clock.js'

interface Run {
  readonly signal: AbortSignal
  readonly timeout: number
  settle (...errors: Failure[]): void
}

/** A runner, what it started, and how to ask it. */
function setUp () {
  const clock = new FakeClock()
  const runner = new Runner(clock)
  const runs: Run[] = []
  const task: Task = async ({ signal }, timeout) => await new Promise(resolve => {
    runs.push({ signal, timeout, settle: (...errors) => resolve(errors) })
  })
  const question = (wanted: Partial<Question> = {}): Question => ({
    task, timeout: 100, due: never, cacheFor: 0, maxStale: Infinity, background: false, ...wanted,
  })
  const ask = (wanted?: Partial<Question>) => told(runner.ask(question(wanted)), clock)
  const deadlines = new Deadlines(clock)
  const within = (deadline: number) => ({ due: deadlines.of(deadline, clock.now()) })
  return { clock, runner, runs, question, ask, within }
}

interface Told {
  status?: string
  at?: number
  outcome?: Outcome
}

/** What was answered and when, as soon as it is. */
function told (answer: Outcome | Promise<Outcome>, clock: FakeClock): Told {
  const told: Told = {}
  Promise.resolve(answer).then(outcome => Object.assign(told, { status: statusOf(outcome.errors), at: clock.now(), outcome }))
  return told
}

const heeding: Task = async ({ signal }) => await new Promise(resolve => signal.addEventListener('abort', () => resolve([])))
const hanging: Task = async () => await new Promise(() => {})
const nothing = { foreground: 0, background: 0 }

test('an outcome says what was found, when it began, and how long it took', async t => {
  const { clock, runs, ask } = setUp()
  await clock.advance(5)
  const answer = ask()
  await clock.advance(20)
  runs[0]?.settle({ kind: 'unavailable', message: 'gone' })
  await clock.settle()
  t.strictSame(answer, { status: 'unavailable: gone', at: 25, outcome: { errors: [{ kind: 'unavailable', message: 'gone' }], startedAt: clock.date() - 20, duration: 20 } })
  t.strictSame(clock.timers, nothing)
})

test('whoever asks while it runs shares the execution', async t => {
  const { clock, runner, runs, ask } = setUp()
  const answers = Array.from({ length: 1000 }, () => ask())
  await clock.advance(10)
  answers.push(ask())
  t.equal(runner.pending, 1)
  t.strictSame(clock.timers, { foreground: 1, background: 0 }, 'one timer, however many wait')
  runs[0]?.settle()
  await clock.settle()
  t.ok(answers.every(({ status, at, outcome }) => status === 'working' && at === 10 && outcome === answers[0]?.outcome))
  t.equal(runs.length, 1)
  t.equal(runner.pending, 0)
})

test('whoever asks afterwards gets an execution of its own', async t => {
  const { clock, runs, ask } = setUp()
  for (const message of ['one', 'two']) {
    const answer = ask()
    await clock.settle()
    runs.at(-1)?.settle({ kind: 'warning', message })
    await clock.settle()
    t.equal(answer.status, `warning: ${message}`)
  }
})

test('past its timeout a check is aborted, and says so', async t => {
  const { clock, runner, ask } = setUp()
  let reason: unknown
  const answer = ask({ task: async execution => await heeding(execution, 0).finally(() => { reason = execution.signal.reason }) })
  await clock.advance(99)
  t.equal(answer.status, undefined)
  await clock.advance(1)
  t.match(answer, { status: 'unavailable: timed out after 100 ms', at: 100, outcome: { duration: 100 } })
  t.match(reason, { code: 'FST_HEALTH_TIMEOUT', message: 'timed out after 100 ms' })
  t.equal(runner.pending, 0)
  t.strictSame(clock.timers, nothing)
})

test('a check that heeds its signal is asked again at once', async t => {
  const { clock, runs, ask } = setUp()
  ask({ task: heeding })
  await clock.advance(100)
  const next = ask()
  await clock.settle()
  runs[0]?.settle()
  await clock.settle()
  t.equal(next.status, 'working')
})

test('a check that heeds its signal does not count as hanging for whoever hears of its timeout first', async t => {
  const { clock, runner, runs, question } = setUp()
  const slowly: Task = async (...given) => {
    await heeding(...given)
    for (let step = 0; step < 20; step++) await undefined
    return []
  }
  let next: Told | undefined
  Promise.resolve(runner.ask(question({ task: slowly }))).then(() => { next = told(runner.ask(question()), clock) })
  await clock.advance(100)
  runs[0]?.settle()
  await clock.settle()
  t.equal(next?.status, 'working')
})

test('an answer that comes just in time counts, one that comes too late does not', async t => {
  const { clock, runs, ask } = setUp()
  const inTime = ask()
  clock.after(100, () => runs[0]?.settle())
  await clock.advance(99)
  runs[0]?.settle()
  await clock.advance(1)
  t.equal(inTime.status, 'working')
  const late = ask()
  await clock.advance(100)
  runs[1]?.settle()
  await clock.settle()
  const kept = ask({ cacheFor: 1000 })
  await clock.settle()
  t.strictSame([late.status, kept.status], ['unavailable: timed out after 100 ms', 'unavailable: timed out after 100 ms'])
})

test('an answer that arrived while the process was asleep counts', async t => {
  const { clock, runs, ask } = setUp()
  const answer = ask()
  clock.block(500)
  clock.afterIO(() => runs[0]?.settle())
  await clock.advance(0)
  t.equal(answer.status, 'working')
})

test('every waiter keeps its own timeout, whoever came first', async t => {
  for (const order of [[100, 300], [300, 100]]) {
    const { clock, runs, ask } = setUp()
    const answers = new Map(order.map(timeout => [timeout, ask({ timeout })]))
    await clock.advance(1000)
    t.match(answers.get(100), { status: 'unavailable: timed out after 100 ms', at: 100 })
    t.match(answers.get(300), { status: 'unavailable: timed out after 300 ms', at: 300 })
    t.ok(runs[0]?.signal.aborted)
  }
})

test('a check is aborted only when nobody gives it any longer', async t => {
  const { clock, runs, ask } = setUp()
  const [short, long] = [ask({ timeout: 100 }), ask({ timeout: 300 })]
  await clock.advance(200)
  t.notOk(runs[0]?.signal.aborted)
  runs[0]?.settle()
  await clock.settle()
  t.match(short, { status: 'unavailable: timed out after 100 ms', at: 100 })
  t.match(long, { status: 'working', at: 200 })
  t.strictSame(clock.timers, nothing)
})

test('whoever asks for less than has gone by already is told at once', async t => {
  const { clock, ask } = setUp()
  ask({ timeout: 300 })
  await clock.advance(200)
  const answer = ask({ timeout: 100 })
  await clock.advance(0)
  t.match(answer, { status: 'unavailable: timed out after 100 ms', at: 200 })
})

test('what took too long for one tells nothing to whoever gives it longer', async t => {
  const { clock, runner, runs, question, ask } = setUp()
  const short = { task: heeding, timeout: 50, cacheFor: 1000 }
  const long = { timeout: 300, cacheFor: 1000 }
  const tooShort = 'unavailable: timed out after 50 ms'
  ask(short)
  await clock.advance(50)
  const first = ask(long)
  await clock.settle()
  runs[0]?.settle()
  await clock.settle()
  t.equal(first.status, 'working', 'it is asked anew')
  for (let time = 0; time < 2; time++) {
    const late = ask({ ...short, cacheFor: 0 })
    await clock.advance(50)
    const answers = [ask(short), ask(long), ask({ ...long, background: true, maxStale: 500 })]
    await clock.settle()
    t.strictSame([late, ...answers].map(({ status }) => status), [tooShort, tooShort, 'working', 'working'])
  }
  t.equal(runs.length, 1)
  const beats = [runner.runOnInterval(question({ task: heeding, timeout: 50 }), 100)]
  await clock.advance(50)
  beats.push(runner.runOnInterval(question({ task: heeding, timeout: 50 }), 100), runner.runOnInterval(question({ timeout: 300 }), 100))
  await clock.settle()
  t.equal(runs.length, 2, 'a beat that gives it longer asks')
  runs[1]?.settle()
  t.strictSame((await Promise.all(beats)).map(({ errors }) => statusOf(errors)), [tooShort, tooShort, 'working'])
  runner.forget()
  t.equal(runner.ask(question({ ...long, background: true })) instanceof Promise, true)
})

test('a run on the interval keeps no process alive, unless a probe waits for it', async t => {
  const { clock, runner, runs, question, ask } = setUp()
  const beat = told(runner.runOnInterval(question(), 100), clock)
  t.strictSame(clock.timers, { foreground: 0, background: 1 })
  const probe = ask()
  t.strictSame(clock.timers, { foreground: 1, background: 1 })
  const other = told(runner.runOnInterval(question(), 0), clock)
  t.strictSame(clock.timers, { foreground: 1, background: 1 })
  await clock.advance(100)
  runs[0]?.settle()
  await clock.settle()
  const late = 'unavailable: timed out after 100 ms'
  t.strictSame([beat, probe, other].map(({ status }) => status), [late, late, late])
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})

test('every waiter keeps its own deadline, and the others wait on', async t => {
  const { clock, runs, ask, within } = setUp()
  const first = ask({ timeout: 1000, ...within(50) })
  await clock.advance(40)
  const second = ask({ timeout: 1000, ...within(80) })
  const third = ask({ timeout: 1000 })
  await clock.advance(160)
  runs[0]?.settle()
  await clock.settle()
  t.match(first, { status: 'unavailable: timed out after 50 ms', at: 50 })
  t.match(second, { status: 'unavailable: timed out after 80 ms', at: 120 })
  t.match(third, { status: 'working', at: 200 })
  t.strictSame(clock.timers, nothing)
})

test('no deadline is missed because somebody else gives the check more time', async t => {
  const { clock, ask, within } = setUp()
  const first = ask({ timeout: 100, ...within(250) })
  ask({ timeout: 10_000 })
  const patient = ask({ timeout: 10_000, ...within(250) })
  await clock.advance(10_000)
  t.match(first, { status: 'unavailable: timed out after 100 ms', at: 100 })
  t.match(patient, { status: 'unavailable: timed out after 250 ms', at: 250 })
})

test('no deadline is missed because the process was asleep', async t => {
  const { clock, ask, within } = setUp()
  const answer = ask({ timeout: 3000, ...within(7000), task: hanging })
  await clock.advance(2900)
  clock.block(3100)
  await clock.advance(1000)
  t.match(answer, { status: 'unavailable: timed out after 7000 ms', at: 7000 })
})

test('a check that was given up by many failed them only once', async t => {
  const { clock, ask, within } = setUp()
  const answers = Array.from({ length: 100 }, () => ask({ timeout: 1000, ...within(50) }))
  await clock.advance(50)
  t.equal(new Set(answers.map(({ outcome }) => outcome)).size, 1)
  t.equal(answers[0]?.status, 'unavailable: timed out after 50 ms')
})

test('a result is kept for those who take a kept one, good or bad, and only as long as they take it', async t => {
  const { clock, runs, ask } = setUp()
  ask()
  await clock.advance(10)
  runs[0]?.settle({ kind: 'unavailable', message: 'gone' })
  await clock.advance(50)
  t.equal(runs.length, 1)
  const kept = ask({ cacheFor: 51 })
  await clock.settle()
  t.match(kept, { status: 'unavailable: gone', at: 60 })
  t.equal(runs.length, 1)
  ask({ cacheFor: 50 })
  t.equal(runs.length, 2)
})

test('no kept result is served past its maxStale', async t => {
  const { clock, runs, ask } = setUp()
  ask()
  runs[0]?.settle()
  await clock.advance(50)
  ask({ cacheFor: 1000, maxStale: 50 })
  t.equal(runs.length, 2)
})

test('run takes no kept result', async t => {
  const { clock, runner, runs, ask, question } = setUp()
  ask()
  runs[0]?.settle()
  await clock.settle()
  runner.run(question({ cacheFor: 1000 }))
  t.equal(runs.length, 2)
})

test('a background check that has not run yet is not working: whoever asks waits for its first run', async t => {
  const { clock, runs, ask } = setUp()
  const answer = ask({ background: true })
  await clock.advance(50)
  t.equal(answer.status, undefined)
  runs[0]?.settle({ kind: 'unavailable', message: 'gone' })
  await clock.settle()
  t.equal(answer.status, 'unavailable: gone')
})

test('a background check answers with its last result at once, until that is stale', async t => {
  const { clock, runs, ask } = setUp()
  ask()
  runs[0]?.settle()
  await clock.settle()
  await clock.advance(2500)
  const [fresh, stale] = [ask({ background: true, maxStale: 2500 }), ask({ background: true, maxStale: 2499 })]
  await clock.settle()
  t.equal(fresh.status, 'working')
  t.equal(stale.status, 'unavailable: stale for 2 s')
  t.equal(runs.length, 1)
})

test('a background check that hangs says so, and not what it found last', async t => {
  const { clock, ask, runs } = setUp()
  ask({ task: hanging })
  await clock.advance(retryAfter - 1)
  const answer = ask({ background: true })
  await clock.settle()
  t.equal(answer.status, 'unavailable: still running after 29 s')
  t.equal(runs.length, 0)
})

test('a check that hangs and ignores its signal is told as still running, at once', async t => {
  const { clock, runner, ask, runs } = setUp()
  ask({ task: hanging })
  await clock.advance(100)
  t.equal(runner.pending, 1)
  await clock.advance(12_000)
  const answer = ask()
  await clock.settle()
  t.match(answer, { status: 'unavailable: still running after 12 s', at: 12_100 })
  t.equal(runs.length, 0)
  t.strictSame(clock.timers, nothing)
})

test('a check that hangs is tried again every 30 s, and only so many times at once', async t => {
  const { clock, runner, ask } = setUp()
  const starts: number[] = []
  const task: Task = async () => {
    starts.push(clock.now())
    return await new Promise(() => {})
  }
  for (let second = 0; second < 3600; second++) {
    ask({ task })
    await clock.advance(1000)
    t.ok(runner.pending <= mostHanging)
  }
  t.strictSame(starts, Array.from({ length: mostHanging }, (_, index) => index * retryAfter))
  const answer = ask({ task })
  await clock.settle()
  t.equal(answer.status, 'unavailable: still running after 3600 s')
})

test('once what hung has settled, the next one asks again', async t => {
  const { clock, runner, runs, ask } = setUp()
  ask()
  await clock.advance(5000)
  runs[0]?.settle()
  await clock.settle()
  t.equal(runner.pending, 0)
  const answer = ask()
  runs[1]?.settle()
  await clock.settle()
  t.equal(answer.status, 'working')
})

test('once a later try has answered, the check is asked as usual, though the earlier one still hangs', async t => {
  const { clock, runner, runs, ask } = setUp()
  ask({ task: hanging })
  await clock.advance(retryAfter)
  for (const message of ['one', 'two']) {
    const answer = ask()
    await clock.settle()
    runs.at(-1)?.settle({ kind: 'warning', message })
    await clock.advance(10)
    t.equal(answer.status, `warning: ${message}`)
  }
  t.equal(runner.pending, 1)
})

test('the oldest that hangs is what it is told to be running since', async t => {
  const { clock, runs, ask } = setUp()
  ask({ task: hanging })
  await clock.advance(retryAfter)
  ask()
  await clock.advance(1000)
  const both = ask()
  runs[0]?.settle()
  await clock.settle()
  ask()
  await clock.advance(1000)
  t.equal(both.status, 'unavailable: still running after 31 s')
})

test('closing tells what is under way to stop, and whoever waits', async t => {
  const { clock, runner, ask } = setUp()
  runner.close()
  let reason: unknown
  const answer = ask({ task: async execution => await heeding(execution, 0).finally(() => { reason = execution.signal.reason }) })
  await clock.advance(10)
  runner.close()
  runner.close()
  await clock.settle()
  t.match(answer, { status: 'unavailable: closing', at: 10 })
  t.match(reason, { code: 'FST_HEALTH_CLOSED' })
  t.strictSame(clock.timers, nothing)
  t.equal(runner.pending, 0)
})

test('a check that asks for itself is told so, and is not run again and again', async t => {
  const { runner, clock, question } = setUp()
  let runs = 0
  const inner: Told[] = []
  const task: Task = async () => {
    runs++
    inner.push(told(runner.ask(question({ task })), clock))
    return []
  }
  const outer = told(runner.ask(question({ task })), clock)
  await clock.settle()
  t.equal(runs, 1)
  t.match(inner, [{ status: 'unexpected result: the check asks for a subset that it is in' }])
  t.match(outer, { status: 'unexpected result: the check asks for a subset that it is in' }, 'whatever it made of that')
  const other = told(runner.ask(question({ task: async () => [] })), clock)
  await clock.settle()
  t.match(other, { status: 'working' })
})
