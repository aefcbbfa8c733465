import { test } from 'tap'
import { Execution, type Stoppable } from '../../lib/engine/execution.js'
import { statusOf } from '../../lib/engine/report.js'
import { Deadlines, never } from '../../lib/time/deadlines.js'
import { FakeClock } from '../helpers/fake-clock.js'
import type { Failure } from '../../types/report.js'

/** An execution, what it told, and how to end its task. */
function begin (timeout = 100) {
  const clock = new FakeClock()
  const events: string[] = []
  let settle!: (errors: readonly Failure[]) => void
  let given!: Stoppable
  const execution = new Execution(clock, {
    answered: (outcome, tooShort) => events.push(`answered ${statusOf(outcome.errors)}${tooShort === undefined ? '' : `, ${tooShort} ms were too short`}`),
    gone: () => events.push('gone'),
  }).start(async execution => await new Promise(resolve => {
    given = execution
    settle = resolve
  }), timeout)
  return { clock, events, execution, given, settle: (...errors: Failure[]) => settle(errors) }
}

test('it runs, and is answered when its task settles', async t => {
  const { clock, events, execution, settle } = begin()
  const outcome = execution.wait({ timeout: 100, due: never })
  t.notOk(execution.settled)
  settle({ kind: 'warning', message: 'low' })
  t.match(await outcome, { errors: [{ message: 'low' }] })
  t.ok(execution.settled)
  await clock.advance(1000)
  t.strictSame(events, ['answered warning: low'])
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})

test('it hangs when the longest timeout passes, and is gone when its task settles after all', async t => {
  const { clock, events, execution, settle } = begin()
  execution.wait({ timeout: 50, due: never })
  execution.wait({ timeout: 100, due: never })
  await clock.advance(50)
  t.strictSame(events, [])
  await clock.advance(50)
  t.strictSame(events, ['answered unavailable: timed out after 100 ms, 100 ms were too short'])
  t.ok(execution.stopping.aborted)
  t.notOk(execution.settled)
  settle()
  await clock.settle()
  t.strictSame(events.at(-1), 'gone')
})

test('a task that heeds its signal is gone before it is answered, so that it does not count as hanging', async t => {
  const { clock, events, execution, given, settle } = begin()
  given.stopping.addEventListener('abort', () => settle())
  execution.wait({ timeout: 100, due: never })
  await clock.advance(100)
  t.strictSame(events, ['gone', 'answered unavailable: timed out after 100 ms, 100 ms were too short'])
})

test('a probe whose response has to leave is answered, and the execution goes on', async t => {
  const { clock, events, execution, settle } = begin()
  const outcome = execution.wait({ timeout: 100, due: new Deadlines(clock).of(30, 0) })
  await clock.advance(30)
  t.equal(statusOf((await outcome).errors), 'unavailable: timed out after 30 ms')
  t.notOk(execution.stopping.aborted)
  settle()
  await clock.settle()
  t.strictSame(events, ['answered working'])
})

test('a signal that is first looked at after the time is up is aborted', async t => {
  const { clock, execution, given } = begin()
  execution.wait({ timeout: 100, due: never })
  await clock.advance(100)
  t.match(given.signal, { aborted: true, reason: { code: 'FST_HEALTH_TIMEOUT' } })
  t.equal(given.signal, given.signal)
})

test('it is told to stop once', async t => {
  const { clock, events, execution } = begin()
  execution.stop(new Error('closing'), 'closing')
  execution.stop(new Error('again'), 'again')
  await clock.settle()
  t.strictSame(events, ['answered unavailable: closing'])
})
