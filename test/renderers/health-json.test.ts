import Fastify from 'fastify'
import { test } from 'tap'
import Schema from 'typebox/schema'
import fastifyHealth, { createHealth, defineCheck, HealthCheck, ServiceUnavailable, ServiceWarning, type HealthOptions } from '../../lib/index.js'
import { healthJson } from '../../lib/renderers/health-json.js'
import { healthJsonSchema } from '../fixtures/health-json.schema.js'

const { log } = Fastify()
const working = defineCheck({ identifier: 'Cache', check () {} })

function failing (identifier: string, error: Error, critical = true) {
  return defineCheck({ identifier, critical, check () { throw error } })
}

const validator = Schema.Compile(healthJsonSchema)

interface Body {
  status: string
  checks: Record<string, Array<Record<string, unknown>>>
  [field: string]: unknown
}

/** The body of a run, parsed and valid. */
async function bodyOf (checks: Array<typeof working>, options: HealthOptions = {}): Promise<Body> {
  const health = createHealth({ subsets: { integrations: checks }, ...options }, { log })
  const body = healthJson.render(await health.run('integrations'), health.settings.service) as Body
  if (!validator.Check(body as unknown)) throw new Error(`Not valid: ${JSON.stringify(validator.Errors(body))}`)
  return body
}

test('a healthy subset passes, and each check says how long it took', async t => {
  const begun = Date.now()
  const body = await bodyOf([working])
  t.equal(body.status, 'pass')
  const [check, ...rest] = body.checks['Cache:responseTime']!
  t.match(check, { componentId: 'Cache', componentType: 'component', observedValue: Number, observedUnit: 'ms', status: 'pass' })
  t.ok(Date.parse(check!['time'] as string) >= begun)
  t.notOk('output' in check!)
  t.strictSame(rest, [])
})

test('a failing check says why, and fails the subset', async t => {
  const body = await bodyOf([working, failing('Redis', new ServiceUnavailable('connection refused'))])
  t.equal(body.status, 'fail')
  t.match(body.checks['Redis:responseTime'], [{ status: 'fail', output: 'unavailable: connection refused' }])
  t.match(body.checks['Cache:responseTime'], [{ status: 'pass' }])
})

test('what does not fail the subset is worth a warning', async t => {
  const optional = await bodyOf([failing('Redis', new ServiceUnavailable('gone'), false)])
  t.match(optional, { status: 'warn', checks: { 'Redis:responseTime': [{ status: 'fail' }] } })
  const full = failing('Disk', new ServiceWarning('93 % in use'))
  t.match(await bodyOf([full], { warningsAsErrors: false }), { status: 'warn', checks: { 'Disk:responseTime': [{ status: 'warn', output: 'warning: 93 % in use' }] } })
  t.match(await bodyOf([full]), { status: 'fail', checks: { 'Disk:responseTime': [{ status: 'fail' }] } })
})

test('a colon in an identifier does not get into the key, and the identifier is kept', async t => {
  const named = (identifier: string) => defineCheck({ identifier, check () {} })
  const { checks } = await bodyOf([named('Cache backend: sessions'), named('a:b'), named('a : b'), named('__proto__')])
  t.strictSame(Object.entries(checks).map(([key, found]) => [key, found.map(({ componentId }) => componentId)]), [
    ['Cache backend - sessions:responseTime', ['Cache backend: sessions']],
    ['__proto__:responseTime', ['__proto__']],
    ['a - b:responseTime', ['a : b', 'a:b']],
  ])
})

test('what the service says of itself is left out unless it is told', async t => {
  const service = { releaseId: '2024.1', serviceId: 'urn:acme:shop', version: '1', description: 'The shop' }
  t.match(await bodyOf([working], { service }), service)
  t.strictSame(Object.keys(await bodyOf([working], { service: { version: '1', releaseId: undefined } })), ['status', 'version', 'checks'])
  t.strictSame(Object.keys(await bodyOf([working])), ['status', 'checks'])
})

test('what a service says of itself must be texts, and the fields are those of the draft', async t => {
  const noObject = { message: /^'service' is /, hint: 'It must be an object of non-empty strings: releaseId, serviceId, version, description.' }
  const noText = { message: /^'service\.version' is /, hint: 'It must be a non-empty string.' }
  for (const [service, told] of [
    [{ name: 'shop' }, { message: "there is no option 'service.name'", hint: "There is: 'releaseId', 'serviceId', 'version', 'description'." }],
    [{ version: 1 }, noText],
    [{ version: '' }, noText],
    ['shop', noObject],
    [null, noObject],
    [[], noObject],
  ] as Array<[service: unknown, told: object]>) {
    const [fault, ...rest] = await createHealth({ service: service as never }, { log }).systemChecks()
    t.match(fault, { id: 'E001', ...told })
    t.strictSame(rest, [])
  }
  t.strictSame(await createHealth({ service: { releaseId: undefined, version: '1' } }, { log }).systemChecks(), [])
})

test('several failures of one check are one output', async t => {
  class Two extends HealthCheck {
    override check () {
      this.addError(new ServiceUnavailable('first'))
      this.addError('second')
    }
  }
  t.match(await bodyOf([Two]), { checks: { 'Two:responseTime': [{ output: 'unavailable: first\nunknown error: second' }] } })
})

test('it is served with the status and type that the draft asks for, and what a service says holds from the next probe on', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  let broken = true
  const check = defineCheck({ identifier: 'A', check () { if (broken) throw new ServiceUnavailable('gone') } })
  await app.register(fastifyHealth, { subsets: { integrations: [check] }, service: { version: '1' } })
  const ask = async () => await app.inject({ url: '/healthcheck/integrations', headers: { accept: 'application/health+json' } })
  const bad = await ask()
  t.match(bad, { statusCode: 500, headers: { 'content-type': 'application/health+json' } })
  t.match(bad.json(), { status: 'fail', version: '1' })
  broken = false
  app.health.settings.service.version = '2'
  const good = await ask()
  t.equal(good.statusCode, 200)
  t.match(good.json(), { status: 'pass', version: '2' })
})

test('who may not see messages sees the kind of failure', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyHealth, { subsets: { integrations: [failing('A', new ServiceUnavailable('secret'))] }, details: 'never' })
  const body = (await app.inject('/healthcheck/integrations?format=health%2Bjson')).json()
  t.strictSame(body.checks['A:responseTime'][0].output, 'unavailable')
})

test('the schema of the draft finds what is wrong', t => {
  const check = { componentId: 'A', componentType: 'component', observedValue: 1, observedUnit: 'ms', status: 'pass', time: '2024-01-01T00:00:00.000Z' }
  const valid = (checks: object, root: object = {}) => validator.Check({ status: 'pass', checks, ...root })
  t.ok(valid({ 'A:responseTime': [check] }))
  t.notOk(valid({ 'A:b:responseTime': [check] }))
  t.notOk(valid({ A: [check] }))
  t.notOk(valid({ 'A:responseTime': check }))
  t.notOk(valid({ 'A:responseTime': [{ ...check, output: 'working' }] }))
  t.notOk(valid({ 'A:responseTime': [{ ...check, status: 'fail' }] }))
  t.notOk(valid({ 'A:responseTime': [{ ...check, time: 1 }] }))
  t.notOk(valid({}, { status: 'healthy' }))
  t.notOk(valid({}, { name: 'x' }))
  t.end()
})
