import { test } from 'tap'
import { Background } from '../../lib/engine/background.js'
import { HealthCheck } from '../../lib/check.js'
import { parseEntry, resolveEntry, type ParsedEntry, type ResolvedEntry } from '../../lib/config/entry.js'
import { longestTimer } from '../../lib/values/rules.js'
import { FakeClock } from '../helpers/fake-clock.js'

class A extends HealthCheck {
  override check () {}
}

function entry (identifier: string, interval?: number): ResolvedEntry {
  return resolveEntry(parseEntry([A, { identifier, ...(interval === undefined ? {} : { interval }) }]) as ParsedEntry, A) as ResolvedEntry
}

function setUp (...entries: Array<[string, ResolvedEntry]>) {
  const clock = new FakeClock()
  const runs: Array<[string, number]> = []
  const background = new Background(clock, {
    entries: () => entries,
    run: async (subset, { identifier }) => {
      runs.push([`${subset} ${identifier}`, clock.now()])
      return undefined
    },
  })
  return { clock, runs, background, entries }
}

test('entries with an interval run at once and then every interval, the others do not', async t => {
  const { clock, runs, background } = setUp(['s', entry('A', 100)], ['s', entry('B')], ['other', entry('A', 250)])
  t.notOk(background.started)
  background.start()
  t.ok(background.started)
  await clock.advance(300)
  t.strictSame(runs, [['s A', 0], ['other A', 0], ['s A', 100], ['s A', 200], ['other A', 250], ['s A', 300]])
  t.strictSame(clock.timers, { foreground: 0, background: 2 }, 'nothing of it keeps the process alive')
})

test('an interval is up to a tenth longer or shorter, by chance', async t => {
  const { clock, runs, background } = setUp(['s', entry('A', 1000)])
  clock.chance = 0
  background.start()
  await clock.advance(899)
  t.equal(runs.length, 1)
  clock.chance = 1 - Number.EPSILON
  await clock.advance(1)
  t.equal(runs.length, 2)
  await clock.advance(1099)
  t.equal(runs.length, 2)
  await clock.advance(1)
  t.equal(runs.length, 3)
})

test('the longest interval is no longer than a timer takes', async t => {
  const { clock, runs, background } = setUp(['s', entry('A', longestTimer)])
  clock.chance = 0.99
  background.start()
  await clock.advance(longestTimer)
  t.equal(runs.length, 2)
})

test('nothing runs before it is started or after it is stopped', async t => {
  const { clock, runs, background } = setUp(['s', entry('A', 100)])
  background.refresh()
  await clock.advance(1000)
  t.equal(runs.length, 0)
  background.start()
  background.stop()
  t.notOk(background.started)
  await clock.advance(1000)
  t.equal(runs.length, 1)
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})

test('starting again disturbs nothing', async t => {
  const { clock, runs, background } = setUp(['s', entry('A', 100)])
  background.start()
  await clock.advance(50)
  background.start()
  await clock.advance(50)
  t.strictSame(runs.map(([, at]) => at), [0, 100])
})

test('what is added runs at once, what is gone runs no more, and the others go on', async t => {
  const { clock, runs, background, entries } = setUp(['s', entry('A', 100)], ['s', entry('B', 100)])
  background.start()
  await clock.advance(50)
  entries.splice(0, 1)
  entries.push(['s', entry('C', 100)])
  background.refresh()
  await clock.advance(100)
  t.strictSame(runs, [['s A', 0], ['s B', 0], ['s C', 50], ['s B', 100], ['s C', 150]])
})

test('an interval that was changed holds at once', async t => {
  const { clock, runs, background, entries } = setUp(['s', entry('A', 3_600_000)])
  background.start()
  await clock.advance(50)
  entries[0] = ['s', entry('A', 100)]
  background.refresh()
  await clock.advance(100)
  entries[0] = ['s', entry('A')]
  background.refresh()
  await clock.advance(1000)
  t.strictSame(runs.map(([, at]) => at), [0, 50, 150])
})

test('changes are seen at the next beat, though nobody tells', async t => {
  const { clock, runs, background, entries } = setUp(['s', entry('A', 100)], ['s', entry('B', 100)])
  const changed = entry('A', 100)
  background.start()
  entries.splice(0, 2, ['s', changed])
  await clock.advance(100)
  t.strictSame(runs, [['s A', 0], ['s B', 0], ['s A', 100]])
})

test('a changed entry runs as it is now', async t => {
  const clock = new FakeClock()
  const ran: ResolvedEntry[] = []
  const entries: Array<[string, ResolvedEntry]> = [['s', entry('A', 100)]]
  const background = new Background(clock, { entries: () => entries, run: async (_subset, entry) => { ran.push(entry) } })
  background.start()
  const changed = entry('A', 100)
  entries[0] = ['s', changed]
  await clock.advance(100)
  t.equal(ran[1], changed)
})

test('a run may say when to come again', async t => {
  const clock = new FakeClock()
  const runs: number[] = []
  const delays: Array<number | undefined> = [30, undefined, 250, 10]
  const background = new Background(clock, {
    entries: () => [['s', entry('A', 100)]],
    run: async () => {
      runs.push(clock.now())
      await new Promise<void>(resolve => { clock.after(5, resolve) })
      return delays[runs.length - 1]
    },
  })
  background.start()
  await clock.advance(400)
  t.strictSame(runs, [0, 35, 135, 390])
  background.stop()
  await clock.advance(1000)
  t.equal(runs.length, 4, 'what is stopped is not started by a run that ends later')
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})
