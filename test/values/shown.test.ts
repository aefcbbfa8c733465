import { test } from 'tap'
import { noSecrets } from '../../lib/values/secrets.js'
import { brief, named, oneLine, reason, shown } from '../../lib/values/shown.js'
import { revoked } from '../helpers/unreadable.js'

test('a value is shown short, and an object only as such', async t => {
  t.strictSame([5, 'five', null, undefined, true, [1], { a: 1 }, () => {}].map(value => shown(value)), [
    '5', "'five'", 'null', 'undefined', 'true', 'an array', 'an object', 'a function',
  ])
  t.equal(shown('x'.repeat(200)).length, 81)
})

test('a value that may hold credentials is never shown', async t => {
  t.equal(shown('canary', true), 'a string that does not fit (not shown: it may hold credentials)')
  t.equal(shown(null, true), 'a null that does not fit (not shown: it may hold credentials)')
  t.notMatch(shown('redis://u:canary@h'), /canary/)
})

test('a value that cannot be read is shown as such', async t => {
  t.strictSame([{}, [], () => {}].map(target => shown(revoked(target))), ['an object that cannot be read', 'an object that cannot be read', 'a function that cannot be read'])
})

test('no control character of a value is shown', async t => {
  t.equal(shown(Symbol('\u001b[31mred')), 'Symbol( [31mred)')
  t.equal(shown('\u001b[31mred'), "'\\x1B[31mred'")
})

test('line breaks and control characters of a text are removed', async t => {
  t.equal(oneLine('a\r\n  b\n\nc \u001b[31mred\u009b\n'), 'a b c [31mred')
  t.equal(oneLine('a  b\u2028c'), 'a  b\u2028c', 'other space stays')
  const began = performance.now()
  t.equal(oneLine(`a${' '.repeat(300_000)}b`).length, 300_002)
  t.ok(performance.now() - began < 1000, 'it takes linear time')
})

test('a text of any length becomes brief', async t => {
  t.equal(brief('short\n'), 'short')
  t.equal(brief('x'.repeat(1000)), 'x'.repeat(1000))
  t.equal(brief('x'.repeat(1001)), `${'x'.repeat(1000)}…`)
  t.equal(brief(`${'\n'.repeat(5000)}x`), '…')
  t.equal(named('x'.repeat(200)), `${'x'.repeat(100)}…`)
})

test('the reason of anything thrown is its first line, without secrets', async t => {
  t.equal(reason(new Error('one\ntwo')), 'one')
  t.equal(reason(new Error('one\r\n\u001b[31mtwo')), 'one')
  t.equal(reason('text'), "'text'")
  t.equal(reason(null), 'null')
  t.equal(reason(new AggregateError([new Error('connect ECONNREFUSED ::1:5432')])), 'connect ECONNREFUSED [redacted]')
  t.equal(reason(new Error('canary'), { ...noSecrets, texts: new Set(['canary']) }), '[redacted]')
})

test('an error that cannot be read is a reason, too', async t => {
  class Unreadable extends Error {
    override get message (): never { throw new Error('not this one, either') }
  }
  for (const thrown of [new Unreadable(), Object.assign(new Error(), { message: 5 })]) t.equal(reason(thrown), 'an error that cannot be read')
  t.equal(reason(revoked({})), 'an error that cannot be read')
  t.equal(reason(new AggregateError([])), 'undefined')
})
