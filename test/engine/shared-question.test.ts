import { test } from 'tap'
import type { Fleet, Known, SharedQuestion, Turn } from '../../lib/engine/fleet.js'
import { Runner, type Question } from '../../lib/engine/runner.js'
import { statusOf, type Outcome } from '../../lib/engine/report.js'
import { SharedQuestionRunner } from '../../lib/engine/shared-question.js'
import { Deadlines, never } from '../../lib/time/deadlines.js'
import type { Failure } from '../../types/report.js'
import { FakeClock } from '../helpers/fake-clock.js'

const shared = { interval: 1000, timeout: 300 } as SharedQuestion

function setUp ({ takes = 10, errors = [] as Failure[] } = {}) {
  const clock = new FakeClock()
  const runner = new Runner(clock)
  const questions = new SharedQuestionRunner(clock, runner)
  const told: Outcome[] = []
  let turn: Partial<Turn> = {}
  let newer: Known | undefined
  let delay = 0
  let turns = 0
  let runs = 0
  const fleet = Promise.resolve({
    async turn () {
      turns++
      if (delay > 0) await new Promise<void>(resolve => { clock.after(delay, resolve) })
      return {
        next: 1000,
        tell: async (outcome: Outcome) => {
          told.push(outcome)
          return newer
        },
        ...turn,
      } as Turn
    },
  } as Partial<Fleet> as Fleet)
  const question: Question = {
    async task () {
      runs++
      await new Promise<void>(resolve => { clock.after(takes, resolve) })
      return errors
    },
    timeout: 300,
    due: never,
    cacheFor: 0,
    maxStale: 3000,
    background: true,
  }
  return {
    clock,
    runner,
    questions,
    told,
    question,
    counts: () => ({ turns, runs }),
    answer: (next: Partial<Turn>) => { turn = next },
    late: (ms: number) => { delay = ms },
    superseded: (known: Known) => { newer = known },
    ask: async (options: Partial<Question> = {}) => statusOf((await questions.ask(fleet, shared, { ...question, ...options })).errors),
    beat: async () => statusOf((await questions.runOnInterval(fleet, shared, question)).errors),
  }
}

const known = (message: string, age: number): Known => ({ outcome: { errors: [{ kind: 'unavailable', message }], startedAt: 0, duration: 1 }, age })

test('whose turn it is asks, tells the others, and answers probes with it until the next time', async t => {
  const { clock, beat, ask, told, counts, questions } = setUp()
  t.equal(questions.nextIn, undefined)
  const first = beat()
  await clock.advance(10)
  t.equal(await first, 'working')
  t.match(told, [{ errors: [], duration: 10 }])
  t.equal(await ask(), 'working')
  t.equal(questions.nextIn, 990)
  t.equal(await beat(), 'working', 'of another subset')
  t.strictSame(counts(), { turns: 1, runs: 1 })
  await clock.advance(990)
  const second = beat()
  await clock.advance(10)
  t.equal(await second, 'working')
  t.strictSame(counts(), { turns: 2, runs: 2 })
  await clock.advance(5000)
  t.equal(questions.nextIn, 0)
})

test('whose turn it is not takes over what is known, as old as it is', async t => {
  const { clock, beat, ask, counts, answer } = setUp()
  answer({ known: known('closed', 2900), next: 700 })
  t.equal(await beat(), 'unavailable: closed')
  await clock.advance(100)
  t.equal(await ask(), 'unavailable: closed')
  await clock.advance(1)
  t.equal(await ask(), 'unavailable: stale for 3 s')
  answer({ known: known('closed', 9000), next: 700 })
  await clock.advance(700)
  t.equal(await beat(), 'unavailable: stale for 9 s')
  t.strictSame(counts(), { turns: 2, runs: 0 })
})

test('where the fleet does not know, each interval of its own asks', async t => {
  const { clock, beat, counts, answer, questions } = setUp({ takes: 0 })
  answer({ next: undefined })
  for (let count = 1; count <= 3; count++) {
    const answered = beat()
    await clock.advance(1)
    t.equal(await answered, 'working')
    t.equal(questions.nextIn, undefined)
    t.strictSame(counts(), { turns: count, runs: count })
  }
})

test('who took too long takes over what its successor found', async t => {
  const { clock, beat, ask, superseded } = setUp()
  superseded(known('closed since', 5))
  const answered = beat()
  await clock.advance(10)
  t.equal(await answered, 'working')
  await clock.settle()
  t.equal(await ask(), 'unavailable: closed since')
})

test('a probe waits for the first answer no longer than its own deadline, or the check\'s timeout', async t => {
  const { clock, ask, late, counts } = setUp()
  late(5000)
  const due = new Deadlines(clock).of(100, 0)
  const shared = { timeout: 300 }
  const [byDeadline, sameDeadline, byTimeout, patient] = [ask({ ...shared, due }), ask({ ...shared, due }), ask(shared), ask({ timeout: 20_000 })]
  let settled = 0
  for (const probe of [byDeadline, sameDeadline, byTimeout, patient]) probe.then(() => { settled++ })
  await clock.advance(100)
  t.equal(settled, 2)
  t.equal(await byDeadline, 'unavailable: timed out after 100 ms')
  t.equal(await sameDeadline, 'unavailable: timed out after 100 ms')
  await clock.advance(200)
  t.equal(await byTimeout, 'unavailable: timed out after 300 ms')
  await clock.advance(5000)
  t.equal(await patient, 'working')
  t.strictSame(counts(), { turns: 1, runs: 1 })
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})

test('a probe that waits less than a run takes does not cut it off for the others', async t => {
  const { clock, ask, told } = setUp({ takes: 200 })
  const due = new Deadlines(clock).of(100, 0)
  const [hasty, patient] = [ask({ due }), ask()]
  await clock.advance(250)
  t.equal(await hasty, 'unavailable: timed out after 100 ms')
  t.equal(await patient, 'working')
  t.match(told, [{ errors: [], duration: 200 }])
})
