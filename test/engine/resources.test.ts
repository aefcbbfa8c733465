import { test } from 'tap'
import { ResourceStore } from '../../lib/engine/resources.js'

test('what is kept is made once, for simultaneous callers too', async t => {
  const resources = new ResourceStore()
  let made = 0
  const create = async () => ({ number: ++made })
  const [one, other] = await Promise.all([resources.get('key', create), resources.get('key', create)])
  t.equal(one, other)
  t.equal(await resources.get('key', create), one)
  t.equal(made, 1)
  t.not(await resources.get('another key', create), one)
})

test('what could not be made is told to all who wait, and made anew by the next', async t => {
  const resources = new ResourceStore()
  const failing = () => { throw new Error('refused') }
  const both = await Promise.allSettled([resources.get('key', failing), resources.get('key', () => 'not asked')])
  t.strictSame(both.map(({ status }) => status), ['rejected', 'rejected'])
  t.equal(await resources.get('key', () => 'made'), 'made')
})

test('a failure to make it does not forget what was made meanwhile', async t => {
  const resources = new ResourceStore()
  let refuse!: (error: Error) => void
  const first = resources.get('key', async () => await new Promise((_resolve, reject) => { refuse = reject }))
  const dropped = resources.drop('key')
  await resources.get('key', () => 'second')
  refuse(new Error('refused'))
  await t.rejects(first, { message: 'refused' })
  await dropped
  t.equal(await resources.get('key', () => 'third'), 'second')
})

test('what is dropped is closed and made anew', async t => {
  const resources = new ResourceStore()
  const closed: string[] = []
  const close = (thing: string) => { closed.push(thing) }
  await resources.get('key', () => 'first', close)
  await resources.drop('key')
  t.strictSame(closed, ['first'])
  t.equal(await resources.get('key', () => 'second', close), 'second')
})

test('dropping what is not there, has nothing to close or cannot be closed is no error', async t => {
  const resources = new ResourceStore()
  await resources.drop('never kept')
  await resources.get('plain', () => 1)
  await resources.drop('plain')
  await resources.get('broken', () => 1, () => { throw new Error('cannot be closed') })
  await t.resolves(resources.drop('broken'))
})

test('closing closes everything that is kept, and nothing is kept afterwards', async t => {
  const resources = new ResourceStore()
  const closed: number[] = []
  for (const number of [1, 2, 3]) await resources.get(`key ${number}`, () => number, async thing => { closed.push(thing) })
  await resources.close()
  t.strictSame(closed, [1, 2, 3])
  await t.rejects(resources.get('key 1', () => 1), { code: 'FST_HEALTH_CLOSED' })
})
