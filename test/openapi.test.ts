import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import swagger from '@fastify/swagger'
import { Validator } from '@seriousme/openapi-schema-validator'
import Fastify, { type FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject, serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import openapiTS, { astToString } from 'openapi-typescript'
import { test, type Test } from 'tap'
import { z } from 'zod'
import health, { defineCheck, ServiceUnavailable, type HealthOptions } from '../lib/index.js'

const database = defineCheck({ identifier: 'Database', check () {} })
const cache = defineCheck({ identifier: 'Cache backend: default', critical: false, check () {} })
const redis = defineCheck({ identifier: 'Redis', check () { throw new ServiceUnavailable('connection refused') } })
const subsets = { readiness: [database, cache], integrations: [redis, database] }

const versions = ['3.0.0', '3.0.3', '3.1.0', '3.1.1']
const readiness = '/healthcheck/readiness'

interface Operation {
  operationId: string
  tags: string[]
  summary: string
  description: string
  parameters: object[]
  responses: Record<string, { description: string, content: Record<string, { schema: Record<string, unknown>, example?: any }> }>
}
interface Document {
  openapi: string
  paths: Record<string, { get: Operation, head?: Operation }>
  components: { schemas: Record<string, any> }
}

const info = { title: 'Orders', version: '1.0.0' }

async function documentOf (t: Test, options: HealthOptions = { subsets }, { openapi = '3.0.3', exposeHeadRoutes = false, prefix = '' } = {}): Promise<Document> {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(swagger, { openapi: { openapi, info }, exposeHeadRoutes })
  await app.register(async app => { await app.register(health, options) }, { prefix })
  await app.ready()
  return JSON.parse(JSON.stringify(app.swagger()))
}

async function isValid (t: Test, document: object): Promise<void> {
  const { valid, errors } = await new Validator().validate(structuredClone(document) as Record<string, unknown>)
  t.ok(valid, JSON.stringify(errors))
}

test('every subset and liveness is an operation with a name of its own', async t => {
  const { paths } = await documentOf(t)
  t.strictSame(Object.entries(paths).map(([path, { get: { operationId, tags, summary } }]) => [path, operationId, tags, summary]), [
    ['/healthcheck/liveness', 'getHealthcheckLiveness', ['health'], 'Is the process alive?'],
    [readiness, 'getHealthcheckReadiness', ['health'], 'Is readiness healthy?'],
    ['/healthcheck/integrations', 'getHealthcheckIntegrations', ['health'], 'Is integrations healthy?'],
  ])
})

test('operations of two registrations have names of their own, also where their prefixes are of the same words', async t => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(swagger, { openapi: { openapi: '3.0.3', info } })
  for (const prefix of ['/p/q', '/p-q']) await app.register(async context => { await context.register(health, { subsets: { readiness: [] } }) }, { prefix })
  await app.ready()
  const { paths } = JSON.parse(JSON.stringify(app.swagger())) as Document
  t.strictSame(Object.entries(paths).map(([path, { get: { operationId } }]) => [path, operationId]), [
    ['/p/q/healthcheck/liveness', 'getPQHealthcheckLiveness'],
    ['/p/q/healthcheck/readiness', 'getPQHealthcheckReadiness'],
    ['/p-q/healthcheck/liveness', 'getPQHealthcheckLiveness2'],
    ['/p-q/healthcheck/readiness', 'getPQHealthcheckReadiness2'],
  ])
})

test('it says what is checked, and which of it is critical', async t => {
  const { paths } = await documentOf(t, { subsets: { ...subsets, empty: [] } })
  t.equal(paths[readiness]?.get.description, 'Checks:\n\n- Database (critical)\n- Cache backend: default')
  t.equal(paths['/healthcheck/empty']?.get.description, 'Checks nothing.')
})

test('the format is a parameter with all that there is', async t => {
  const { paths } = await documentOf(t)
  t.strictSame(paths[readiness]?.get.parameters, [{
    in: 'query',
    name: 'format',
    required: false,
    description: 'Wins over the Accept header.',
    schema: { type: 'string', enum: ['html', 'json', 'plain', 'health+json', 'openmetrics'] },
  }])
})

test('every status is there with every content type that it may come in', async t => {
  const { paths } = await documentOf(t)
  const { responses } = paths[readiness]!.get
  const all = ['text/html', 'application/json', 'text/plain', 'application/health+json', 'application/openmetrics-text']
  t.strictSame(Object.entries(responses).map(([status, { content }]) => [status, Object.keys(content)]), [
    ['200', all],
    ['404', ['text/plain']],
    ['406', ['text/plain']],
    ['500', all.slice(0, -1)],
  ])
  for (const { description } of Object.values(responses)) t.ok(description)
  t.strictSame(paths['/healthcheck/liveness']?.get.responses, {
    200: {
      description: 'Alive.',
      content: {
        'application/json': {
          schema: { type: 'object', required: ['status'], properties: { status: { type: 'string', enum: ['ok'] } }, additionalProperties: false },
          example: { status: 'ok' },
        },
      },
    },
  })
})

test('the status of failure is the one of the settings, even where it is that of another answer', async t => {
  for (const failureStatus of [503, 404]) {
    const { paths } = await documentOf(t, { subsets, failureStatus })
    const { responses } = paths[readiness]!.get
    t.match(responses[failureStatus]?.description, /^Unhealthy/)
    t.ok(responses[failureStatus]?.content['application/json'])
    t.notOk(responses['500'])
  }
})

test('the JSON of each subset lists its identifiers, and the report of the draft is shared', async t => {
  const { paths, components } = await documentOf(t)
  const jsonOf = (subset: string) => paths[`/healthcheck/${subset}`]!.get.responses['200']!.content['application/json']!.schema
  t.strictSame(jsonOf('readiness'), { type: 'object', required: ['Cache backend: default', 'Database'], properties: { 'Cache backend: default': { type: 'string' }, Database: { type: 'string' } }, additionalProperties: false })
  t.strictSame(Object.keys(jsonOf('integrations')['properties'] as object), ['Database', 'Redis'])
  const references = Object.entries(paths).filter(([path]) => !path.endsWith('liveness')).flatMap(([, { get }]) => ['200', '500'].map(status => get.responses[status]!.content['application/health+json']!.schema['$ref']))
  t.equal(references.length, 4)
  t.equal(new Set(references).size, 1)
  const [name] = Object.keys(components.schemas)
  t.equal(references[0], `#/components/schemas/${name}`)
  t.match(components.schemas[name!], { title: 'HealthReport', properties: { status: { enum: ['pass', 'warn', 'fail'] } } })
})

test('examples are of the real identifiers: all is well, and the first critical check failed', async t => {
  const { paths } = await documentOf(t)
  const { responses } = paths[readiness]!.get
  t.strictSame(responses['200']!.content['application/json']!.example, { 'Cache backend: default': 'working', Database: 'working' })
  t.strictSame(responses['500']!.content['application/json']!.example, { 'Cache backend: default': 'working', Database: 'unavailable: connection refused' })
  t.equal(responses['500']!.content['text/plain']!.example, 'Cache backend: default   ... working\nDatabase                 ... unavailable: connection refused\n')
  t.equal(responses['200']!.content['application/health+json']!.example.status, 'pass')
  t.equal(responses['500']!.content['application/health+json']!.example.status, 'fail')
  t.match(responses['200']!.content['application/openmetrics-text']!.example, 'check="Database"} 1')
  t.equal(responses['404']!.content['text/plain']!.example, "Subset: 'readiness' does not exist.")
  t.match(responses['406']!.content['text/plain']!.example, /^Not Acceptable: /)
})

test('an example is what the server sends', async t => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(swagger, { openapi: { info } })
  await app.register(health, { subsets: { both: [database, redis] } })
  const { paths } = JSON.parse(JSON.stringify((await app.ready(), app.swagger()))) as Document
  const sent = await app.inject('/healthcheck/both?format=json')
  t.strictSame(Object.keys(sent.json()), Object.keys(paths['/healthcheck/both']!.get.responses['500']!.content['application/json']!.example))
  const metrics = await app.inject('/healthcheck/both?format=openmetrics')
  const namesOf = (text: string) => new Set(text.match(/^\w+/gm))
  t.strictSame(namesOf(metrics.body), namesOf(paths['/healthcheck/both']!.get.responses['200']!.content['application/openmetrics-text']!.example))
})

test('names of operations differ, whatever the subsets are called and wherever they stand', async t => {
  const { paths } = await documentOf(t, { subsets: { 'a-b': [], a_b: [], 'a.b': [], aB: [], _: [], '~': [] } }, { prefix: '/v1' })
  const names = Object.values(paths).map(({ get }) => get.operationId)
  t.equal(new Set(names).size, 7)
  for (const name of names) t.match(name, /^getV1Healthcheck\w*$/)
})

test('the document is valid, with and without HEAD', async t => {
  for (const openapi of versions) {
    for (const exposeHeadRoutes of [false, true]) {
      const document = await documentOf(t, { subsets: { ...subsets, 'a-b': [], empty: [] }, failureStatus: 503 }, { openapi, exposeHeadRoutes })
      t.equal(document.openapi, openapi)
      await isValid(t, document)
      const names = Object.values(document.paths).flatMap(({ get, head }) => [get, ...head === undefined ? [] : [head]]).map(({ operationId }) => operationId)
      t.equal(new Set(names).size, names.length)
    }
  }
})

test('other spellings and the route for subsets to come are not in it', async t => {
  t.strictSame(Object.keys((await documentOf(t, { subsets, livenessPath: false, prefix: '' })).paths), ['/readiness', '/integrations'])
  t.strictSame(Object.keys((await documentOf(t, { subsets, livenessPath: '/live' })).paths), ['/live', readiness, '/healthcheck/integrations'])
})

test('nothing of it is documented where the options say so, and all of it is served', async t => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(swagger, { openapi: { info } })
  await app.register(health, { subsets, openapi: false })
  app.get('/orders', async () => [])
  await app.ready()
  t.strictSame(Object.keys(app.swagger().paths ?? {}), ['/orders'])
  t.equal((await app.inject(readiness)).statusCode, 200)
  t.equal((await app.inject('/healthcheck/liveness')).statusCode, 200)
})

async function zodApp (t: Test, openapi: string): Promise<FastifyInstance> {
  const app = Fastify()
  t.after(() => app.close())
  app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler)
  await app.register(swagger, { openapi: { openapi, info }, transform: jsonSchemaTransform, transformObject: jsonSchemaTransformObject })
  await app.register(health, { subsets })
  app.withTypeProvider<ZodTypeProvider>().get('/orders', {
    schema: { querystring: z.object({ page: z.coerce.number() }), response: { 200: z.array(z.object({ id: z.number() })) } },
  }, async ({ query: { page } }) => [{ id: page }])
  await app.ready()
  return app
}

test('an app whose compilers and transform are those of Zod boots, serves and documents', async t => {
  for (const openapi of ['3.0.3', '3.1.0']) {
    const app = await zodApp(t, openapi)
    t.strictSame((await app.inject('/orders?page=2')).json(), [{ id: 2 }])
    t.equal((await app.inject('/orders?page=x')).statusCode, 400)
    t.equal((await app.inject(`${readiness}?format=json`)).body, '{"Cache backend: default":"working","Database":"working"}')
    t.equal((await app.inject('/healthcheck/integrations?format=health%2Bjson')).statusCode, 500)
    t.equal((await app.inject('/healthcheck/liveness')).statusCode, 200)
    const document = JSON.parse(JSON.stringify(app.swagger())) as Document
    await isValid(t, document)
    t.strictSame(Object.keys(document.paths), ['/healthcheck/liveness', readiness, '/healthcheck/integrations', '/orders'])
    t.strictSame(document.paths, { ...(await documentOf(t, { subsets }, { openapi })).paths, '/orders': document.paths['/orders'] })
  }
})

const program = (base: string) => `
import type { paths } from './api.js'

type Answer<Path extends keyof paths, Status extends keyof paths[Path]['get']['responses']> = paths[Path]['get']['responses'][Status] extends { content: infer Content } ? Content : never

async function get<Path extends keyof paths> (path: Path, format: NonNullable<NonNullable<paths['/healthcheck/readiness']['get']['parameters']['query']>['format']>): Promise<[number, unknown]> {
  const response = await fetch(\`${base}\${path}?format=\${encodeURIComponent(format)}\`)
  return [response.status, await response.json()]
}

const [ready, readiness] = await get('/healthcheck/readiness', 'json') as [200, Answer<'/healthcheck/readiness', 200>['application/json']]
const database: string = readiness.Database
const [failed, integrations] = await get('/healthcheck/integrations', 'health+json') as [500, Answer<'/healthcheck/integrations', 500>['application/health+json']]
const verdict: 'pass' | 'warn' | 'fail' = integrations.status
const output: string | undefined = integrations.checks['Redis:responseTime']?.[0]?.output
const alive: Answer<'/healthcheck/liveness', 200>['application/json'] = { status: 'ok' }
// @ts-expect-error It is none of its identifiers.
readiness.Redis
// @ts-expect-error There is no such format.
get('/healthcheck/readiness', 'xml').catch(() => {})
console.log(JSON.stringify({ ready, database, failed, verdict, output, alive }))
`

test('a client that openapi-typescript generates type-checks and reads a live server', async t => {
  const run = promisify(execFile)
  for (const openapi of ['3.0.3', '3.1.0']) {
    const app = Fastify()
    t.after(() => app.close())
    await app.register(swagger, { openapi: { openapi, info } })
    await app.register(health, { subsets })
    const base = await app.listen({ port: 0, host: '127.0.0.1' })
    const folder = t.testdir({ 'package.json': '{"type":"module"}' })
    const document = JSON.parse(JSON.stringify(app.swagger()))
    await writeFile(join(folder, 'api.ts'), astToString(await openapiTS(document)))
    await writeFile(join(folder, 'client.ts'), program(base))
    const tsc = join(process.cwd(), 'node_modules/typescript/bin/tsc')
    const types = ['--types', 'node', '--typeRoots', join(process.cwd(), 'node_modules/@types')]
    await run(process.execPath, [tsc, '--strict', '--noUncheckedIndexedAccess', '--skipLibCheck', '--ignoreConfig', '--target', 'es2023', '--module', 'nodenext', ...types, join(folder, 'client.ts')], { cwd: folder })
      .catch(({ stdout, stderr }) => { throw new Error(`${stdout}${stderr}`) })
    const { stdout } = await run(process.execPath, [join(folder, 'client.js')], { env: { PATH: process.env['PATH'] } })
    t.match(JSON.parse(stdout), { ready: 200, database: 'working', failed: 500, verdict: 'fail', output: 'unavailable: connection refused', alive: { status: 'ok' } })
  }
})
