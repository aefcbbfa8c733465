import { test } from 'tap'
import { assertDuration } from '../../lib/engine/durations.js'
import { milliseconds } from '../../lib/values/rules.js'

test('a duration is a number of milliseconds that a timer takes', async t => {
  for (const value of [0, 0.5, 2 ** 31 - 1]) assertDuration('The time', value)
  for (const value of [-1, 2 ** 31, NaN, Infinity, '5', null, undefined]) {
    t.throws(() => assertDuration('The time', value), { code: 'FST_HEALTH_INVALID_DURATION', message: /^The time must be a number of milliseconds, 0 to 2147483647; it is / })
  }
})

test('a duration may have a rule of its own', async t => {
  assertDuration('The time', 10, milliseconds(10))
  t.throws(() => assertDuration('The time', 9, milliseconds(10)), { message: 'The time must be a whole number of milliseconds, 10 or more; it is 9.' })
})
