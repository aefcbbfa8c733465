import { test } from 'tap'
import fc from 'fast-check'
import { anyStatuses, healthReport, livenessBody, statusesSchema, anyText } from '../../lib/http/schemas.js'
import { validated } from '../../lib/http/validated.js'

const invalid = { code: 'FST_HEALTH_INVALID_RESPONSE' }

test('the statuses of a subset are texts by the identifiers that it has, and no others', async t => {
  const schema = statusesSchema(['Database', 'Cache backend: default'])
  t.strictSame(Object.keys(schema.properties), ['Database', 'Cache backend: default'])
  t.equal(validated(schema, { Database: 'working', 'Cache backend: default': 'unavailable' }), '{"Database":"working","Cache backend: default":"unavailable"}')
  t.throws(() => validated(schema, { Database: 'working' }), invalid)
  t.throws(() => validated(schema, { Database: 'working', 'Cache backend: default': 1 }), invalid)
  t.throws(() => validated(schema, { Database: 'working', 'Cache backend: default': '', Redis: '' }), invalid)
})

test('a subset without checks has an empty object', async t => {
  t.equal(validated(statusesSchema([]), {}), '{}')
  t.throws(() => validated(statusesSchema([]), { Database: 'working' }), invalid)
})

test('statuses of checks that are not known when the route is declared are texts, whatever their names', async t => {
  t.equal(validated(anyStatuses, { Ünïcode: 'working', '': 'working' }), '{"Ünïcode":"working","":"working"}')
  t.throws(() => validated(anyStatuses, { Database: { status: 'working' } }), invalid)
})

test('a text is sent as it is', async t => {
  t.equal(validated(anyText, '<p>"{'), '<p>"{')
  t.throws(() => validated(anyText, { a: 1 }), invalid)
})

test('a health+json report may hold what the draft has, and component details keys of their own', async t => {
  const report = {
    status: 'warn',
    version: '1',
    releaseId: '1.2.3',
    serviceId: 'urn:orders',
    description: 'Orders',
    notes: ['a note'],
    output: '',
    links: { about: 'https://example.org' },
    checks: {
      'Database:responseTime': [{ componentId: 'Database', componentType: 'datastore', observedValue: 1.5, observedUnit: 'ms', status: 'fail', time: '2026-01-01T00:00:00.000Z', output: 'unavailable', critical: true }],
    },
  }
  t.strictSame(JSON.parse(validated(healthReport, report)), report)
  t.throws(() => validated(healthReport, { ...report, checks: { a: [{ status: 'fail', observedValue: { slow: true } }] } }), invalid)
  t.throws(() => validated(healthReport, { ...report, checks: { a: [{ status: 'fail', time: 'yesterday' }] } }), invalid)
  t.throws(() => validated(healthReport, { ...report, checks: { a: {} } }), invalid)
})

test('what is wrong with a response is said', async t => {
  t.throws(() => validated(livenessBody, { status: 'no' }), { message: /status/ })
})

test('statuses are written as JSON.stringify() writes them, whatever they and their checks are called', async t => {
  fc.assert(fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.oneof(fc.constant('working'), fc.string({ unit: 'grapheme' }))), body => {
    return validated(statusesSchema(Object.keys(body)), body) === JSON.stringify(body)
  }))
  t.equal(validated(statusesSchema([]), {}), '{}')
})
