import { test } from 'tap'
import { inTime, within } from '../../lib/time/timeout.js'
import { FakeClock } from '../helpers/fake-clock.js'

test('what is there in time is as it is, a failure included, and leaves no timer', async t => {
  const clock = new FakeClock()
  t.equal(await inTime(clock, 100, Promise.resolve('there'), () => 'late'), 'there')
  await t.rejects(inTime(clock, 100, Promise.reject(new Error('broken')), () => 'late'), { message: 'broken' })
  t.strictSame(clock.timers, { foreground: 0, background: 0 })
})

test('what is not there in time is late, and keeps the process alive until then', async t => {
  const clock = new FakeClock()
  const waited = inTime(clock, 100, new Promise(() => {}), () => 'late')
  t.strictSame(clock.timers, { foreground: 1, background: 0 })
  await clock.advance(100)
  t.equal(await waited, 'late')
})

test('the time that the process itself was blocked is given back', async t => {
  const clock = new FakeClock()
  let arrive!: (value: string) => void
  const waited = inTime(clock, 100, new Promise(resolve => { arrive = resolve }), () => 'late')
  clock.block(150)
  await clock.advance(40)
  arrive('there')
  t.equal(await waited, 'there')
})

test('a limit without a clock settles as the work does or as what is late, and leaves no timer', async t => {
  const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  t.equal(await within(60_000, Promise.resolve('there'), () => 'late'), 'there')
  await t.rejects(within(60_000, Promise.reject(new Error('broken')), () => 'late'), { message: 'broken' })
  t.equal(timers(), before)
  t.equal(await within(10, new Promise(() => {}), () => 'late'), 'late')
  await t.rejects(within(10, new Promise(() => {}), () => { throw new Error('too late') }), { message: 'too late' })
})
