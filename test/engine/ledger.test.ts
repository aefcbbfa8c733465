import { test } from 'tap'
import { Ledger } from '../../lib/engine/ledger.js'
import { failed, notRun, type Judged } from '../../lib/engine/report.js'

function judged (identifier: string, healthy: boolean, startedAt = 0): Judged {
  return { identifier, critical: true, healthy, outcome: healthy ? { errors: [], startedAt, duration: 1 } : failed('unavailable', 'gone', startedAt) }
}

function ledger () {
  const changes: unknown[] = []
  return { changes, book: new Ledger((subset, { identifier, healthy }, at) => { changes.push([subset, identifier, healthy, at]) }) }
}

test('every outcome is recorded, and each change of state told', async t => {
  const { book, changes } = ledger()
  book.record('s', judged('A', true), 10)
  book.record('s', judged('A', false), 20)
  book.record('s', judged('A', false), 30)
  const result = book.record('s', judged('A', true), 40)
  t.match(result, { identifier: 'A', healthy: true, runs: 4, transitions: 2, since: 40, history: [true, false, false, true] })
  t.strictSame(changes, [['s', 'A', false, 20], ['s', 'A', true, 40]])
})

test('an outcome that is served again happened only once', async t => {
  const { book } = ledger()
  const answer = judged('A', true)
  for (let run = 0; run < 5; run++) book.record('s', { ...answer }, run)
  t.equal(book.record('s', answer, 9).runs, 1)
})

test('what is known without a run changes the state, and is no run', async t => {
  const { book, changes } = ledger()
  book.record('s', judged('A', true), 10)
  const result = book.record('s', { ...judged('A', false), outcome: notRun('blocked by B', 20) }, 20)
  t.match(result, { healthy: false, runs: 1, consecutiveFailures: 1, history: [true, false], errors: [{ kind: 'unavailable', message: 'blocked by B' }], duration: 0 })
  t.strictSame(changes, [['s', 'A', false, 20]])
})

test('an outcome that counts otherwise by now changes the state, and is no run', async t => {
  const { book, changes } = ledger()
  const answer = judged('A', false)
  book.record('s', answer, 10)
  t.match(book.record('s', { ...answer, healthy: true }, 20), { healthy: true, runs: 1, consecutiveFailures: 0, lastSuccess: 20, history: [false, true] })
  t.strictSame(changes, [['s', 'A', false, 10], ['s', 'A', true, 20]])
  t.strictSame([book.isHealthy('s', 'A'), book.isHealthy('s', 'B'), book.isHealthy('other', 'A')], [true, undefined, undefined])
})

test('failures are borne until they are too many, and count from anew after a success', async t => {
  const { book, changes } = ledger()
  const options = { maxFailures: 2 }
  const at = (healthy: boolean, now: number) => book.record('s', { ...judged('A', healthy), options }, now)
  const borne = at(false, 1000)
  t.match(borne, { healthy: true, borne: true, borneSince: 1000, errors: [{}], consecutiveFailures: 1, lastSuccess: null })
  t.match(borne.status, /^working \(unavailable: .*, for 0 s\)$/)
  t.match(at(false, 2000), { healthy: true, borne: true, borneSince: 1000, consecutiveFailures: 2 })
  t.strictSame(changes, [])
  const failing = at(false, 3000)
  t.match(failing, { healthy: false, consecutiveFailures: 3 })
  t.notOk('borne' in failing)
  t.match(at(true, 4000), { healthy: true, status: 'working', lastSuccess: 4000, consecutiveFailures: 0 })
  t.match(at(false, 5000), { healthy: true, borne: true, borneSince: 5000 })
  t.strictSame(changes, [['s', 'A', false, 3000], ['s', 'A', true, 4000]])
})

test('failures are borne for a time, which goes on for an outcome that is served again, and counts once', async t => {
  const { book } = ledger()
  const answer = { ...judged('A', false), options: { maxTimeInError: 1000, maxFailures: 2 } }
  t.match(book.record('s', answer, 1000), { healthy: true, borne: true })
  t.match(book.record('s', answer, 1500), { healthy: true, borne: true })
  t.match(book.record('s', { ...answer }, 2000), { healthy: true, borne: true })
  t.match(book.record('s', answer, 2001), { healthy: false })
})

test('subsets have histories of their own', async t => {
  const { book } = ledger()
  book.record('s', judged('A', false), 1)
  t.equal(book.record('other', judged('A', true), 2).runs, 1)
})

test('what says nothing about the check is not recorded, and shows its history', async t => {
  const { book, changes } = ledger()
  t.match(book.unrecorded('s', judged('A', false)), { healthy: false, runs: 0, since: null })
  book.record('s', judged('A', true), 1)
  t.match(book.unrecorded('s', judged('A', false)), { healthy: false, runs: 1, since: 1 })
  t.match(book.unrecorded('s', judged('B', false)), { runs: 0 })
  t.strictSame(changes, [])
})

test('what was recorded last can be told again', async t => {
  const { book } = ledger()
  t.strictSame(book.last('s'), [])
  book.record('s', judged('A', true), 1)
  book.record('s', judged('B', false), 2)
  book.record('s', judged('A', false), 3)
  t.match(book.last('s'), [{ identifier: 'A', healthy: false, runs: 2 }, { identifier: 'B', healthy: false }])
})

test('entries and subsets that are not in use any more are forgotten', async t => {
  const { book } = ledger()
  for (const subset of ['s', 'gone']) for (const identifier of ['A', 'B']) book.record(subset, judged(identifier, true), 1)
  book.keep(new Map([['s', new Set(['A'])], ['new', new Set(['A'])]]))
  t.strictSame(book.last('s').map(({ identifier }) => identifier), ['A'])
  t.strictSame(book.last('gone'), [])
  t.match(book.unrecorded('gone', judged('A', true)), { runs: 0 })
  t.match(book.unrecorded('s', judged('A', true)), { runs: 1 })
})

test('identifiers and subsets may have names that every object inherits', async t => {
  const { book } = ledger()
  for (const name of ['__proto__', 'constructor', 'toString']) t.equal(book.record(name, judged(name, true), 1).runs, 1)
})
