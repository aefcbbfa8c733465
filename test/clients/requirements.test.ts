import { test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { decorated, needsDriver, needsTime, withoutDriver } from '../../lib/clients/requirements.js'

test('a decorator is found by its path, through objects and functions', async t => {
  const query = () => {}
  const app = { pg: Object.assign(() => {}, { reports: { query } }) } as unknown as FastifyInstance
  t.equal(decorated(app, ['pg', 'reports', 'query']), query)
  t.equal(decorated(app, []), app)
})

test('what is not there is undefined, however deep', async t => {
  const app = { pg: null, text: 'value' } as unknown as FastifyInstance
  for (const path of [['redis'], ['redis', 'sessions', 'ping'], ['pg', 'query'], ['text', 'length']]) t.equal(decorated(app, path), undefined)
})

test('a driver that can be imported is no requirement', async t => {
  t.strictSame(await needsDriver('pg', async () => await import('pg')), [])
})

test('a driver that is missing is one, with how to install it', async t => {
  t.strictSame(await needsDriver('no-such-driver', async () => await import('no-such-driver' as string)), [
    { message: "the package 'no-such-driver' cannot be loaded", hint: 'Install it: npm install no-such-driver' },
  ])
})

test('a check whose driver is missing says which', async t => {
  await t.rejects(import('no-such-driver' as string).catch(withoutDriver('no-such-driver')), {
    message: "E007 the package 'no-such-driver' cannot be loaded",
  })
})

test('a wait is a requirement where the timeout does not leave time to tell of it', async t => {
  t.strictSame(needsTime('wait', undefined, 3000), [])
  t.strictSame(needsTime('wait', 2999, 3000), [])
  t.match(needsTime('wait', 3000, 3000), [{ message: "`wait` (3000 ms) is not shorter than the check's timeout (3000 ms)", hint: /^Shorten `wait`/ }])
})
