import { test } from 'tap'
import { healthJobName, isHealthJob, withHealthJobs } from '../../lib/heartbeat/index.js'

test('a wrapped processor stays what it was', async t => {
  const one = withHealthJobs(async (job: { name: string }) => job.name)
  const three = withHealthJobs(async (_job: { name: string }, token?: string, signal?: AbortSignal) => [token, signal?.aborted])
  t.same([one.length, three.length], [1, 3])
  t.equal(await one({ name: 'mail' }), 'mail')
  t.same(await three({ name: 'mail' }, 'token', AbortSignal.abort()), ['token', true])
  t.equal(await one({ name: 'fastify-health' }), 'healthy')
  await t.rejects(withHealthJobs((_job: { name: string }) => { throw new Error('of its own') })({ name: 'mail' }), { message: 'of its own' })
})

test('health jobs are known by their reserved name', t => {
  t.equal(isHealthJob({ name: healthJobName }), true)
  t.equal(isHealthJob({ name: 'mail' }), false)
  t.end()
})
