import { test } from 'tap'
import { Arrivals } from '../lib/arrivals.js'
import { FakeClock } from './helpers/fake-clock.js'

test('those of one turn of the event loop came in when it began, those of the next one later', async t => {
  const clock = new FakeClock()
  const arrivals = new Arrivals(clock)
  const at = () => arrivals.at(clock.now(), 1000)
  t.equal(at(), 0)
  clock.block(30)
  t.equal(at(), 0)
  await clock.settle()
  t.equal(at(), 30)
})

test('no more than a tenth of the deadline is over when one is handled', async t => {
  const clock = new FakeClock()
  const arrivals = new Arrivals(clock)
  arrivals.at(0, 1000)
  t.strictSame([arrivals.at(100, 1000), arrivals.at(101, 1000), arrivals.at(101, 10)], [0, 1, 100])
})
