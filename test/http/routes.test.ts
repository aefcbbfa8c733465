import net, { type AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import compress from '@fastify/compress'
import cors from '@fastify/cors'
import etag from '@fastify/etag'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import underPressure from '@fastify/under-pressure'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { test, type Test } from 'tap'
import { z } from 'zod'
import health, { defineCheck, ServiceUnavailable, type Entry, type HealthOptions, type Settings } from '../../lib/index.js'
import { openHandles } from '../helpers/leaks.js'

interface Setup {
  server?: FastifyServerOptions
  options?: HealthOptions
  before?: (app: FastifyInstance) => unknown
  after?: (app: FastifyInstance) => unknown
}

const secret = 'the canary sings'
const working = (identifier = 'Database'): Entry => defineCheck({ identifier, check () {} })
const failing = (identifier = 'Redis', message = 'connection refused'): Entry => defineCheck({ identifier, check () { throw new ServiceUnavailable(message) } })

async function build (t: Test, { server = {}, options = {}, before = () => {}, after = () => {} }: Setup = {}): Promise<FastifyInstance> {
  const app = Fastify(server)
  await before(app)
  await app.register(health, { subsets: { readiness: [working()], integrations: [working(), failing()] }, ...options })
  await after(app)
  await app.ready()
  t.after(() => app.close())
  return app
}

const formats = ['html', 'json', 'plain', 'health+json', 'openmetrics'] as const
const withFormat = (url: string, format: string) => `${url}?format=${encodeURIComponent(format)}`
const statusOf = async (app: FastifyInstance, url: string) => (await app.inject(url)).statusCode
const bodyOf = async (app: FastifyInstance, url: string) => (await app.inject(url)).body

const readiness = '/healthcheck/readiness'
const integrations = '/healthcheck/integrations'
const unknown = (subset: string) => `Subset: '${subset}' does not exist.`
const notAcceptable = 'Not Acceptable: Supported content types: text/html, application/json, text/plain, application/health+json, application/openmetrics-text'

/** Both subsets answer as they do in an app that does nothing. */
async function isAsEver (t: Test, app: FastifyInstance): Promise<void> {
  const healthy = await app.inject(withFormat(readiness, 'json'))
  t.equal(healthy.statusCode, 200)
  t.equal(healthy.body, '{"Database":"working"}')
  const unhealthy = await app.inject(withFormat(integrations, 'json'))
  t.equal(unhealthy.statusCode, 500)
  t.equal(unhealthy.body, '{"Database":"working","Redis":"unavailable: connection refused"}')
  t.equal(unhealthy.headers['content-type'], 'application/json; charset=utf-8')
  const plain = await app.inject(withFormat(integrations, 'plain'))
  t.equal(plain.statusCode, 500)
  t.equal(plain.body, 'Database                 ... working\nRedis                    ... unavailable: connection refused\n')
  const missing = await app.inject('/healthcheck/ghost')
  t.equal(missing.statusCode, 404)
  t.equal(missing.body, unknown('ghost'))
  const wrong = await app.inject(withFormat(readiness, 'xml'))
  t.equal(wrong.statusCode, 406)
  t.equal(wrong.body, notAcceptable)
}

test('a healthy subset answers 200 and an unhealthy one 500, whatever the format; but metrics are always 200', async t => {
  const app = await build(t)
  for (const format of formats) {
    t.equal(await statusOf(app, withFormat(readiness, format)), 200, format)
    t.equal(await statusOf(app, withFormat(integrations, format)), format === 'openmetrics' ? 200 : 500, format)
  }
  await isAsEver(t, app)
})

test('each format comes as its own type', async t => {
  const app = await build(t)
  const typeOf = async (format: string) => (await app.inject(withFormat(integrations, format))).headers['content-type']
  t.equal(await typeOf('html'), 'text/html; charset=utf-8')
  t.equal(await typeOf('json'), 'application/json; charset=utf-8')
  t.equal(await typeOf('plain'), 'text/plain; charset=utf-8')
  t.equal(await typeOf('health+json'), 'application/health+json')
  t.match(await typeOf('openmetrics'), /^application\/openmetrics-text/)
  t.match(await bodyOf(app, integrations), /^<!DOCTYPE html><html lang="en">/i)
})

test('every response says that it is not to be stored, sniffed, or taken for another type', async t => {
  const app = await build(t)
  const urls = [...formats.flatMap(format => [withFormat(readiness, format), withFormat(integrations, format)]), '/healthcheck/ghost', withFormat(readiness, 'xml'), `${readiness}/`]
  for (const url of urls) {
    for (const method of ['GET', 'HEAD'] as const) {
      const { headers } = await app.inject({ method, url })
      t.match(headers, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', vary: 'accept' }, `${method} ${url}`)
    }
  }
  for (const url of ['/healthcheck/ghost', withFormat(readiness, 'xml')]) t.equal((await app.inject(url)).headers['content-type'], 'text/plain; charset=utf-8')
  t.ok((await app.inject(readiness)).headers['content-security-policy'])
  t.notOk((await app.inject(withFormat(readiness, 'json'))).headers['content-security-policy'])
})

test('HEAD answers as GET does, without a body', async t => {
  for (const server of [{}, { exposeHeadRoutes: false }]) {
    const app = await build(t, { server })
    for (const url of [readiness, integrations, `${integrations}/`, withFormat(integrations, 'json'), '/healthcheck/ghost', withFormat(readiness, 'xml'), '/healthcheck/added']) {
      app.health.settings.subsets['added'] ??= [failing()]
      const get = await app.inject(url)
      const head = await app.inject({ method: 'HEAD', url })
      t.equal(head.statusCode, get.statusCode, url)
      t.equal(head.headers['content-type'], get.headers['content-type'], url)
      t.equal(head.body, '', url)
    }
  }
})

test('nothing but GET and HEAD is answered', async t => {
  const app = await build(t)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) t.equal((await app.inject({ method, url: readiness })).statusCode, 404, method)
})

test('a slash at the end makes no difference, whatever the router thinks of it', async t => {
  for (const server of [{}, { routerOptions: { ignoreTrailingSlash: true } }, { ignoreTrailingSlash: true }, { routerOptions: { ignoreDuplicateSlashes: true, caseSensitive: false } }]) {
    const app = await build(t, { server })
    app.health.add('added', working())
    for (const url of [readiness, '/healthcheck/added']) {
      for (const end of ['', '/', '?x=1', '/?x=1']) t.equal(await statusOf(app, `${url}${end}`), 200, `${url}${end}`)
    }
    t.equal(await bodyOf(app, '/healthcheck/ghost/'), unknown('ghost'))
    await isAsEver(t, app)
  }
})

test('names that are no path end the boot as system checks, not as an error of the router', async t => {
  const names = [':x', '*', ':a:b', 'a/b', '', 'a'.repeat(101)]
  await t.rejects(build(t, { options: { subsets: Object.fromEntries(names.map(name => [name, []])) } }), {
    code: 'FST_HEALTH_INVALID_CONFIGURATION', message: new RegExp(`^The health configuration has errors:(?:\n {2}E003 [^\n]*){${names.length}}$`),
  })
})

for (const server of [{ caseSensitive: false }, { routerOptions: { caseSensitive: false } }]) {
  test(`where the router ignores case, so does what may be a name: ${JSON.stringify(server)}`, async t => {
    await t.rejects(build(t, { server, options: { subsets: { readiness: [], Readiness: [] } } }), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /E003 .*'Readiness' differs from 'readiness' by case only/ })
    const app = await build(t, { server })
    t.throws(() => app.health.add('Readiness', failing()), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /E003/ })
    t.equal(await statusOf(app, '/HealthCheck/READINESS'), 200)
    app.health.add('later', working())
    t.equal(await statusOf(app, '/HealthCheck/LATER'), 200)
    t.equal(await bodyOf(app, '/HealthCheck/GHOST'), unknown('GHOST'))
  })

  test(`and the path of liveness is the hook's however it is spelled: ${JSON.stringify(server)}`, async t => {
    const app = await build(t, { server, options: { livenessPath: '/HealthCheck/Liveness', subsets: { liveness: [failing()], readiness: [working()] } } })
    for (const url of ['/HealthCheck/Liveness', '/healthcheck/liveness', '/HEALTHCHECK/LIVENESS/']) t.equal(await bodyOf(app, url), '{"status":"ok"}', url)
    t.equal(await statusOf(app, '/healthcheck/readiness'), 200)
  })
}

test('names that differ by case are two where the router tells them apart', async t => {
  const app = await build(t, { options: { subsets: { readiness: [working()], Readiness: [failing()], Liveness: [failing()] } } })
  t.strictSame(await Promise.all(['readiness', 'Readiness', 'Liveness', 'liveness'].map(async subset => await statusOf(app, `/healthcheck/${subset}`))), [200, 500, 500, 200])
})

test('a parser of queries that gives nothing is no reason to fail', async t => {
  const app = await build(t, { server: { routerOptions: { querystringParser: () => undefined as never } } })
  t.equal(await statusOf(app, `${readiness}?x`), 200)
})

test('modules that hang are waited for at once, and told by the system check', async t => {
  const names = ['a', 'b', 'c']
  const baseDir = t.testdir(Object.fromEntries(names.map(name => [`${name}.mjs`, 'await new Promise(() => {})'])))
  await t.rejects(build(t, {
    server: { pluginTimeout: 5000 },
    options: { subsets: Object.fromEntries(names.map(name => [name, [`./${name}.mjs`]])), baseDir },
  }), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /(?:\n {2}E004 subset '[abc]'.* has not loaded within 3000 ms[^\n]*){3}$/ })
})

test('a name may be as long as the router takes', async t => {
  const longest = 'a'.repeat(100)
  const app = await build(t)
  app.health.add(longest, working())
  t.equal(await statusOf(app, `/healthcheck/${longest}`), 200)
  t.throws(() => app.health.add(`${longest}a`, working()), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /E003/ })
})

test('the prefix may be another one', async t => {
  const app = await build(t, { options: { prefix: '/-/health', livenessPath: '/-/alive' } })
  t.equal(await statusOf(app, '/-/health/readiness'), 200)
  t.equal(await statusOf(app, '/-/health/integrations'), 500)
  t.equal(await bodyOf(app, '/-/health/ghost'), unknown('ghost'))
  t.equal(await statusOf(app, '/-/alive'), 200)
  t.equal(await statusOf(app, readiness), 404)
})

test('at the root the subsets stand beside the routes of the app, and its 404 handler answers for what is none', async t => {
  for (const prefix of ['', '/']) {
    const app = await build(t, {
      options: { prefix, livenessPath: '/live' },
      after: app => {
        app.get('/orders', async () => 'orders')
        app.setNotFoundHandler(async (_request, reply) => await reply.code(404).send('nothing here'))
      },
    })
    t.equal(await statusOf(app, '/readiness'), 200)
    t.equal(await statusOf(app, '/readiness/'), 200)
    t.equal(await statusOf(app, '/integrations'), 500)
    t.equal(await statusOf(app, '/live'), 200)
    t.equal(await bodyOf(app, '/orders'), 'orders')
    t.equal(await bodyOf(app, '/ghost'), 'nothing here')
    t.equal(await bodyOf(app, '/constructor'), 'nothing here')
    t.equal(await bodyOf(app, '/'), 'nothing here')
    app.health.add('added', failing())
    t.equal(await statusOf(app, '/added'), 500)
  }
})

test('with an empty prefix, what names no subset belongs to the routes of the app', async t => {
  for (const prefix of ['', '/']) {
    const app = await build(t, {
      server: { routerOptions: { caseSensitive: false } },
      options: { prefix },
      before (app) {
        app.get('/:page', async ({ params }) => `page ${(params as { page: string }).page}`)
        app.get('/files/*', async () => 'a file')
      },
      after (app) { app.get('/*', async ({ url }) => `any ${url}`) },
    })
    t.equal(await bodyOf(app, '/about'), 'page about')
    t.equal(await bodyOf(app, '/files/readiness'), 'a file')
    t.equal(await bodyOf(app, '/one/two/'), 'any /one/two/')
    t.equal(await statusOf(app, '/%zz'), 400, 'as without fastify-health')
    t.equal(await bodyOf(app, '/constructor?readiness'), 'page constructor')
    app.health.add('added', failing())
    for (const path of ['/added', '/added/', '/%61dded', '/ADDED', '/added?x=/about']) t.equal(await statusOf(app, path), 500, path)
    t.equal((await app.inject({ method: 'HEAD', url: '/added' })).statusCode, 500)
    t.equal((await app.inject({ method: 'POST', url: '/about' })).statusCode, 404)
  }
})

test('they stand below the prefix of the context that the plugin is registered in', async t => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(async api => {
    await api.register(health, { subsets: { readiness: [working('A')] } })
  }, { prefix: '/api' })
  await app.register(async api => {
    await api.register(health, { subsets: { readiness: [failing('B')] }, prefix: '' })
  }, { prefix: '/internal/' })
  t.equal(await bodyOf(app, withFormat(`/api${readiness}`, 'json')), '{"A":"working"}')
  t.equal(await bodyOf(app, '/api/healthcheck/ghost'), unknown('ghost'))
  t.equal(await statusOf(app, '/internal/readiness'), 500)
  t.equal(await statusOf(app, readiness), 404)
})

test('a subset that does not exist is 404, whatever it is called and in whatever format', async t => {
  const app = await build(t)
  for (const subset of ['ghost', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'Readiness', '%s', '<b>']) {
    const answer = await app.inject(`/healthcheck/${encodeURIComponent(subset)}`)
    t.equal(answer.statusCode, 404, subset)
    t.equal(answer.body, unknown(subset))
    t.equal(answer.headers['content-type'], 'text/plain; charset=utf-8')
  }
  t.equal(await bodyOf(app, withFormat('/healthcheck/ghost', 'json')), unknown('ghost'))
  t.equal(await bodyOf(app, withFormat('/healthcheck/ghost', 'xml')), unknown('ghost'))
  t.equal(await statusOf(app, '/healthcheck'), 404)
  t.equal(await statusOf(app, '/healthcheck/readiness/extra'), 404)
})

test('a format that does not exist is 406, and no check is asked', async t => {
  let asked = 0
  const app = await build(t, { options: { subsets: { readiness: [defineCheck({ identifier: 'A', check () { asked++ } })] } } })
  for (const url of [withFormat(readiness, 'xml'), `${readiness}?format=`, `${readiness}?format=xml&format=json`, `${readiness}?format=__proto__`]) {
    const answer = await app.inject(url)
    t.equal(answer.statusCode, 406, url)
    t.equal(answer.body, notAcceptable)
  }
  t.equal((await app.inject({ url: readiness, headers: { accept: 'image/png' } })).body, notAcceptable)
  t.equal((await app.inject({ url: readiness, headers: { accept: '*/*;q=0' } })).statusCode, 406)
  t.equal(asked, 0)
})

test('the format is the first ?format=, else what Accept likes best', async t => {
  const app = await build(t)
  const typeOf = async (query: string, accept?: string) => {
    const { headers } = await app.inject({ url: `${readiness}${query}`, headers: accept === undefined ? {} : { accept } })
    return String(headers['content-type']).replace(/;.*/, '')
  }
  t.equal(await typeOf('?format=json&format=html'), 'application/json')
  t.equal(await typeOf('?format=plain', 'application/json'), 'text/plain')
  t.equal(await typeOf('', 'text/html;q=0.2, application/json;q=0.9'), 'application/json')
  t.equal(await typeOf('', 'nonsense'), 'text/html')
  t.equal(await typeOf('', '*/*'), 'text/html')
  t.equal(await typeOf('?x=1'), 'text/html')
})

test('a query is read however the server reads queries', async t => {
  const app = await build(t, { server: { routerOptions: { querystringParser: text => Object.fromEntries(new URLSearchParams(text)) } } })
  t.equal(await bodyOf(app, `${readiness}?format=plain&format=json`), '{"Database":"working"}')
})

test('a client of HTTP/1.0 without any header is answered', async t => {
  const app = await build(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const ask = async (line: string) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.end(`${line}\r\n\r\n`)
    return await textOf(socket)
  }
  t.match(await ask(`GET ${readiness} HTTP/1.0`), /^HTTP\/1\.1 200 OK\r\n[^]*<!DOCTYPE html>/i)
  t.match(await ask(`GET ${integrations} HTTP/1.0`), /^HTTP\/1\.1 500 /)
  t.match(await ask(`HEAD ${integrations}/ HTTP/1.0`), /^HTTP\/1\.1 500 [^]*\r\n\r\n$/)
  t.match(await ask('GET /healthcheck/ghost HTTP/1.0'), /^HTTP\/1\.1 404 /)
})

test('liveness is answered by its route where its hook cannot tell', async t => {
  const app = await build(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = net.connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.end('GET /healthcheck/liveness#nobody-sends-this HTTP/1.0\r\n\r\n')
  t.match(await textOf(socket), /^HTTP\/1\.1 200 [^]*\{"status":"ok"\}$/)
})

test('no constraint of host or version turns a probe away', async t => {
  const app = await build(t, { after: app => { app.get('/', { constraints: { host: 'example.org' } }, async () => 'hello') } })
  t.equal((await app.inject({ url: readiness, headers: { host: '10.0.0.1:3000' } })).statusCode, 200)
  t.equal((await app.inject({ url: '/', headers: { host: '10.0.0.1:3000' } })).statusCode, 404)
})

test('a subset that is added while the app runs is served from the next probe on, and one that is removed no longer', async t => {
  const app = await build(t)
  t.equal(await statusOf(app, '/healthcheck/extra'), 404)
  app.health.add('extra', working('A'), failing('B'))
  t.equal(await bodyOf(app, withFormat('/healthcheck/extra', 'json')), '{"A":"working","B":"unavailable: connection refused"}')
  for (const format of formats) t.equal(await statusOf(app, withFormat('/healthcheck/extra', format)), format === 'openmetrics' ? 200 : 500)
  delete app.health.settings.subsets['extra']
  t.equal(await bodyOf(app, '/healthcheck/extra'), unknown('extra'))
  delete app.health.settings.subsets['readiness']
  t.equal(await bodyOf(app, readiness), unknown('readiness'))
  app.health.settings.subsets = {}
  t.equal(await bodyOf(app, integrations), unknown('integrations'))
})

test('checks that are added to a configured subset show in every format', async t => {
  const app = await build(t)
  app.health.add('readiness', working('Added'))
  t.equal(await bodyOf(app, withFormat(readiness, 'json')), '{"Added":"working","Database":"working"}')
  app.health.settings.subsets['readiness'] = [working('Only')]
  t.equal(await bodyOf(app, withFormat(readiness, 'json')), '{"Only":"working"}')
  for (const format of formats) t.match(await bodyOf(app, withFormat(readiness, format)), 'Only', format)
  app.health.settings.subsets['readiness'] = []
  t.equal(await bodyOf(app, withFormat(readiness, 'json')), '{}')
  t.equal(await bodyOf(app, withFormat(readiness, 'plain')), '')
})

test('an identifier may be any text', async t => {
  const names = ['__proto__', 'constructor', 'type', 'a "b" <c>', 'ünï', 'properties']
  const app = await build(t, { before: async app => { await app.register(swagger, { openapi: {} }) }, options: { subsets: { odd: names.map(name => working(name)) } } })
  for (const format of formats) t.equal(await statusOf(app, withFormat('/healthcheck/odd', format)), 200, format)
  const body = await bodyOf(app, withFormat('/healthcheck/odd', 'json'))
  for (const name of names) t.match(body, `${JSON.stringify(name)}:"working"`)
  t.doesNotThrow(() => app.swagger())
})

test('the status of failure is the one of the settings, from the next probe on', async t => {
  const app = await build(t, { options: { subsets: { integrations: [failing()] }, failureStatus: 503 } })
  t.equal(await statusOf(app, integrations), 503)
  app.health.settings.failureStatus = 418
  for (const format of formats) t.equal(await statusOf(app, withFormat(integrations, format)), format === 'openmetrics' ? 200 : 418, format)
  const found = await build(t, { options: { subsets: { integrations: [failing()] }, failureStatus: 404 } })
  t.equal(await statusOf(found, integrations), 404)
})

test('the status of an unhealthy subset may be given by its name, in the document as well', async t => {
  const app = await build(t, { options: { subsets: { readiness: [failing()], integrations: [failing()] }, failureStatus: { readiness: 503 } } })
  t.equal((await app.inject('/healthcheck/readiness')).statusCode, 503)
  t.equal((await app.inject('/healthcheck/integrations')).statusCode, 500)
})

test('settings that become invalid while the app runs are told as such, and the app goes on', async t => {
  const broken: Array<Partial<Record<keyof Settings, unknown>>> = [
    { failureStatus: 42 }, { failureStatus: 200 }, { failureStatus: null }, { service: null }, { service: { version: 5 } }, { subsets: null }, { timeout: 'soon' }, { details: null }, { deadline: -1 },
  ]
  for (const change of broken) {
    const app = await build(t)
    Object.assign(app.health.settings, change)
    for (const format of formats) {
      const answer = await app.inject(withFormat(readiness, format))
      t.equal(answer.statusCode, format === 'openmetrics' ? 200 : 500, `${JSON.stringify(change)} ${format}`)
      t.match(answer.body, 'E001', `${JSON.stringify(change)} ${format}`)
    }
    t.equal(await statusOf(app, '/healthcheck/liveness'), 200)
  }
})

test('a subset that becomes invalid while the app runs is unhealthy', async t => {
  const app = await build(t, { options: { logLevel: 'silent' } })
  Object.assign(app.health.settings.subsets, { readiness: 'fastify-health/checks/postgres', integrations: [42] })
  t.match(await bodyOf(app, withFormat(readiness, 'json')), /^\{"E002":/)
  t.match(await bodyOf(app, withFormat(integrations, 'json')), /^\{"E005":/)
  t.equal(await statusOf(app, readiness), 500)
})

test('details', async t => {
  const asked = async (t: Test, details: HealthOptions['details'], server: FastifyServerOptions = {}) => {
    return await build(t, { server, options: { logLevel: 'fatal', ...(details === undefined ? {} : { details }), subsets: { integrations: [failing('Redis', secret), working()] } } })
  }
  const shows = async (t: Test, app: FastifyInstance, expected: boolean, headers = {}) => {
    for (const format of formats) {
      const answer = await app.inject({ url: withFormat(integrations, format), headers })
      t.equal(answer.statusCode, format === 'openmetrics' ? 200 : 500, format)
      // Metrics tell nobody any message.
      t.equal(answer.body.includes(secret), expected && format !== 'openmetrics', format)
      if (format !== 'openmetrics') t.match(answer.body, 'unavailable', format)
    }
    if (!expected) t.equal((await app.inject({ url: withFormat(integrations, 'json'), headers })).body, '{"Database":"working","Redis":"unavailable"}')
  }

  await t.test('everybody sees messages, unless told otherwise', async t => {
    await shows(t, await asked(t, undefined), true)
    await shows(t, await asked(t, 'always'), true)
  })

  await t.test('nobody sees them, only the kind', async t => { await shows(t, await asked(t, 'never'), false) })

  await t.test('who sees them may be changed while the app runs', async t => {
    const app = await asked(t, 'never')
    app.health.settings.details = 'always'
    await shows(t, app, true)
  })

  await t.test('a function of the request decides, at once or later', async t => {
    for (const decide of [(yes: boolean) => yes, async (yes: boolean) => await new Promise<boolean>(resolve => setImmediate(resolve, yes))]) {
      const app = await asked(t, request => decide(request.headers.authorization === 'Bearer token'))
      await shows(t, app, true, { authorization: 'Bearer token' })
      await shows(t, app, false, { authorization: 'Bearer other' })
      await shows(t, app, false)
    }
  })

  await t.test('a function that throws, rejects, hangs or answers with something else is a no', async t => {
    const functions: Array<() => unknown> = [
      () => { throw new Error('no') },
      async () => { throw new Error('no') },
      () => 'yes',
      () => 1,
      () => undefined,
    ]
    for (const details of functions) await shows(t, await asked(t, details as () => boolean), false)
    const hanging = await asked(t, async () => await new Promise<boolean>(() => {}))
    hanging.health.settings.timeout = 20
    await shows(t, hanging, false)
    hanging.health.settings.timeout = 60_000
    hanging.health.settings.deadline = 20
    const started = performance.now()
    await shows(t, hanging, false)
    hanging.health.settings.timeout = 20
    hanging.health.settings.deadline = 60_000
    await shows(t, hanging, false)
    t.ok(performance.now() - started < 10_000)
  })

  await t.test('what it fails with is logged', async t => {
    const logged: string[] = []
    const app = await build(t, {
      server: { logger: { stream: { write: line => logged.push(line) } } },
      options: { details: () => { throw new Error('the directory is down') } },
    })
    await app.inject(readiness)
    t.equal(logged.length, 1)
    t.match(logged[0], 'the directory is down')
  })

  await t.test('it leaves no timer behind', async t => {
    const app = await build(t, { options: { details: () => true } })
    await app.inject(readiness)
    const before = openHandles()['Timeout'] ?? 0
    for (let request = 0; request < 20; request++) await app.inject(readiness)
    t.ok((openHandles()['Timeout'] ?? 0) < before + 10)
  })

  await t.test('it takes no time of its own', async t => {
    const pause = async () => await new Promise<void>(resolve => setTimeout(resolve, 300))
    const app = await build(t, {
      options: {
        details: async () => {
          await pause()
          return true
        },
        subsets: { slow: [defineCheck({ identifier: 'Slow', check: pause })] },
      },
    })
    const started = performance.now()
    t.equal(await statusOf(app, '/healthcheck/slow'), 200)
    t.ok(performance.now() - started < 550)
  })
})

test('nothing of the app rewrites the answers', async t => {
  const rewriting: Record<string, Setup> = {
    'an error handler': { after: app => app.setErrorHandler(async (_error, _request, reply) => await reply.code(200).send('fine')) },
    'an earlier error handler': { before: app => app.setErrorHandler(async (_error, _request, reply) => await reply.code(200).send('fine')) },
    preSerialization: { after: app => app.addHook('preSerialization', async () => ({ wrapped: true })) },
    'a reply serializer': { before: app => app.setReplySerializer(() => 'rewritten'), after: app => app.setReplySerializer(() => 'rewritten') },
    'a serializer of one reply': { after: app => app.addHook('onRequest', async (_request, reply) => { reply.serializer(() => 'rewritten') }) },
    'a 404 handler': { after: app => app.setNotFoundHandler(async () => 'spa') },
    'Zod compilers': {
      before: app => app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler),
      after: app => app.get('/typed', { schema: { response: { 200: z.object({}) } } }, async () => ({})),
    },
    'compilers that fail': {
      before: app => app.setValidatorCompiler(() => { throw new Error('no') }).setSerializerCompiler(() => { throw new Error('no') }),
    },
    'a schema of the same name': { before: app => app.addSchema({ $id: 'HealthReport', type: 'string' }) },
    Swagger: { before: async app => { await app.register(swagger, { openapi: {} }) } },
    'Swagger of the second version': { before: async app => { await app.register(swagger, { swagger: {} }) } },
    'rate limiting': { after: async app => { await app.register(rateLimit, { max: 1 }) } },
    'rate limiting that came earlier': { before: async app => { await app.register(rateLimit, { max: 1 }) } },
    'load shedding': {
      after: async app => {
        await app.register(underPressure, { maxRssBytes: 1, sampleInterval: 5 })
        await new Promise(resolve => setTimeout(resolve, 30))
      },
    },
    plugins: {
      after: async app => {
        await app.register(helmet)
        await app.register(compress, { threshold: 0 })
        await app.register(etag)
        await app.register(cors)
      }
    },
  }
  for (const [name, setup] of Object.entries(rewriting)) {
    await t.test(name, async t => { await isAsEver(t, await build(t, { ...setup, options: { logLevel: 'silent' } })) })
  }
})

test('a timeout of handlers puts no answer in place of the report', async t => {
  const slow = defineCheck({ identifier: 'Slow', check: async () => await new Promise<void>(resolve => setTimeout(resolve, 100)) })
  const app = await build(t, { server: { handlerTimeout: 20 }, options: { subsets: { readiness: [slow] } } })
  t.equal(await bodyOf(app, withFormat(readiness, 'json')), '{"Slow":"working"}')
})

test('an etag turns nothing into a 304', async t => {
  const app = await build(t, { after: async app => { await app.register(etag) } })
  const { headers: { etag: tag } } = await app.inject(withFormat(integrations, 'json'))
  t.ok(tag)
  const again = await app.inject({ url: withFormat(integrations, 'json'), headers: { 'if-none-match': String(tag) } })
  t.equal(again.statusCode, 500)
})

test('what a plugin says the answer varies by is kept', async t => {
  const app = await build(t, { after: async app => { await app.register(cors, { origin: ['https://a.example', 'https://b.example'] }) } })
  const { headers } = await app.inject({ url: readiness, headers: { origin: 'https://a.example' } })
  t.equal(headers['vary'], 'Origin, accept')
  t.equal(headers['access-control-allow-origin'], 'https://a.example')
})

test('the policy of the page is its own, whatever a plugin sets for others', async t => {
  const bare = await build(t)
  const app = await build(t, { after: async app => { await app.register(helmet) } })
  t.equal((await app.inject(readiness)).headers['content-security-policy'], (await bare.inject(readiness)).headers['content-security-policy'])
})

test('who the app turns away is turned away as the app does it', async t => {
  const problem = (statusCode: number) => Object.assign(new Error('not you'), { statusCode, code: 'NOT_YOU' })
  for (const statusCode of [401, 500]) {
    const turnAway = (app: FastifyInstance) => { app.addHook('onRequest', async () => { throw problem(statusCode) }) }
    let handled = 0
    const handle = (app: FastifyInstance) => {
      app.setErrorHandler(async (error: Error, _request, reply) => {
        handled++
        return await reply.code(statusCode).send({ problem: error.message })
      })
    }
    for (const setup of [{ after: (app: FastifyInstance) => { turnAway(app); handle(app) } }, { before: handle, after: turnAway }]) {
      handled = 0
      const answer = await (await build(t, setup)).inject(readiness)
      t.equal(answer.statusCode, statusCode)
      t.strictSame(answer.json(), { problem: 'not you' })
      t.equal(handled, 1)
    }
    const error = statusCode === 401 ? 'Unauthorized' : 'Internal Server Error'
    t.strictSame((await (await build(t, { after: turnAway })).inject(readiness)).json(), { statusCode, code: 'NOT_YOU', error, message: 'not you' })
    const sent = await build(t, { after: app => { app.addHook('onRequest', async (_request, reply) => await reply.code(statusCode).send({ error })) } })
    t.strictSame((await sent.inject(readiness)).json(), { error })
  }
})

test('an error handler of the app that throws is asked once', async t => {
  let asked = 0
  const app = await build(t, {
    before: app => app.setErrorHandler(async (error: Error) => {
      asked++
      throw error
    }),
    after: app => { app.addHook('onRequest', async () => { throw new Error('no') }) },
  })
  t.match((await app.inject(readiness)).json(), { statusCode: 500, message: 'no' })
  t.equal(asked, 1)
})

test('an error handler of the app that throws ends where it would elsewhere', async t => {
  const app = await build(t, {
    after: app => {
      app.addHook('onRequest', async () => { throw new Error('first') })
      app.setErrorHandler(async () => { throw new Error('second') })
    },
  })
  t.match((await app.inject(readiness)).json(), { statusCode: 500, message: 'second' })
})

test('what goes wrong inside is a failure, and not for the app to make a success of', async t => {
  const logged: string[] = []
  const app = await build(t, {
    server: { logger: { stream: { write: line => logged.push(line) } } },
    after: app => app.setErrorHandler(async (_error, _request, reply) => await reply.code(200).send('fine')),
  })
  app.health.run = async () => { throw new Error(secret) }
  const answer = await app.inject(withFormat(readiness, 'json'))
  t.equal(answer.statusCode, 500)
  t.equal(answer.body, 'unknown error')
  t.match(logged.join(''), secret)
})

test('what does not match its schema is not sent', async t => {
  const app = await build(t, { options: { logLevel: 'silent' } })
  const run = app.health.run.bind(app.health)
  app.health.run = async subset => {
    const report = await run(subset)
    return { ...report, results: report.results.map(result => ({ ...result, status: 5 as unknown as string })) }
  }
  const answer = await app.inject(withFormat(readiness, 'json'))
  t.equal(answer.statusCode, 500)
  t.equal(answer.body, 'unknown error')
})

test('probes are not logged, and errors are, unless the level says otherwise', async t => {
  const asked = async (options: HealthOptions) => {
    const logged: string[] = []
    const app = await build(t, { server: { logger: { level: 'info', stream: { write: line => logged.push(line) } } }, options })
    await app.inject(readiness)
    await app.inject(`${readiness}/`)
    await app.inject('/healthcheck/ghost')
    await app.inject('/healthcheck/liveness')
    return logged
  }
  t.strictSame(await asked({}), [])
  t.equal((await asked({ logLevel: 'info' })).length, 8)
  t.match((await asked({ details: () => { throw new Error('shown') } })).join(''), 'shown')
  t.strictSame(await asked({ logLevel: 'silent', details: () => { throw new Error('shown') } }), [])
})

test('probes that arrive at once are each told their own format, and no more than they may see', async t => {
  let ran = 0
  const slow = defineCheck({
    identifier: 'Redis',
    async check () {
      ran++
      await new Promise(resolve => { setTimeout(resolve, 20) })
      throw new ServiceUnavailable('connection refused')
    },
  })
  const app = await build(t, { options: { subsets: { readiness: [slow] }, details: async ({ headers }) => headers['x-role'] === 'admin' } })
  const told = (detail: string): Record<string, string> => ({
    json: `{"Redis":"unavailable${detail}"}`,
    plain: `Redis                    ... unavailable${detail}\n`,
  })
  const bodies = { admin: told(': connection refused'), guest: told('') }
  const wanted = ['json', 'plain', 'json', 'json', 'plain'].flatMap(format => (['admin', 'guest', 'admin'] as const).map(role => ({ format, role })))
  await Promise.all(wanted.map(async ({ format, role }) => {
    const { body } = await app.inject({ url: withFormat(readiness, format), headers: { 'x-role': role } })
    t.equal(body, bodies[role][format], `${format} for ${role}`)
  }))
  t.equal(ran, 1)
})
