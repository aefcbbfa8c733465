import { EventEmitter } from 'node:events'
import { test } from 'tap'
import { Announcer, type HealthEvents } from '../../lib/engine/announcer.js'
import { FakeClock } from '../helpers/fake-clock.js'
import { recordedLog } from '../helpers/recorded-log.js'

function setUp () {
  const emitter = new EventEmitter<HealthEvents>()
  const clock = new FakeClock()
  const { log, messages } = recordedLog()
  const told: unknown[] = []
  return { emitter, clock, messages, told, announcer: new Announcer(emitter, log, clock) }
}

const judged = { identifier: 'A', critical: true, outcome: { errors: [], startedAt: 0, duration: 0 } }

test('a verdict is told when it differs from the last one, and a subset without one counts as healthy', async t => {
  const { emitter, clock, told, announcer } = setUp()
  emitter.on('verdict', verdict => { told.push(verdict) })
  for (const healthy of [true, false, false, true, true]) announcer.verdict('s', healthy)
  t.strictSame(told, [false, true].map(healthy => ({ subset: 's', healthy, at: clock.date() })))
})

test('the verdict on a subset that is gone is forgotten', async t => {
  const { emitter, told, announcer } = setUp()
  emitter.on('verdict', ({ subset }) => { told.push(subset) })
  for (const subset of ['s', 'gone']) announcer.verdict(subset, false)
  announcer.keep(new Map([['s', undefined]]))
  for (const subset of ['s', 'gone']) announcer.verdict(subset, false)
  t.strictSame(told, ['s', 'gone', 'gone'])
})

test('a transition is logged and told, and a listener that throws is logged and stops nobody', async t => {
  const { emitter, messages, told, announcer } = setUp()
  emitter.on('transition', async () => { throw new Error('a mistake of its own') })
  emitter.on('transition', function (this: unknown, { healthy }) { told.push(healthy, this === emitter) })
  announcer.transition('s', { ...judged, healthy: false }, 5)
  announcer.transition('s', { ...judged, healthy: true }, 6)
  await new Promise(setImmediate)
  t.strictSame(told, [false, true, true, true])
  t.strictSame(messages(), [
    'health: A of s is failing',
    'health: A of s is healthy again',
    'health: a listener of "transition" threw',
    'health: a listener of "transition" threw',
  ])
})
