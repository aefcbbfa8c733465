import { test } from 'tap'
import { History } from '../../lib/engine/history.js'

test('nothing is known before the first run', async t => {
  const history = new History()
  t.match(history, { since: null, lastSuccess: null, consecutiveFailures: 0, runs: 0, transitions: 0, healthy: undefined })
  t.strictSame(history.outcomes(), [])
})

test('a first success is no change of state, a first failure is one', async t => {
  t.equal(new History().record(true, 1), false)
  t.equal(new History().record(false, 1), true)
})

test('a change of state is told once, and dated', async t => {
  const history = new History()
  t.strictSame([true, false, false, true, true].map((healthy, index) => history.record(healthy, index * 10)), [false, true, false, true, false])
  t.match(history, { since: 30, lastSuccess: 40, consecutiveFailures: 0, runs: 5, transitions: 2, healthy: true })
})

test('what is known without a run is one outcome, however often it is told', async t => {
  const history = new History()
  history.record(true, 0)
  t.strictSame([10, 20, 30].map(at => history.record(false, at, false)), [true, false, false])
  t.match(history, { since: 10, lastSuccess: 0, consecutiveFailures: 1, runs: 1, transitions: 1 })
  t.strictSame(history.outcomes(), [true, false])
})

test('failures in a row are counted from the last success', async t => {
  const history = new History()
  for (const [at, healthy] of [false, true, false, false, false].entries()) history.record(healthy, at)
  t.match(history, { since: 2, lastSuccess: 1, consecutiveFailures: 3 })
})

test('the last 60 outcomes are kept, the latest last, however many there were', async t => {
  const history = new History()
  const all = Array.from({ length: 1000 }, (_, index) => index < 500 ? index % 7 !== 0 : index % 90 !== 0)
  for (const [at, healthy] of all.entries()) {
    history.record(healthy, at)
    t.strictSame(history.outcomes(), all.slice(Math.max(0, at - 59), at + 1))
  }
  t.equal(history.runs, 1000)
})

test('a list of outcomes that are all alike is made once', async t => {
  for (const healthy of [true, false]) {
    const history = new History()
    for (let at = 0; at < 60; at++) history.record(healthy, at)
    const outcomes = history.outcomes()
    history.record(healthy, 60)
    t.equal(history.outcomes(), outcomes)
    history.record(!healthy, 61)
    t.not(history.outcomes(), outcomes)
    t.strictSame(outcomes, Array.from({ length: 60 }, () => healthy))
  }
})
