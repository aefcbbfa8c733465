import { test } from 'tap'
import fc from 'fast-check'
import { copyPlain, idOf, isList, isOptions, isPlain, isReadable, isRecord, keyOf } from '../../lib/values/plain-data.js'
import { holding } from '../helpers/shared-references.js'
import { revoked } from '../helpers/unreadable.js'

test('objects and arrays of data are plain, and nothing else', async t => {
  for (const value of [{}, [], Object.create(null)]) t.ok(isPlain(value))
  for (const value of [null, undefined, 1, 'text', () => {}, new Date(), new Map(), new (class A {})()]) t.notOk(isPlain(value))
})

test('everything passed by reference has a number of its own', async t => {
  const [one, other] = [() => {}, () => {}]
  t.equal(idOf(one), idOf(one))
  t.not(idOf(one), idOf(other))
})

test('plain data is copied all the way down', async t => {
  const data = { list: [1, { deep: 'text' }], nothing: null, missing: undefined }
  const copy = copyPlain(data)
  t.strictSame(copy, data)
  t.not(copy, data)
  t.not(copy.list, data.list)
  t.not(copy.list[1], data.list[1])
})

test('functions, instances and clients pass by reference', async t => {
  const data = { func: () => {}, date: new Date(), map: new Map(), client: new (class Client {})() }
  const copy = copyPlain(data)
  t.not(copy, data)
  for (const key of ['func', 'date', 'map', 'client'] as const) t.equal(copy[key], data[key])
})

test('data that goes round in circles is copied as such', async t => {
  const data: Record<string, unknown> = { name: 'circle' }
  data['self'] = data
  const copy = copyPlain(data)
  t.not(copy, data)
  t.equal(copy['self'], copy)
})

test('names such as __proto__ are names like any other', async t => {
  const data = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}')
  const copy = copyPlain(data)
  t.strictSame(Object.keys(copy), ['__proto__', 'constructor'])
  t.equal(Object.getPrototypeOf(copy), Object.prototype)
  t.equal(copy.polluted, undefined)
  t.equal(Object.getPrototypeOf(copyPlain(Object.create(null))), null)
})

test('a copy has the key of its original, and never shares a plain object with it', async t => {
  fc.assert(fc.property(fc.object(), data => {
    const copy = copyPlain(data)
    return keyOf(copy) === keyOf(data) && (Object.keys(data).length === 0 || copy !== data)
  }))
  t.pass()
})

test('data of the same content has the same key, in whatever order it was written', async t => {
  t.equal(keyOf({ a: 1, b: [2, { c: 3 }] }), keyOf({ b: [2, { c: 3 }], a: 1 }))
})

test('what a check can tell apart has keys of its own', async t => {
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  const values = [
    1, '1', 1n, true, 'true', null, 'null', undefined, 'undefined', NaN, -0, 0, [], {}, [[]], [1, 2], ['1,2'], [undefined], [null], { a: 1 }, { a: '1' }, { a: undefined }, { b: 1 },
    () => {}, () => {}, new Date(0), new Date(0), Symbol('a'), Symbol('a'), Symbol.for('a'), circle, { self: {} }, '#1', '^0',
  ]
  t.equal(new Set(values.map(value => keyOf(value))).size, values.length)
})

test('data that goes round in circles has a key', async t => {
  const circle = () => {
    const data: Record<string, unknown> = { list: [] }
    data['list'] = [data]
    return data
  }
  t.equal(keyOf(circle()), keyOf(circle()))
})

test('an object that many others hold is written once, so that a key never takes exponential time', async t => {
  const { top, bottom } = holding(100)
  const before = keyOf(top)
  t.equal(before, keyOf(holding(100).top))
  t.equal(before, keyOf(copyPlain(top)))
  t.ok(before.length < 100 * 40)
  bottom['changed'] = true
  t.not(keyOf(top), before)
  const [one, other] = [{}, { a: 1 }]
  t.not(keyOf([one, other, one]), keyOf([one, other, other]))
})

test('a record is an object that is no list', async t => {
  t.ok(isRecord({}))
  for (const value of [null, [], 'x', undefined]) t.notOk(isRecord(value))
})

test('a proxy that throws is neither plain nor a list, and is passed by reference', async t => {
  const proxies = [revoked({}), revoked([]), new Proxy({}, { getPrototypeOf () { throw new Error('not now') } })]
  for (const proxy of proxies) t.notOk(isPlain(proxy))
  for (const proxy of proxies) t.notOk(isList(proxy))
  t.ok(isList([]))
  t.notOk(isReadable(revoked({})))
  const copy = copyPlain({ proxy: proxies[0] })
  t.ok(Object.is(copy.proxy, proxies[0]))
  t.equal(keyOf(copy), keyOf({ proxy: proxies[0] }))
})

test('an object holds options, unless it is of a kind that holds none', async t => {
  class Options { timeout = 5 }
  for (const value of [{}, { a: 1 }, Object.create(null), new Options()]) t.ok(isOptions(value))
  for (const value of [null, 'x', [], () => {}, new Map([['a', 1]]), new Set(), new Date(), Promise.resolve({}), new URL('http://h'), revoked({})]) t.notOk(isOptions(value))
})
