import { test } from 'tap'
import * as errors from '../lib/errors.js'

const { HealthCheckError, ServiceReturnedUnexpectedResult, ServiceUnavailable, ServiceWarning, isHealthCheckError } = errors

test('each error is of a kind, named as its class, and keeps its cause', async t => {
  const cause = new Error('why')
  for (const [Failure, name, kind] of [
    [HealthCheckError, 'HealthCheckError', 'unknown error'],
    [ServiceWarning, 'ServiceWarning', 'warning'],
    [ServiceUnavailable, 'ServiceUnavailable', 'unavailable'],
    [ServiceReturnedUnexpectedResult, 'ServiceReturnedUnexpectedResult', 'unexpected result'],
  ] as const) {
    const error = new Failure('what', { cause })
    t.match(error, { name, kind, message: 'what', cause })
    t.ok(error instanceof HealthCheckError)
    t.ok(isHealthCheckError(error))
  }
})

test('an error of an app\'s own class is one of them', async t => {
  class Throttled extends ServiceUnavailable {}
  t.match(new Throttled('busy'), { name: 'Throttled', kind: 'unavailable' })
})

test('an error that was built against another copy of the package is one of them, too', async t => {
  class Foreign extends Error {
    get [Symbol.for('fastify-health.error')] () { return true }
  }
  t.ok(isHealthCheckError(new Foreign('what')))
  t.equal((new HealthCheckError('what') as unknown as Record<symbol, unknown>)[Symbol.for('fastify-health.error')], true)
})

test('nothing else is', async t => {
  for (const value of [new Error('x'), 'x', null, undefined, { message: 'x' }, { [Symbol.for('fastify-health.error')]: true }]) {
    t.notOk(isHealthCheckError(value))
  }
})

test('errors thrown at callers have codes with the prefix FST_HEALTH_, as they are called', async t => {
  const codes = Object.entries(errors).filter(([name]) => name.startsWith('FST_'))
  t.ok(codes.length >= 8)
  for (const [name, Thrown] of codes) {
    t.match(name, /^FST_HEALTH_/)
    const error = new (Thrown as typeof errors.FST_HEALTH_USAGE)('filled in')
    t.equal(error.code, name)
    t.ok(error instanceof Error)
  }
})

test('what HTTP answers with is in the error', async t => {
  t.match(new errors.FST_HEALTH_UNKNOWN_SUBSET('ghost'), { statusCode: 404, message: "Subset: 'ghost' does not exist." })
  t.match(new errors.FST_HEALTH_NOT_ACCEPTABLE('text/html'), { statusCode: 406, message: 'Not Acceptable: Supported content types: text/html' })
})

test('every code is exported, by its name', async t => {
  const codes = Object.keys(errors).filter(name => name.startsWith('FST_HEALTH_'))
  t.strictSame(Object.keys(errors.errorCodes).sort(), codes.sort())
  t.equal(errors.errorCodes.FST_HEALTH_USAGE, errors.FST_HEALTH_USAGE)
})
