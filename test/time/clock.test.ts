import { test } from 'tap'
import { alarm, clockOf, keepingTime, systemClock } from '../../lib/time/clock.js'
import { FakeClock } from '../helpers/fake-clock.js'

test('the clock of the system tells monotonic time, the date and chance', async t => {
  const before = systemClock.now()
  t.ok(systemClock.now() >= before)
  t.ok(Math.abs(systemClock.date() - Date.now()) < 1000)
  const chance = systemClock.random()
  t.ok(chance >= 0 && chance < 1)
})

test('a timer calls back once, unless it is called off', async t => {
  const called: string[] = []
  systemClock.after(1, () => called.push('kept'))
  systemClock.after(1, () => called.push('called off'))()
  await new Promise<void>(resolve => { systemClock.after(10, resolve) })
  t.strictSame(called, ['kept'])
})

test('a background timer does not keep the process alive, and any other one does', async t => {
  const timeouts = () => process.getActiveResourcesInfo().filter(type => type === 'Timeout').length
  const before = timeouts()
  const cancelBackground = systemClock.after(60_000, () => {}, true)
  t.equal(timeouts(), before)
  const cancel = systemClock.after(60_000, () => {})
  t.equal(timeouts(), before + 1)
  cancel()
  cancelBackground()
})

test('what has arrived is delivered before afterIO calls back', async t => {
  const order: string[] = []
  await new Promise<void>(resolve => {
    systemClock.afterIO(() => {
      order.push('afterIO')
      resolve()
    })
    Promise.resolve().then(() => order.push('answer'))
  })
  t.strictSame(order, ['answer', 'afterIO'])
})

test('an alarm goes off when it is due', async t => {
  const clock = new FakeClock()
  let at: number | undefined
  alarm(clock, 100, 100, () => { at = clock.now() })
  await clock.advance(99)
  t.equal(at, undefined)
  await clock.advance(1)
  t.equal(at, 100)
})

test('an alarm that is already due goes off at once, however long ago that was', async t => {
  const clock = new FakeClock()
  await clock.advance(5000)
  let at: number | undefined
  alarm(clock, 100, 100, () => { at = clock.now() })
  await clock.advance(0)
  t.equal(at, 5000)
})

test('an alarm that is called off never goes off, not even where the answer that does so arrived just in time', async t => {
  const clock = new class extends FakeClock {
    override afterIO (callback: () => void) {
      super.afterIO(() => cancel())
      super.afterIO(callback)
    }
  }()
  let rang = false
  const cancel = alarm(clock, 100, 0, () => { rang = true })
  alarm(clock, 50, 0, () => { rang = true })()
  await clock.advance(200)
  t.notOk(rang)
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})

test('where the process itself was asleep, an alarm waits that much longer', async t => {
  const clock = new FakeClock()
  let at: number | undefined
  alarm(clock, 100, 100, () => { at = clock.now() })
  clock.block(150)
  await clock.advance(49)
  t.equal(at, undefined)
  await clock.advance(1)
  t.equal(at, 200)
})

test('an alarm waits no longer than its grace, however often the process falls asleep', async t => {
  const clock = new FakeClock()
  let at: number | undefined
  alarm(clock, 100, 100, () => { at = clock.now() })
  clock.block(180)
  await clock.advance(0)
  clock.block(140)
  await clock.advance(0)
  t.equal(at, undefined)
  clock.block(100)
  await clock.advance(0)
  t.equal(at, 420)
})

test('an alarm without grace goes off as soon as the process is awake', async t => {
  const clock = new FakeClock()
  let at: number | undefined
  alarm(clock, 100, 0, () => { at = clock.now() })
  clock.block(5000)
  await clock.advance(0)
  t.equal(at, 5000)
})

test('a context that no registry made has the clock of the system', async t => {
  const clock = new FakeClock()
  t.equal(clockOf({}), systemClock)
  t.equal(clockOf({ [keepingTime]: clock }), clock)
})
