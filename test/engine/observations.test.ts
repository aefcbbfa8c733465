import { test } from 'tap'
import { Observations } from '../../lib/engine/observations.js'

test('what was seen is listed in the order of its first mention, the last value of each name', async t => {
  const observations = new Observations(text => text)
  observations.add('lag', 3, 'messages')
  observations.add('version', '7.2', undefined)
  observations.add('lag', 0, undefined)
  t.strictSame(observations.list(), [{ name: 'lag', value: 0 }, { name: 'version', value: '7.2' }])
})

test('texts are shown without what may not be seen', async t => {
  const observations = new Observations(text => text.replace('canary', '[redacted]'))
  observations.add('name canary', 'value canary', 'unit canary')
  t.strictSame(observations.list(), [{ name: 'name [redacted]', value: 'value [redacted]', unit: 'unit [redacted]' }])
})

test('of one run, twenty names are kept', async t => {
  const observations = new Observations(text => text)
  for (let n = 0; n < 100; n++) observations.add(`name ${n}`, n, undefined)
  observations.add('name 0', 42, undefined)
  t.equal(observations.list().length, 20)
  t.equal(observations.list()[0]?.value, 42)
})

test('what is no observation throws, and says what it must be', async t => {
  const observations = new Observations(text => text)
  for (const [args, message] of [
    [['', 1, undefined], "observe(name, value, unit): name is ''. It must be a non-empty string."],
    [[5, 1, undefined], 'observe(name, value, unit): name is 5. It must be a non-empty string.'],
    [['lag', NaN, undefined], 'observe(name, value, unit): value is NaN. It must be a finite number, or a non-empty string.'],
    [['lag', {}, undefined], 'observe(name, value, unit): value is an object. It must be a finite number, or a non-empty string.'],
    [['lag', 1, 5], 'observe(name, value, unit): unit is 5. It must be a non-empty string, or left out.'],
  ] as Array<[[unknown, unknown, unknown], string]>) t.throws(() => observations.add(...args), { code: 'FST_HEALTH_INVALID_OBSERVATION', message })
  t.strictSame(observations.list(), [])
})
