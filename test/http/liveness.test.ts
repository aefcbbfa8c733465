import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import etag from '@fastify/etag'
import helmet from '@fastify/helmet'
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import session from '@fastify/session'
import underPressure from '@fastify/under-pressure'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { test, type Test } from 'tap'
import { z } from 'zod'
import health, { defineCheck, type HealthOptions } from '../../lib/index.js'
import { alive, livenessHook } from '../../lib/http/liveness.js'
import { routerOptions, type RouterOptions } from '../../lib/http/router-options.js'

const path = '/healthcheck/liveness'

interface Setup {
  server?: FastifyServerOptions
  options?: HealthOptions
  /** What the app registers before and after. */
  before?: (app: FastifyInstance) => unknown
  after?: (app: FastifyInstance) => unknown
}

async function build (t: Test, { server = {}, options = {}, before = () => {}, after = () => {} }: Setup = {}): Promise<FastifyInstance> {
  const app = Fastify(server)
  await before(app)
  await app.register(health, options)
  await after(app)
  await app.ready()
  t.after(() => app.close())
  return app
}

/** Liveness is as it always is. */
async function isAlive (t: Test, app: FastifyInstance, url = path): Promise<void> {
  const answer = await app.inject(url)
  t.equal(answer.statusCode, 200, url)
  t.equal(answer.body, '{"status":"ok"}', url)
  const { date, connection, ...headers } = answer.headers
  t.strictSame(headers, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': '15',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    vary: 'accept',
  }, url)
  const head = await app.inject({ method: 'HEAD', url })
  t.equal(head.statusCode, 200, `HEAD ${url}`)
  t.equal(head.body, '', `HEAD ${url}`)
  t.equal(head.headers['content-length'], '15', `HEAD ${url}`)
}

async function isNotFound (t: Test, app: FastifyInstance, url: string, method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'OPTIONS' = 'GET'): Promise<void> {
  const { statusCode, body } = await app.inject({ method, url })
  t.equal(statusCode, 404, `${method} ${url}`)
  t.not(body, alive)
}

const refuse = async (_request: FastifyRequest, reply: FastifyReply) => await reply.code(401).send({ error: 'Unauthorized' })
const guarded = (app: FastifyInstance) => { app.addHook('onRequest', refuse) }

test('it answers GET and HEAD, with and without a slash at the end and a query', async t => {
  const app = await build(t)
  for (const url of [path, `${path}/`, `${path}?`, `${path}?a=1&b=2`, `${path}/?x`, `${path}?/extra`, `${path}?${'x'.repeat(4000)}`]) await isAlive(t, app, url)
})

test('nothing else is liveness', async t => {
  const app = await build(t, { options: { subsets: { readiness: [] } } })
  for (const url of ['/healthcheck/liveness/extra', '/healthcheck/liveness//', '/healthcheck/livenessx', '/healthcheck', '/healthcheck/', '/liveness', '/healthcheck/liveness.json', '/healthcheck//liveness', '/Healthcheck/liveness', '/x/healthcheck/liveness', '/healthcheck/liveness%2f', '/']) {
    await isNotFound(t, app, url)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const) {
    await isNotFound(t, app, path, method)
    await isNotFound(t, app, `${path}?x`, method)
  }
  t.not((await app.inject('/healthcheck/readiness')).body, alive)
})

test('no authentication comes before it', async t => {
  const app = await build(t, { after: guarded })
  for (const url of [path, `${path}/`, `${path}?x`, '/healthcheck/%6Civeness', '/%68ealthcheck/liveness', '/healthcheck%2fliveness'.replace('%2f', '/')]) await isAlive(t, app, url)
  t.equal((await app.inject('/')).statusCode, 401)
  t.equal((await app.inject(`${path}/extra`)).statusCode, 401)
  t.equal((await app.inject({ method: 'POST', url: path })).statusCode, 401)
})

test('what the router takes for the same path is the same, before any authentication', async t => {
  const spelled = async (routerOptions: Record<string, boolean>, ...urls: string[]) => {
    const app = await build(t, { server: { routerOptions }, after: guarded })
    for (const url of [path, `${path}/`, `${path}?x`, ...urls]) await isAlive(t, app, url)
    t.equal((await app.inject('/healthcheck/liveness/extra')).statusCode, 401)
    t.equal((await app.inject('/other')).statusCode, 401)
  }
  await spelled({ caseSensitive: false }, '/HEALTHCHECK/Liveness', '/Healthcheck/liveness/?X', '/%48ealthcheck/LIVENESS')
  await spelled({ ignoreDuplicateSlashes: true }, '//healthcheck/liveness', '/healthcheck//liveness', '/healthcheck/liveness//')
  await spelled({ ignoreTrailingSlash: true })
  await spelled({ useSemicolonDelimiter: true }, `${path};jsessionid=1`, `${path}/;x`)
  await spelled({ caseSensitive: false, ignoreDuplicateSlashes: true, ignoreTrailingSlash: true }, '//HEALTHCHECK//LIVENESS//')
})

test('what a proxy is sent, with scheme and host, is the same', async t => {
  const app = await build(t, { after: guarded })
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = new URL(address)
  t.match(await rawly(Number(port), `GET ${address}${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 200 OK[^]*\{"status":"ok"\}$/)
  t.match(await rawly(Number(port), `GET ${address}/other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 401 /)
})

test('its path is another one where the options say so', async t => {
  const app = await build(t, { options: { livenessPath: '/live', subsets: { liveness: [], readiness: [] } }, after: guarded })
  for (const url of ['/live', '/live/', '/live?x', '/%6Cive']) await isAlive(t, app, url)
  t.equal((await app.inject('/lively')).statusCode, 401)
  const unguarded = await build(t, { options: { livenessPath: '/live', subsets: { liveness: [] } } })
  t.equal((await unguarded.inject(`${path}?format=json`)).body, '{}', 'a subset named liveness is served where it is not in the way')
  await isNotFound(t, unguarded, '/live/extra')
  const cyrillic = await build(t, { options: { livenessPath: '/живой' }, after: guarded })
  await isAlive(t, cyrillic, encodeURI('/живой'))
})

test('its path may be short, or long, or outside the prefix', async t => {
  for (const livenessPath of ['/x', '/_', '/a/b/c/d/e', '/healthcheck']) {
    const app = await build(t, { options: { livenessPath }, after: guarded })
    await isAlive(t, app, livenessPath)
    await isAlive(t, app, `${livenessPath}/?y`)
    t.equal((await app.inject(`${livenessPath}y`)).statusCode, 401)
  }
})

test('it can be switched off', async t => {
  const app = await build(t, { options: { livenessPath: false, subsets: { readiness: [] } } })
  await isNotFound(t, app, path)
  const subset = await build(t, { options: { livenessPath: false, subsets: { liveness: [defineCheck({ identifier: 'Event loop', check () {} })] } } })
  t.equal((await subset.inject(`${path}?format=json`)).body, '{"Event loop":"working"}')
})

test('a subset named liveness does not take its place', async t => {
  let asked = 0
  const app = await build(t, { options: { subsets: { liveness: [defineCheck({ identifier: 'Counted', check () { asked++ } })] } } })
  for (const url of [path, `${path}/`, '/healthcheck/l%69veness']) await isAlive(t, app, url)
  app.health.add('liveness', defineCheck({ identifier: 'Later', check () { asked++ } }))
  await isAlive(t, app)
  t.equal(asked, 0)
})

test('it stands below the prefix of the context that it is registered in', async t => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(async api => {
    await api.register(health, {})
    guarded(api)
  }, { prefix: '/api' })
  await app.register(async other => {
    await other.register(health, {})
    guarded(other)
  }, { prefix: '/' })
  await isAlive(t, app, `/api${path}`)
  await isAlive(t, app, `/api${path}/?x`)
  await isAlive(t, app, `/%61pi${path}`)
  await isAlive(t, app, path)
})

test('HEAD is answered where Node.js refuses a body that may not be', async t => {
  await isAlive(t, await build(t, { server: { http: { rejectNonStandardBodyWrites: true } } as FastifyServerOptions }))
  const app = await build(t, { server: { http: { rejectNonStandardBodyWrites: true } } as FastifyServerOptions })
  const { status } = await fetch(`${await app.listen({ port: 0, host: '127.0.0.1' })}${path}`, { method: 'HEAD' })
  t.equal(status, 200)
})

test('it stands below a prefix that has parameters', async t => {
  for (const prefix of ['/:tenant', '/v:version(^\\d+$)', '/a::b']) {
    const app = Fastify()
    t.after(() => app.close())
    await app.register(async api => {
      await api.register(health, {})
      guarded(api)
      api.get('/private', async () => 'secret')
    }, { prefix })
    const mounted = prefix.replace('::', ':').replace(':tenant', 'acme').replace(/:version.*/, '2')
    await isAlive(t, app, `${mounted}${path}`)
    t.equal((await app.inject(`${mounted}/private`)).statusCode, 401)
  }
})

test('a child that was registered earlier, with authentication and a wildcard, does not stand in its way', async t => {
  const wild = async (child: FastifyInstance) => {
    guarded(child)
    child.all('/*', async () => 'wild')
  }
  for (const server of [{}, { routerOptions: { ignoreTrailingSlash: true } }]) {
    const earlier = await build(t, { server, before: async app => { await app.register(wild) } })
    await isAlive(t, earlier)
    await isAlive(t, earlier, `${path}/`)
    await isAlive(t, earlier, `${path}?x`)
    t.equal((await earlier.inject('/healthcheck/liveness/extra')).statusCode, 401)
    const later = await build(t, { server, after: async app => { await app.register(wild) } })
    await isAlive(t, later)
    t.equal((await later.inject('/elsewhere')).statusCode, 401)
  }
})

test('a 404 handler does not stand in its way', async t => {
  const app = await build(t, {
    after: app => {
      app.setNotFoundHandler({ preValidation: refuse, preHandler: refuse }, async (_request, reply) => await reply.code(200).send('spa'))
    },
  })
  await isAlive(t, app)
  await isAlive(t, app, `${path}/`)
  t.equal((await app.inject('/other')).statusCode, 401)
})

test('no hook of the app changes it, or is waited for', async t => {
  const never = () => new Promise<void>(() => {})
  const wrong = async () => { throw new Error('no') }
  const later: Record<string, (app: FastifyInstance) => void> = {
    'onRequest that fails': app => app.addHook('onRequest', wrong),
    'onRequest that hangs': app => app.addHook('onRequest', never),
    'onSend that fails': app => app.addHook('onSend', wrong),
    'onSend that hangs': app => app.addHook('onSend', never),
    'onSend that rewrites': app => app.addHook('onSend', async (_request, reply) => {
      reply.code(503)
      return 'rewritten'
    }),
    'preParsing that fails': app => app.addHook('preParsing', wrong),
    'preValidation that fails': app => app.addHook('preValidation', wrong),
    'preHandler that fails': app => app.addHook('preHandler', wrong),
    'preSerialization that rewrites': app => app.addHook('preSerialization', async () => ({ status: 'rewritten' })),
    'onResponse that fails': app => app.addHook('onResponse', wrong),
    'onResponse that hangs': app => app.addHook('onResponse', never),
    'a serializer of replies': app => app.setReplySerializer(() => 'rewritten'),
    'a serializer of one reply': app => app.addHook('onRequest', async (_request, reply) => { reply.serializer(() => 'rewritten') }),
    'an error handler': app => app.setErrorHandler(async (_error, _request, reply) => await reply.code(200).send('rewritten')),
  }
  for (const [name, after] of Object.entries(later)) {
    await t.test(name, async t => { await isAlive(t, await build(t, { after })) })
  }
})

test('a serializer that was set earlier does not change it', async t => {
  await isAlive(t, await build(t, { before: app => { app.setReplySerializer(() => 'rewritten') } }))
  await isAlive(t, await build(t, { before: app => { app.setErrorHandler(async () => 'rewritten') } }))
})

test('neither a timeout of handlers nor one of the plugin changes it', async t => {
  const logged: string[] = []
  const app = await build(t, { server: { handlerTimeout: 20, logger: { level: 'warn', stream: { write: line => logged.push(line) } } }, after: app => { app.get('/slow', async () => await new Promise(() => {})) } })
  await isAlive(t, app)
  t.equal((await app.inject('/slow')).statusCode, 503)
  t.notMatch(logged.join(''), path)
})

test('a session store that is down or hangs does not change it', async t => {
  const store = (settle: (callback: (error?: Error) => void) => void) => ({
    set: (_id: string, _session: object, callback: (error?: Error) => void) => settle(callback),
    get: (_id: string, callback: (error?: Error) => void) => settle(callback),
    destroy: (_id: string, callback: (error?: Error) => void) => settle(callback),
  })
  const withStore = (settle: (callback: (error?: Error) => void) => void) => async (app: FastifyInstance) => {
    await app.register(cookie)
    await app.register(session, { secret: 'a secret that is at least thirty-two characters long', store: store(settle), saveUninitialized: true, cookie: { secure: false } })
    app.get('/', async () => 'hello')
  }
  const hanging = await build(t, { after: withStore(() => {}) })
  await isAlive(t, hanging)
  const down = await build(t, { after: withStore(callback => callback(new Error('the store is down'))) })
  await isAlive(t, down)
  t.equal((await down.inject('/')).statusCode, 500, 'it is down for others')
})

test('rate limiting and load shedding do not turn it away', async t => {
  const limited = await build(t, { after: async app => { await app.register(rateLimit, { global: true, max: 1 }) } })
  for (let request = 0; request < 5; request++) await isAlive(t, limited)
  const shedding = await build(t, {
    after: async app => {
      await app.register(underPressure, { maxRssBytes: 1, sampleInterval: 10 })
      app.get('/', async () => 'hello')
    }
  })
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal((await shedding.inject('/')).statusCode, 503)
  await isAlive(t, shedding)
  await isAlive(t, shedding, '/healthcheck/liv%65ness')
})

test('Zod compilers do not change it', async t => {
  const app = await build(t, {
    before: app => { app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler) },
    after: app => { app.get('/typed', { schema: { querystring: z.object({ n: z.coerce.number() }), response: { 200: z.object({ n: z.number() }) } } }, async request => request.query) },
  })
  await isAlive(t, app, `${path}?n=x`)
  t.equal((await app.inject('/typed?n=1')).body, '{"n":1}')
  t.equal((await app.inject('/typed?n=x')).statusCode, 400)
})

test('the usual plugins do not change it', async t => {
  const app = await build(t, {
    after: async app => {
      await app.register(helmet)
      await app.register(compress, { threshold: 0 })
      await app.register(etag)
      await app.register(cors, { origin: 'https://example.org' })
      await app.register(cookie)
      await app.register(jwt, { secret: 'secret' })
      app.addHook('onRequest', async request => { await request.jwtVerify() })
    },
  })
  await isAlive(t, app)
  const first = await app.inject({ url: path, headers: { 'accept-encoding': 'gzip', origin: 'https://example.org' } })
  t.equal(first.headers['content-encoding'], undefined)
  const again = await app.inject({ url: path, headers: { 'if-none-match': String(first.headers.etag ?? '*') } })
  t.equal(again.statusCode, 200)
  t.equal((await app.inject('/')).statusCode, 401)
  t.equal((await app.inject({ method: 'OPTIONS', url: path, headers: { origin: 'https://example.org', 'access-control-request-method': 'GET' } })).statusCode, 204, 'a preflight is answered by cors')
})

test('HEAD is answered where the server exposes it for no route', async t => {
  await isAlive(t, await build(t, { server: { exposeHeadRoutes: false } }))
})

test('it is what a rewritten URL says', async t => {
  const app = await build(t, {
    server: { rewriteUrl: request => request.url === '/ping' ? path : request.url === path ? '/moved' : request.url as string },
    after: app => {
      guarded(app)
      app.get('/moved', async () => 'moved')
    },
  })
  await isAlive(t, app, '/ping')
  t.equal((await app.inject(path)).statusCode, 401)
})

test('requests of other hosts and versions are answered, and so are those with a body', async t => {
  const app = await build(t, {
    after: app => {
      guarded(app)
      app.get('/versioned', { constraints: { version: '1.0.0', host: 'example.org' } }, async () => 'one')
    },
  })
  t.equal((await app.inject({ url: path, headers: { host: '10.1.2.3:8080', 'accept-version': '2.x' } })).body, alive)
  t.equal((await app.inject({ url: path, payload: { a: 1 } })).body, alive)
  t.equal((await app.inject({ url: path, headers: { 'content-type': 'nonsense' }, payload: 'x' })).body, alive)
})

test('its requests are not logged', async t => {
  const logged: string[] = []
  const app = await build(t, { server: { logger: { level: 'info', stream: { write: line => logged.push(line) } } }, after: app => { app.get('/', async () => 'hello') } })
  await isAlive(t, app)
  await isAlive(t, app, `${path}/`)
  t.strictSame(logged, [])
  await app.inject('/')
  t.equal(logged.length, 2)
})

function rawly (port: number, request: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  socket.end(request)
  return textOf(socket)
}

test('a client of HTTP/1.0 without a Host gets it from a listening server', async t => {
  const app = await build(t, { after: guarded })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  t.match(await rawly(port, `GET ${path} HTTP/1.0\r\n\r\n`), /^HTTP\/1\.1 200 OK\r\n[^]*content-length: 15\r\n[^]*\r\n\r\n\{"status":"ok"\}$/i)
  t.match(await rawly(port, `HEAD ${path} HTTP/1.0\r\n\r\n`), /^HTTP\/1\.1 200 OK\r\n[^]*content-length: 15\r\n[^]*\r\n\r\n$/i)
})

test('a connection is kept alive between probes, with other requests in between', async t => {
  const app = await build(t, { after: app => { app.get('/', async () => 'hello') } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const ports = new Set<number>()
  for (const [method, url, expected] of [['GET', path, alive], ['HEAD', path, ''], ['GET', '/', 'hello'], ['GET', `${path}?x`, alive]] as const) {
    const request = http.request({ port, host: '127.0.0.1', path: url, method, agent }).end()
    const [response] = await once(request, 'response')
    ports.add(response.socket.localPort)
    t.equal(await textOf(response), expected)
    t.equal(response.statusCode, 200)
  }
  t.equal(ports.size, 1)
})

test('HTTP/2 gets it', async t => {
  const warnings: unknown[] = []
  const onWarning = (warning: unknown) => { warnings.push(warning) }
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  const app = Fastify({ http2: true })
  t.after(() => app.close())
  await app.register(health, {})
  app.addHook('onRequest', async (_request, reply) => await reply.code(401).send('no'))
  app.addHook('onSend', async () => await new Promise(() => {}))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const client = http2.connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.after(() => client.close())
  for (const [method, url, expected] of [['GET', path, alive], ['HEAD', path, ''], ['GET', `${path}/?x`, alive], ['GET', '/healthcheck/%6civeness', alive], ['HEAD', '/healthcheck/%6civeness', '']] as const) {
    const stream = client.request({ ':method': method, ':path': url })
    stream.end()
    const [headers] = await once(stream, 'response')
    t.match(headers, { ':status': 200, 'content-type': 'application/json; charset=utf-8', 'content-length': '15', 'cache-control': 'no-store' })
    t.equal(await textOf(stream), expected)
  }
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(warnings, [])
})

test('a request of another path never makes the router tell where it went', async t => {
  const asked = (url: string, options: Partial<RouterOptions> = {}, method = 'GET') => {
    let told = false
    const request = { raw: { url }, method, get routeOptions () { told = true; return { config: undefined } } } as unknown as FastifyRequest
    let went = false
    livenessHook(path, { ...routerOptions(Fastify()), ...options })(request, {} as FastifyReply, () => { went = true })
    t.ok(went, url)
    return told
  }
  for (const url of ['/', '/orders', '/orders/%20', '/health', '/healthcheck/readiness', '/healthcheck/liveness/extra', '/orders?%68', '']) {
    t.equal(asked(url), url === '', url)
  }
  t.notOk(asked(path, {}, 'POST'))
  t.notOk(asked('/orders', { caseSensitive: false, ignoreDuplicateSlashes: true }))
  t.ok(asked('/healthcheck/x%20'))
  t.ok(asked('/HEALTH', { caseSensitive: false }))
  t.ok(asked('//orders', { ignoreDuplicateSlashes: true }))
})
