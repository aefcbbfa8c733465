import { test } from 'tap'
import { livenessDocumentation, operationNames, subsetDocumentation } from '../../lib/http/openapi.js'
import { statusesSchema } from '../../lib/http/schemas.js'

type Media = Record<string, { example?: unknown }>

const settings = { failureStatus: 500, service: { version: '2' } }

const documented = (checks: Array<{ identifier: string, critical: boolean }>) => {
  return subsetDocumentation({ subset: 'readiness', checks, body: statusesSchema(checks.map(({ identifier }) => identifier)) }, settings)
}
const mediaOf = (checks: Array<{ identifier: string, critical: boolean }>, status: number) => {
  return (documented(checks).response as Record<number, { content: Media }>)[status]!.content
}

test('names of operations are words of their URLs', async t => {
  const nameOf = operationNames({})
  t.equal(nameOf('/healthcheck/liveness'), 'getHealthcheckLiveness')
  t.equal(nameOf('/api/v1/health-check/readiness'), 'getApiV1HealthCheckReadiness')
  t.equal(nameOf('/_'), 'get')
})

test('a name that is taken gets a number', async t => {
  const server = {}
  const nameOf = operationNames(server)
  t.strictSame(['/a-b', '/a_b', '/a/b', '/_', '/~', '/aB2', '/aB'].map(nameOf), ['getAB', 'getAB2', 'getAB3', 'get', 'get2', 'getAB22', 'getAB4'])
  t.equal(operationNames(server)('/a-b'), 'getAB5', 'also by another registration')
  t.equal(operationNames({})('/a-b'), 'getAB', 'each server has its own')
})

test('it says which checks are critical', async t => {
  t.equal(documented([{ identifier: 'A', critical: true }, { identifier: 'B', critical: false }]).description, 'Checks:\n\n- A (critical)\n- B')
  t.equal(documented([]).description, 'Checks nothing.')
  t.match(livenessDocumentation.description, 'asks nothing else')
})

test('the example of a failure is one of the first critical check', async t => {
  const checks = [{ identifier: 'A', critical: false }, { identifier: 'B', critical: true }, { identifier: 'C', critical: true }]
  t.strictSame(mediaOf(checks, 200)['application/json']?.example, { A: 'working', B: 'working', C: 'working' })
  t.strictSame(mediaOf(checks, 500)['application/json']?.example, { A: 'working', B: 'unavailable: connection refused', C: 'working' })
  t.match(mediaOf(checks, 500)['application/health+json']?.example, { status: 'fail', version: '2' })
})

test('where no check is critical there is no example of a failure, and never one of the page', async t => {
  const media = mediaOf([{ identifier: 'A', critical: false }], 500)
  t.strictSame(Object.values(media).map(({ example }) => example), [undefined, undefined, undefined, undefined])
  t.equal(mediaOf([{ identifier: 'A', critical: true }], 500)['text/html']?.example, undefined)
})

test('it is the same at each start', async t => {
  const checks = [{ identifier: 'A', critical: true }]
  t.strictSame(JSON.stringify(documented(checks)), JSON.stringify(documented(checks)))
  t.match(JSON.stringify(documented(checks)), '2026-01-01T00:00:00.000Z')
})
