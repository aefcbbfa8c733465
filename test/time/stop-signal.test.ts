import { test } from 'tap'
import { follow, interruptionOf, stopping, StopSignal } from '../../lib/time/stop-signal.js'

test('a signal tells its listeners once, and why', async t => {
  const signal = new StopSignal()
  const heard: unknown[] = []
  const gone = () => heard.push('one that does not listen any more')
  signal.addEventListener('abort', () => heard.push(signal.reason))
  signal.addEventListener('abort', gone)
  signal.removeEventListener('abort', gone)
  signal.throwIfAborted()
  t.notOk(signal.aborted)

  const reason = new Error('time is up')
  signal.abort(reason)
  signal.abort(new Error('once more'))
  t.ok(signal.aborted)
  t.strictSame(heard, [reason])
  t.throws(() => signal.throwIfAborted(), reason)
})

test('a listener may add another one, which is too late', async t => {
  const signal = new StopSignal()
  let heard = 0
  signal.addEventListener('abort', () => signal.addEventListener('abort', () => { heard++ }))
  signal.abort(new Error('time is up'))
  t.equal(heard, 0)
})

test('a follower is aborted with its signal, even one that was aborted before, until it unfollows', async t => {
  const reason = new Error('time is up')
  const signal = new StopSignal()
  const { follower } = follow(signal)
  const left = follow(signal)
  left.unfollow()
  const own = follow(signal).follower
  own.abort(new Error('a reason of its own'))
  signal.abort(reason)
  t.equal(follower.reason, reason)
  t.notOk(left.follower.aborted)
  t.strictSame(own.reason, new Error('a reason of its own'))
  t.equal(follow(signal).follower.reason, reason)
})

test('what interrupts a run is the signal of the engine, or the one that everybody sees', async t => {
  const { signal } = new AbortController()
  const own = new StopSignal()
  t.equal(interruptionOf({ signal }), signal)
  t.equal(interruptionOf({ signal, [stopping]: own }), own)
})
