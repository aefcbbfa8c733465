import swagger from '@fastify/swagger'
import { Validator } from '@seriousme/openapi-schema-validator'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import health, { defineCheck, ServiceUnavailable, type HealthOptions } from '../../lib/index.js'
import { eventually } from '../helpers/leaks.js'
import { startRedis } from '../helpers/redis.js'
import type { Server } from '../helpers/server.js'

let redis: Server
let fleets = 0
const page = '/healthcheck/fleet'
const patience = { timeout: 20_000 }

t.before(async () => {
  redis = await startRedis({ after: close => t.teardown(close) })
})

interface Setup {
  readonly options?: Partial<HealthOptions>
  readonly server?: FastifyServerOptions
  readonly before?: (app: FastifyInstance) => unknown
}

async function build (t: Test, { options = {}, server = {}, before = () => {} }: Setup = {}): Promise<FastifyInstance> {
  const app = Fastify(server)
  await before(app)
  await app.register(health, {
    logLevel: 'silent',
    fleet: { name: `shop-${fleets++}`, url: redis.url, instance: 'host:1', details: true },
    subsets: { readiness: [defineCheck({ identifier: 'Till', interval: 100, check () { throw new ServiceUnavailable('the till is locked') } })] },
    service: { version: '1.2.3' },
    ...options,
  })
  await app.ready()
  t.teardown(() => app.close())
  return app
}

async function known (app: FastifyInstance): Promise<void> {
  await eventually(async () => {
    const { subsets } = await app.health.roster()
    if (subsets[0]?.failing !== 1) throw new Error('not known yet')
  }, patience)
}

t.test('the fleet is shown in every format', async t => {
  const app = await build(t)
  await app.health.muteFleet('readiness', 'Till', { time: 3_600_000, because: 'a move', by: 'ops' })
  await eventually(async () => {
    const { body } = await app.inject(`${page}?format=json`)
    if (!/"muted":true/.test(body)) throw new Error(body)
  }, patience)
  const types: Record<string, string> = {}
  for (const format of ['html', 'json', 'plain', 'health%2Bjson', 'openmetrics']) {
    const { statusCode, headers, body } = await app.inject(`${page}?format=${format}`)
    t.equal(statusCode, 200, format)
    t.match(headers, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', vary: 'accept' })
    types[format] = String(headers['content-type'])
    t.match(body, format === 'openmetrics' ? 'fastify_health_fleet_instances{fleet="shop-0",state="up"} 1' : 'Till')
  }
  t.match(types, { html: 'text/html; charset=utf-8', json: 'application/json; charset=utf-8', plain: 'text/plain; charset=utf-8', 'health%2Bjson': 'application/health+json' })
  t.match((await app.inject(page)).headers, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': /default-src 'none'/ })
  t.match((await app.inject({ url: page, headers: { accept: 'application/json' } })).json(), {
    fleet: 'shop-0', healthy: true, up: 1, mutes: [{ subset: 'readiness', identifier: 'Till', because: 'a move', by: 'ops' }], instances: [{ instance: 'host:1', state: 'up', version: '1.2.3' }],
  })
  t.equal((await app.inject(`${page}/?format=plain`)).statusCode, 200)
  t.match(await app.inject({ method: 'HEAD', url: page }), { statusCode: 200, body: '' })
  t.match(await app.inject(`${page}?format=xml`), { statusCode: 406, body: /^Not Acceptable/ })
})

t.test('so many instances are shown as are asked for', async t => {
  const app = await build(t)
  await known(app)
  const instances = async (limit: string) => (await app.inject(`${page}?format=json&limit=${limit}`)).json().instances.length
  t.equal(await instances('0'), 0)
  t.equal(await instances('1000'), 1)
  for (const limit of ['1001', '-1', 'x', '', '1.5']) {
    t.match(await app.inject(`${page}?limit=${limit}`), { statusCode: 400, body: 'limit must be a whole number, 0 to 1000' })
  }
})

t.test('details are for those whom the setting lets see them', async t => {
  const bodies = async (app: FastifyInstance, headers = {}) => (await Promise.all(['html', 'json', 'plain', 'health%2Bjson'].map(async format => (await app.inject({ url: `${page}?format=${format}`, headers })).body))).join()
  const app = await build(t, { options: { details: request => request.headers.authorization === 'yes' } })
  await known(app)
  await app.health.muteFleet('readiness', 'Till', { time: 3_600_000, because: 'a move', by: 'ops' })
  t.match(await bodies(app, { authorization: 'yes' }), 'the till is locked')
  t.match(await bodies(app, { authorization: 'yes' }), 'a move')
  t.notMatch(await bodies(app), /the till is locked|a move|ops/)
  t.match(await bodies(app), 'unavailable')
})

t.test('where Redis cannot be asked, it says so in every format and with the status of a failure', async t => {
  const app = await build(t, { options: { fleet: { name: 'shop', url: 'redis://127.0.0.1:1', instance: 'host:1' }, failureStatus: { fleet: 503 } } })
  for (const format of ['html', 'json', 'plain', 'health%2Bjson']) {
    t.match(await app.inject(`${page}?format=${format}`), { statusCode: 503, body: /connection refused/ }, format)
  }
  t.match(await app.inject(`${page}?format=openmetrics`), { statusCode: 200, body: 'fastify_health_fleet_reachable{fleet="shop"} 0' })
  const quiet = await build(t, { options: { fleet: { name: 'shop', url: 'redis://127.0.0.1:1' }, details: 'never' } })
  const { statusCode, body } = await quiet.inject(`${page}?format=json`)
  t.equal(statusCode, 500)
  t.match(JSON.parse(body), { unavailable: 'unavailable' })
})

t.test('there is no such page without a fleet, and a subset of that name is a fault with one', async t => {
  const app = await build(t, { options: { fleet: undefined, subsets: { fleet: [] } } })
  t.equal((await app.inject(`${page}?format=json`)).body, '{}')
  t.equal((await (await build(t, { options: { fleet: undefined } })).inject(page)).statusCode, 404)
  await t.rejects(build(t, { options: { subsets: { fleet: [] } } }), { message: /E003 subset 'fleet': 'fleet' is where the fleet is shown/ })
  await t.rejects(build(t, { server: { routerOptions: { caseSensitive: false } }, options: { subsets: { Fleet: [] } } }), { message: /E003 subset 'Fleet': 'fleet' is where the fleet is shown/ })
  t.ok(await build(t, { options: { subsets: { Fleet: [] } } }))
})

t.test('boot tells a fleet whose client is not there', async t => {
  await t.rejects(build(t, { options: { fleet: { name: 'shop' } } }), { message: /E007 fleet: app\.redis is not there/ })
})

t.test('it is in the OpenAPI document', async t => {
  const app = await build(t, { before: async app => { await app.register(swagger, { openapi: { openapi: '3.1.0', info: { title: 'Shop', version: '1' } } }) } })
  const document = JSON.parse(JSON.stringify(app.swagger()))
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  t.ok(valid, JSON.stringify(errors))
  const { get } = document.paths[page]
  t.match(get, { operationId: 'getHealthcheckFleet', tags: ['health'], summary: 'How are all instances?' })
  t.strictSame(get.parameters.map(({ name }: { name: string }) => name), ['format', 'limit'])
  t.strictSame(Object.keys(get.responses), ['200', '400', '406', '500'])
  t.match(get.responses['200'].content['application/json'].example, { fleet: 'fleet', healthy: true })
  t.match(get.responses['500'].content['application/json'].example, { unavailable: 'connection refused' })
})

t.test('an app that parses queries in its own way is answered as without one', async t => {
  const app = await build(t, { server: { routerOptions: { querystringParser: () => undefined as never } } })
  t.match(await app.inject(page), { statusCode: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
})
