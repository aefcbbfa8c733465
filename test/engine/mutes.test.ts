import { test } from 'tap'
import { Mutes } from '../../lib/engine/mutes.js'
import type { MuteOptions, Result } from '../../types/report.js'

const result = (identifier: string) => ({ identifier, healthy: false }) as Result
const because = 'a move of the database'

test('a mute is on the results of its check until it ends, and another one takes its place', t => {
  const mutes = new Mutes()
  const results = [result('A'), result('B')]
  t.equal(mutes.applied('s', results, 0), results)
  mutes.add('s', 'A', { until: 1000, because, by: 'ops' }, 0)
  t.strictSame(mutes.applied('s', results, 999), [{ ...result('A'), muted: { since: 0, until: 1000, because, by: 'ops' } }, result('B')])
  t.equal(mutes.applied('other', results, 0), results)
  mutes.add('s', 'A', { until: 2000, because }, 500)
  t.match(mutes.applied('s', results, 1500), [{ muted: { since: 500, until: 2000 } }, {}])
  t.strictSame(mutes.applied('s', results, 2000), results)
  t.equal(mutes.applied('s', results, 2000), results, 'what is over is forgotten')
  t.end()
})

test('a mute can be ended', t => {
  const mutes = new Mutes()
  t.notOk(mutes.remove('s', 'A'))
  mutes.add('s', 'A', { until: 1000, because }, 0)
  t.ok(mutes.remove('s', 'A'))
  t.notOk(mutes.remove('s', 'A'))
  t.strictSame(mutes.applied('s', [result('A')], 1), [result('A')])
  t.end()
})

test('a mute without an end, without a reason or in the past is refused', t => {
  const mutes = new Mutes()
  const day = 24 * 60 * 60 * 1000
  for (const [options, message] of [
    [{ because }, 'mute: until is undefined. It must be a moment of the next 90 days, in milliseconds since the epoch.'],
    [{ until: Infinity, because }, 'mute: until is Infinity. It must be a moment of the next 90 days, in milliseconds since the epoch.'],
    [{ until: 1000, because }, 'mute: until is 1000. It must be a moment of the next 90 days, in milliseconds since the epoch.'],
    [{ until: 1001 + 90 * day, because }, /^mute: until is /],
    [{ until: 2000 }, 'mute: because is undefined. It must be a text that says why.'],
    [{ until: 2000, because: ' \n' }, /^mute: because is /],
    [{ until: 2000, because, by: 5 }, 'mute: by is 5. It must be a text that says who, or left out.'],
  ] as const) t.throws(() => mutes.add('s', 'A', options as unknown as MuteOptions, 1000), { code: 'FST_HEALTH_INVALID_MUTE', message })
  t.strictSame(mutes.applied('s', [result('A')], 1), [result('A')])
  mutes.add('s', 'A', { until: 1000 + 90 * day, because: 'two\r\nlines' }, 1000)
  t.match(mutes.applied('s', [result('A')], 1000), [{ muted: { because: 'two lines' } }])
  t.end()
})

test('what the fleet has muted holds beside what is muted here, which comes first', t => {
  const mutes = new Mutes()
  mutes.setFleet([
    { subset: 's', identifier: 'A', since: 0, until: 1000, because: 'of the fleet' },
    { subset: 's', identifier: 'B', since: 0, until: 2000, because: 'of the fleet', by: 'ops' },
    { subset: 'other', identifier: 'A', since: 0, until: 2000 },
  ])
  t.match(mutes.applied('s', [result('A'), result('B'), result('C')], 1), [{ muted: { until: 1000 } }, { muted: { until: 2000, by: 'ops' } }, { muted: undefined }])
  mutes.add('s', 'A', { until: 500, because }, 0)
  t.match(mutes.applied('s', [result('A')], 1), [{ muted: { because } }])
  t.match(mutes.applied('s', [result('A')], 500), [{ muted: { because: 'of the fleet' } }])
  t.match(mutes.applied('s', [result('A'), result('B')], 1000), [{ muted: undefined }, { muted: { since: 0, until: 2000, because: 'of the fleet', by: 'ops' } }])
  mutes.setFleet([])
  t.strictSame(mutes.applied('s', [result('B')], 1), [result('B')])
  t.end()
})
