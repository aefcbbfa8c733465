import { test } from 'tap'
import { defineCheck } from '../../lib/check.js'
import { never } from '../../lib/time/deadlines.js'
import { parseEntry, resolveEntry, type ParsedEntry, type ResolvedEntry } from '../../lib/config/entry.js'
import { evaluate, type Evaluation } from '../../lib/engine/evaluate.js'
import { History } from '../../lib/engine/history.js'
import { failed, toResult, type Outcome } from '../../lib/engine/report.js'
import type { EntryOptions } from '../../types/check.js'
import type { Clock } from '../../lib/time/clock.js'
import { FakeClock } from '../helpers/fake-clock.js'

function entry (identifier: string, options: EntryOptions = {}): ResolvedEntry {
  const Check = defineCheck({ identifier, check () {} })
  return resolveEntry(parseEntry([Check, options]) as ParsedEntry, Check) as ResolvedEntry
}

const working: Outcome = { errors: [], startedAt: 0, duration: 0 }
const gone = failed('unavailable', 'gone', 0)
const late = failed('warning', 'late', 0)

function setUp (answers: Record<string, Outcome | number>) {
  const clock = new FakeClock()
  const asked: Array<[string, number]> = []
  const recorded: Array<[string, number]> = []
  const run = (entries: ResolvedEntry[], wanted: Partial<Evaluation> = {}) => evaluate({
    entries,
    ask: ({ identifier }) => {
      asked.push([identifier, clock.now()])
      const answer = answers[identifier]
      return typeof answer === 'number' ? new Promise(resolve => { clock.after(answer, () => resolve(working)) }) : answer as Outcome
    },
    record: judged => {
      recorded.push([judged.identifier, clock.now()])
      return toResult(judged, new History())
    },
    clock,
    sequential: false,
    warningsAsErrors: true,
    due: never,
    ...wanted,
  })
  const finish = async (...given: Parameters<typeof run>) => {
    const results = run(...given)
    await clock.advance(10_000)
    return (await results).map(({ identifier, status }) => [identifier, status])
  }
  return { clock, asked, recorded, run, finish }
}

test('all checks are asked at once, and each answer is recorded as soon as it is known', async t => {
  const { asked, recorded, finish } = setUp({ A: 30, B: 10, C: gone })
  t.strictSame(await finish([entry('A'), entry('B'), entry('C')]), [['A', 'working'], ['B', 'working'], ['C', 'unavailable: gone']])
  t.strictSame(asked, [['A', 0], ['B', 0], ['C', 0]])
  t.strictSame(recorded, [['C', 0], ['B', 10], ['A', 30]])
})

test('one after another, each is asked when the one before has answered', async t => {
  const { asked, finish } = setUp({ A: 30, B: gone, C: 10 })
  t.equal((await finish([entry('A'), entry('B'), entry('C')], { sequential: true })).length, 3)
  t.strictSame(asked, [['A', 0], ['B', 30], ['C', 30]])
})

test('one after another, what the deadline leaves no time for is not asked', async t => {
  const { asked, finish } = setUp({ A: 30, B: 10 })
  t.strictSame(await finish([entry('A'), entry('B'), entry('C')], { sequential: true, due: { ...never, at: 30, deadline: 30 } }), [
    ['A', 'working'], ['B', 'unavailable: timed out after 30 ms'], ['C', 'unavailable: timed out after 30 ms'],
  ])
  t.strictSame(asked, [['A', 0]])
})

test('what stands after a healthy check is asked once that has answered', async t => {
  const { asked, finish } = setUp({ A: 30, B: 10, C: working, D: working })
  await finish([entry('A'), entry('B', { after: 'A' }), entry('C', { after: 'B' }), entry('D')])
  t.strictSame(asked, [['A', 0], ['D', 0], ['B', 30], ['C', 40]])
})

test('what stands after one that failed is blocked by it and not asked, and so is what stands after that', async t => {
  for (const sequential of [false, true]) {
    const { asked, finish } = setUp({ A: gone })
    t.strictSame(await finish([entry('A'), entry('B', { after: 'A' }), entry('C', { after: 'B' })], { sequential }), [
      ['A', 'unavailable: gone'], ['B', 'unavailable: blocked by A'], ['C', 'unavailable: blocked by B'],
    ])
    t.strictSame(asked, [['A', 0]])
  }
})

test('a warning blocks only where it counts as an error', async t => {
  const entries = [entry('A'), entry('B', { after: 'A' })]
  t.strictSame(await setUp({ A: late, B: working }).finish(entries), [['A', 'warning: late'], ['B', 'unavailable: blocked by A']])
  t.strictSame(await setUp({ A: late, B: working }).finish(entries, { warningsAsErrors: false }), [['A', 'warning: late'], ['B', 'working']])
})

test('a check that is not critical blocks, too', async t => {
  const { finish } = setUp({ A: gone })
  t.match(await finish([entry('A', { critical: false }), entry('B', { after: 'A' })]), [['A'], ['B', 'unavailable: blocked by A']])
})

test('nothing to ask is nothing found', async t => {
  t.strictSame(await setUp({}).finish([]), [])
})

test('the checks of a large subset are asked in several turns of the event loop, and the report is made in one more', async t => {
  const { clock, run } = setUp({})
  let taken = 0
  const turns: string[][] = [[]]
  const busy: Clock = {
    now: () => clock.now() + taken,
    date: () => clock.date(),
    after: (...given) => clock.after(...given),
    afterIO (callback) {
      turns.push([])
      setImmediate(callback)
    },
    random: () => 0,
  }
  const ask = ({ identifier }: ResolvedEntry) => {
    turns.at(-1)?.push(identifier)
    taken += 0.4
    return working
  }
  const results = await run(['A', 'B', 'C', 'D', 'E', 'F', 'G'].map(name => entry(name)), { ask, clock: busy })
  t.equal(results.length, 7)
  t.strictSame(turns, [['A', 'B', 'C'], ['D', 'E', 'F'], ['G'], []])
  turns.length = 0
  turns.push([])
  await run([entry('A'), entry('B')], { ask, clock: busy })
  t.strictSame(turns, [['A', 'B']], 'a small subset takes one turn')
})
