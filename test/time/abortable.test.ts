import { test } from 'tap'
import { getEventListeners } from 'node:events'
import { abortable, pause } from '../../lib/time/abortable.js'

test('what settles in time settles as it does', async t => {
  const { signal } = new AbortController()
  t.equal(await abortable(Promise.resolve(5), signal), 5)
  await t.rejects(abortable(Promise.reject(new Error('gone')), signal), { message: 'gone' })
  t.equal(getEventListeners(signal, 'abort').length, 0, 'nothing listens any more')
})

test('once aborted it destroys what hangs, and rejects with the reason at once', async t => {
  const controller = new AbortController()
  let destroyed = 0
  const work = abortable(new Promise(() => {}), controller.signal, () => { destroyed++ })
  t.equal(destroyed, 0)
  controller.abort(new Error('too late'))
  t.equal(destroyed, 1)
  await t.rejects(work, { message: 'too late' })
  t.equal(getEventListeners(controller.signal, 'abort').length, 0)
})

test('what was aborted before it began is destroyed, too', async t => {
  let destroyed = 0
  await t.rejects(abortable(new Promise(() => {}), AbortSignal.abort(new Error('too late')), () => { destroyed++ }), { message: 'too late' })
  t.equal(destroyed, 1)
})

test('nothing needs to be destroyed', async t => {
  await t.rejects(abortable(new Promise(() => {}), AbortSignal.abort(new Error('too late'))), { message: 'too late' })
})

test('a destroy that throws or rejects does not keep it from rejecting', async t => {
  const destroys = [() => { throw new Error('cannot be destroyed') }, async () => { throw new Error('cannot be destroyed') }]
  for (const destroy of destroys) {
    const controller = new AbortController()
    const work = abortable(new Promise(() => {}), controller.signal, destroy)
    controller.abort(new Error('too late'))
    await t.rejects(work, { message: 'too late' })
  }
})

test('work that fails after it was given up is no unhandled rejection', async t => {
  const unhandled: unknown[] = []
  const listener = (reason: unknown) => { unhandled.push(reason) }
  process.on('unhandledRejection', listener)
  t.teardown(() => process.off('unhandledRejection', listener))
  const controller = new AbortController()
  let fail!: (error: Error) => void
  const work = abortable(new Promise((_resolve, reject) => { fail = reject }), controller.signal)
  controller.abort(new Error('too late'))
  await t.rejects(work)
  fail(new Error('later'))
  await new Promise(resolve => { setImmediate(resolve) })
  t.strictSame(unhandled, [])
})

test('a pause waits, and ends where it is aborted, leaving no timer', async t => {
  const controller = new AbortController()
  const begun = performance.now()
  await pause(20, controller.signal)
  t.ok(performance.now() - begun >= 18)
  const long = pause(60_000, controller.signal)
  controller.abort(new Error('too late'))
  await t.rejects(long, { message: 'too late' })
  t.notOk(process.getActiveResourcesInfo().includes('Timeout'))
})
