import { test } from 'tap'
import { decodableUrl, flag, func, longestTimer, milliseconds, numeric, oneOf, redisUrl, rule, suggestion, text, texts, url, violations, withoutNul } from '../../lib/values/rules.js'
import { shown } from '../../lib/values/shown.js'
import type { OptionRule } from '../../types/check.js'
import { revoked, unreadable } from '../helpers/unreadable.js'

const cases: Array<[name: string, rule: OptionRule, right: unknown[], wrong: unknown[]]> = [
  ['text without NUL', withoutNul('the path of a folder'), ['a', ' '], ['', 'a\0b', 1, null]],
  ['text', text(), ['a', ' '], ['', 1, null, [], {}]],
  ['flag', flag(), [true, false], [0, 1, '', 'true', null]],
  ['numeric', numeric('a percentage', 0, 100), [0, 0.5, 100], [-0.1, 100.1, NaN, Infinity, '50', null]],
  ['milliseconds', milliseconds(), [0, 1, longestTimer], [-1, 0.5, longestTimer + 1, NaN, Infinity, '100', null]],
  ['milliseconds from 1', milliseconds(1), [1], [0]],
  ['oneOf', oneOf(['a', 'b']), ['a', 'b'], ['c', '', null, ['a']]],
  ['texts', texts(), [[], ['a', 'b']], ['a', [''], [1], null, {}]],
  ['func', func(), [() => {}, class {}], ['a', null, {}]],
  ['url', url(['redis', 'rediss']), ['redis://h', 'redis://:100%@h'], ['http://h', 'redis', 'h:6379', '', 5, null, '//h']],
  ['URL that can be decoded', decodableUrl(['redis', 'rediss']), ['redis://h', 'rediss://u:p@h:1/2', 'redis://u%40:100%25@h/%C3%A9?x=%'], ['redis://:100%@h', 'redis://u%zz@h', 'redis://h/%ff', 'redis://%zz', 'http://h', 'redis', 'h:6379', '', 5, null, '//h']],
  ['redisUrl', redisUrl(),
    ['redis://h', 'redis://h/', 'rediss://u:p@h:1/12', 'redis:///3', 'REDIS://h/0', 'redis://h?db=2', 'redis://h/1?family=6'],
    ['http://h', 'redis://h/abc', 'redis://h/-1', 'redis://h/0/x', 'redis://h/1.5', 'redis://h/9999999999', 'redis://h?db=abc', 'redis://h?db=', 'redis://h/0?db=1&db=x', 5, null]],
]

for (const [name, { test: fits }, right, wrong] of cases) {
  test(`${name} takes what fits, and nothing else`, async t => {
    for (const value of right) t.ok(fits(value), `${shown(value)} fits`)
    for (const value of wrong) t.notOk(fits(value), `${shown(value)} does not fit`)
  })
}

test('every rule says what a valid value is, after "must be"', async t => {
  t.equal(oneOf(['a', 'b']).expected, "one of 'a', 'b'")
  t.equal(url(['redis', 'rediss']).expected, 'a URL that starts with redis:// or rediss://')
  t.equal(decodableUrl(['redis', 'rediss']).expected, 'a URL that starts with redis:// or rediss://, in which a % that begins no escape is written %25')
  t.equal(redisUrl().expected, 'a URL that starts with redis:// or rediss://, in which a % that begins no escape is written %25, and whose path is empty or the number of a database')
  t.equal(milliseconds(1).expected, 'a whole number of milliseconds, 1 or more')
})

test('a rule may be required, or secret; a URL is secret unless it says otherwise', async t => {
  t.match(rule('x', () => true, { required: true, secret: true }), { required: true, secret: true })
  t.equal(url(['http']).secret, true)
  t.match(redisUrl({ required: true }), { required: true, secret: true })
  t.equal(url(['http'], { secret: false }).secret, false)
})

test('options that fit their rules violate nothing, nor do those that are left out', async t => {
  t.strictSame(violations({ name: text(), timeout: milliseconds() }, { name: 'a', timeout: undefined }), [])
})

test('what does not fit is told with what it must be', async t => {
  t.strictSame(violations({ timeout: milliseconds() }, { timeout: -5 }), [
    { option: 'timeout', message: "'timeout' is -5", hint: 'It must be a whole number of milliseconds, 0 or more.' },
  ])
})

test('what is missing is told with what it must be', async t => {
  t.strictSame(violations({ dir: text({ required: true }) }, {}), [
    { option: 'dir', message: "'dir' is missing", hint: 'It must be a non-empty string.' },
  ])
})

test('an option that does not exist is told with the nearest one that does', async t => {
  t.strictSame(violations({ timeout: milliseconds() }, { tiemout: 5 }), [
    { option: 'tiemout', message: "there is no option 'tiemout'", hint: "Did you mean 'timeout'?" },
  ])
})

test('names that every object inherits are no options', async t => {
  t.strictSame(violations({}, { constructor: 1 }).map(({ message }) => message), ["there is no option 'constructor'"])
})

test('a name that is near to nothing gets all there are', async t => {
  t.equal(suggestion('colour', ['timeout', 'after']), "There is: 'timeout', 'after'.")
  t.equal(suggestion('colour', []), 'It takes none.')
})

test('a value that may hold credentials is never shown', async t => {
  t.notMatch(violations({ url: url(['redis']) }, { url: 'http://u:canary@h' })[0]?.message, /canary/)
})

test('a value whose option is named a secret is never shown, whatever its rule', async t => {
  t.notMatch(violations({ password: milliseconds() }, { password: 'canary' })[0]?.message, /canary/)
})

test('the options that there are are listed once', async t => {
  const hints = violations({ name: text(), timeout: milliseconds() }, { unlike: 1, naem: 2, anything: 3 }).map(({ hint }) => hint)
  t.strictSame(hints, ["There is: 'name', 'timeout'.", "Did you mean 'name'?", 'It is none of those, either.'])
})

test('an option that throws when it is looked at is named, and so is what it threw', async t => {
  const getter = { get name (): never { throw new Error('not now') }, timeout: 5 }
  t.strictSame(violations({ name: text({ required: true }), timeout: milliseconds() }, getter), [
    { option: 'name', message: "looking at 'name' threw not now", hint: 'It must be a non-empty string. If it is, correct the rule: its `test` returns true or false for any value.' },
  ])
  t.match(violations({ name: text() }, { get naem (): never { throw new Error('not now') } }), [{ message: "looking at 'naem' threw not now", hint: 'Give a value, not a getter that throws.' }])
  const broken = rule('a name', () => { throw new Error('no access with canary') })
  t.match(violations({ name: broken }, { name: 'x', password: 'canary' })[0], { message: "looking at 'name' threw no access with [redacted]", hint: /^It must be a name\. If it is, correct the rule/ })
  t.match(violations({ name: text({ required: true }) }, unreadable({})), [{ message: "'name' is missing" }])
})

test('options that cannot be listed are one violation', async t => {
  t.match(violations({ name: text() }, revoked({})), [{ message: 'the options cannot be read', hint: 'Give a plain object.' }])
  t.match(violations({ name: text() }, revoked({}), 'service.'), [{ option: 'service', message: "'service' cannot be read" }])
})

test('the name of an unknown option is shown short, on one line', async t => {
  t.equal(violations({}, { 'a\n\u001b[31mb': 1 })[0]?.message, "there is no option 'a [31mb'")
  t.equal(violations({}, { ['x'.repeat(200)]: 1 })[0]?.message, `there is no option '${'x'.repeat(100)}…'`)
})
