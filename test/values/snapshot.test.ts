import { test } from 'tap'
import fc from 'fast-check'
import { keyOf } from '../../lib/values/plain-data.js'
import { isUnchanged, snapshotOf, type Snapshot } from '../../lib/values/snapshot.js'
import { holding } from '../helpers/shared-references.js'
import { revoked, unreadable } from '../helpers/unreadable.js'

const snapshot = (value: unknown) => snapshotOf(value) as Snapshot

test('what nobody changed is unchanged', async t => {
  fc.assert(fc.property(fc.object(), data => isUnchanged(data, snapshot(data))))
  const list = [NaN, -0, new Map(), () => {}, [[{ deep: [1] }]], Object.create(null)]
  t.ok(isUnchanged(list, snapshot(list)))
})

test('a change in place is seen at any depth', async t => {
  const changes: Array<[value: any, change: (value: any) => unknown]> = [
    [{ a: 1 }, value => { value.a = 2 }],
    [{ a: 1 }, value => { delete value.a }],
    [{ a: undefined }, value => { value.b = undefined }],
    [{ a: undefined }, value => { delete value.a; value.b = undefined }],
    [{ a: 0 }, value => { value.a = -0 }],
    [{ a: new Map() }, value => { value.a = new Map() }],
    [[1], value => value.push(2)],
    [[1, 2], value => value.pop()],
    [[1, 2], value => value.reverse()],
    [[[{ a: [] }]], value => value[0][0].a.push(1)],
    [[[{ a: {} }]], value => { value[0][0].a.b = 1 }],
  ]
  for (const [value, change] of changes) {
    const before = keyOf(value)
    const then = snapshot(value)
    change(value)
    t.notOk(isUnchanged(value, then), `${before} became ${keyOf(value)}`)
  }
})

test('another value of the same content counts as changed', async t => {
  t.notOk(isUnchanged([1], snapshot([1])))
})

test('data that goes round in circles is compared as well', async t => {
  const circle: Record<string, unknown> = {}
  circle['list'] = [circle]
  const then = snapshot(circle)
  t.ok(isUnchanged(circle, then))
  circle['more'] = 1
  t.notOk(isUnchanged(circle, then))
})

test('an object that many others hold is recorded and compared once', async t => {
  const { top, bottom } = holding(100)
  const then = snapshot(top)
  t.equal(then.length, 101)
  t.ok(isUnchanged(top, then))
  bottom['changed'] = true
  t.notOk(isUnchanged(top, then))
})

test('what cannot be read has no snapshot, and what can no longer be read has changed', async t => {
  t.equal(snapshotOf([{ get url () { throw new Error('not now') } }]), undefined)
  t.equal(snapshotOf(unreadable([1])), undefined)
  const odd = [revoked({})]
  t.ok(isUnchanged(odd, snapshot(odd)), 'a revoked proxy passes by reference')
  const options = { url: 'x' }
  const then = snapshot(options)
  Object.defineProperty(options, 'url', { get () { throw new Error('not any more') }, enumerable: true })
  t.notOk(isUnchanged(options, then))
})
