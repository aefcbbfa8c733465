import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import { test, type Test } from 'tap'
import { Agent, buildConnector, Client, MockAgent, Pool, ProxyAgent, RetryAgent, type Dispatcher } from 'undici'
import { HttpCheck, type HttpOptions } from '../../../lib/checks/http.js'
import { createHealth } from '../../../lib/index.js'
import { ResourceStore } from '../../../lib/engine/resources.js'
import { violations } from '../../../lib/values/rules.js'
import type { CheckContext, EntryOptions } from '../../../types/check.js'
import { openSockets, until } from '../../helpers/leaks.js'
import { startProxy } from '../../helpers/proxy.js'
import { freePort } from '../../helpers/server.js'

/** A server that counts its connections. */
async function site (t: Test, listener: RequestListener) {
  const server = createServer(listener)
  let accepted = 0
  server.on('connection', () => accepted++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, accepted: () => accepted, connections: async () => await promisify(server.getConnections.bind(server))() }
}

/** A server that answers every connection with these bytes. */
async function rawSite (t: Test, bytes: string, then: (socket: Socket) => void = () => {}) {
  const sockets = new Set<Socket>()
  let closed = 0
  const server = createTcpServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => closed++)
    socket.on('data', () => { if (bytes !== '') socket.write(bytes, () => then(socket)) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, accepted: () => sockets.size, closed: () => closed }
}

function closing<D extends Dispatcher> (t: Test, dispatcher: D): D {
  t.after(async () => await dispatcher.destroy())
  return dispatcher
}

function probe (t: Test, options: HttpOptions & EntryOptions, app?: ReturnType<typeof Fastify>) {
  const health = createHealth({ subsets: { web: [[HttpCheck, { timeout: 2000, ...options }]] } }, app === undefined ? {} : { app })
  t.teardown(() => health.close())
  const ask = async () => (await health.run('web')).results[0]?.status
  return Object.assign(ask, { close: async () => await health.close(), faults: async () => (await health.systemChecks()).map(({ id, message }) => `${id} ${message}`) })
}

test('a dispatcher of any kind asks, is not closed, and keeps its connection', async t => {
  const { url, accepted, connections } = await site(t, (_request, response) => { response.end('pong') })
  const proxy = await startProxy(t)
  const dispatchers = [new Agent(), new Pool(url), new Client(url), new RetryAgent(new Agent()), new Agent().compose(dispatch => (options, handler) => dispatch(options, handler))]
  for (const dispatcher of dispatchers) {
    closing(t, dispatcher)
    const before = accepted()
    const ask = probe(t, { url, dispatcher, expect: { body: 'pong' } })
    for (let run = 0; run < 3; run++) t.equal(await ask(), 'working')
    await ask.close()
    t.equal(accepted(), before + 1, dispatcher.constructor.name)
    const response = await dispatcher.request({ origin: url, path: '/', method: 'GET' })
    t.equal(await response.body.text(), 'pong', 'the app can still use it')
  }
  t.equal(await connections(), dispatchers.length)
  t.equal(await probe(t, { url, dispatcher: closing(t, new ProxyAgent(proxy.url)), expect: { body: 'pong' } })(), 'working')
  t.equal(proxy.asked.length, 1)
})

test('the answers of a mock are judged, which need no server', async t => {
  const agent = new MockAgent()
  t.after(async () => await agent.close())
  agent.disableNetConnect()
  agent.get('http://partner.example').intercept({ path: '/ping?a=1' }).reply(200, { state: 'up' }, { headers: { 'x-version': '2.1' } }).persist()
  const url = 'http://partner.example/ping?a=1'
  t.equal(await probe(t, { url, dispatcher: agent, expect: { headers: { 'x-version': '2.' }, json: { state: 'up' } } })(), 'working')
  t.equal(await probe(t, { url, dispatcher: agent, expect: { json: { state: 'down' } } })(), "unexpected result: 'state' of the JSON is not 'down'")
  t.equal(await probe(t, { url, dispatcher: agent, expect: { status: 503 } })(), 'unexpected result: answered 200')
})

test('it is named by its decorator, into which dots reach, or returned by a function of the app', async t => {
  const { url } = await site(t, (_request, response) => { response.end() })
  const dispatcher = closing(t, new Agent())
  const app = Fastify()
  t.after(async () => await app.close())
  app.decorate('partner', dispatcher).decorate('clients', { partner: dispatcher, bad: { request () {} }, callable: Object.assign(() => {}, { dispatch () {}, request () {} }) })
  for (const option of ['partner', 'clients.partner', () => dispatcher, async () => dispatcher] as Array<NonNullable<HttpOptions['dispatcher']>>) {
    const ask = probe(t, { url, dispatcher: option }, app)
    t.strictSame(await ask.faults(), [])
    t.equal(await ask(), 'working')
  }
  for (const [option, message] of [
    ['ghost', 'app.ghost is not there'],
    ['clients', 'app.clients is an object, and not a Dispatcher of undici'],
    ['clients.bad', 'app.clients.bad is an object, and not a Dispatcher of undici'],
    ['clients.callable', 'app.clients.callable is a function, and not a Dispatcher of undici'],
    [() => 'ghost', 'what `dispatcher` returned for the app is a string, and not a Dispatcher of undici'],
  ] as Array<[NonNullable<HttpOptions['dispatcher']>, string]>) {
    const ask = probe(t, { url, dispatcher: option }, app)
    t.strictSame(await ask.faults(), [`E007 ${message}`])
    t.equal(await ask(), `unknown error: E007 ${message}`)
  }
})

test('what is no dispatcher does not fit', async t => {
  const url = 'http://partner.example'
  for (const dispatcher of ['partner', () => {}, new Agent()]) t.strictSame(violations(HttpCheck.rules, { url, dispatcher }), [])
  for (const dispatcher of ['', 5, null, {}, [], { request () {} }, { dispatch () {} }]) {
    t.match(violations(HttpCheck.rules, { url, dispatcher }), [{ hint: 'It must be the name of a decorator, a function of the app, or a Dispatcher of undici.' }])
  }
})

test('options of a connection of the check are refused next to it', async t => {
  const dispatcher = closing(t, new Agent())
  const url = 'https://partner.example'
  const ca = '-----BEGIN CERTIFICATE-----'
  for (const [options, names] of [
    [{ ca }, 'both `dispatcher` and `ca`'],
    [{ socketPath: '/tmp/x.sock' }, 'both `dispatcher` and `socketPath`'],
    [{ proxy: true }, 'both `dispatcher` and `proxy`'],
    [{ cert: ca, key: ca }, '`dispatcher` and `cert` and `key`'],
  ] as Array<[Partial<HttpOptions>, string]>) {
    const ask = probe(t, { url, dispatcher, ...options })
    t.strictSame(await ask.faults(), [`E007 ${names} are given`])
    t.equal(await ask(), `unknown error: E007 ${names} are given`)
  }
  t.strictSame(await probe(t, { url, dispatcher, proxy: false }).faults(), [])
})

test('method, headers, credentials and body are sent as without it', async t => {
  const seen: object[] = []
  const { url } = await site(t, async (request, response) => {
    const { method, url, headers } = request
    const body = (await request.setEncoding('utf8').toArray()).join('')
    const { connection: _, 'keep-alive': _alive, ...rest } = headers
    seen.push({ method, url, body, headers: rest })
    response.end()
  })
  const dispatcher = closing(t, new Agent())
  const all: HttpOptions[] = [
    { url: `${url.replace('//', '//m%20e:se%40cret@')}/ping?a=1#x` },
    { url: url.replace('//', '//me@'), method: 'POST', headers: { 'Content-Type': 'text/plain', 'User-Agent': 'ours', host: 'partner.example' }, body: 'Grüße' },
    { url: url.replace('//', '//:pass@'), method: 'DELETE', headers: { Authorization: 'Bearer x' } },
    { url, body: 'in a GET' },
    { url, method: 'HEAD' },
  ]
  for (const options of all) {
    t.equal(await probe(t, options)(), 'working')
    t.equal(await probe(t, { ...options, dispatcher })(), 'working')
    t.strictSame(seen.pop(), seen.pop())
  }
})

test('redirects are followed through it, without credentials where they lead to another origin', async t => {
  const seen: IncomingHttpHeaders[] = []
  const other = await site(t, (request, response) => {
    seen.push(request.headers)
    response.end('here')
  })
  const { url } = await site(t, (request, response) => {
    if (request.url === '/') response.writeHead(302, { location: '/b' }).end('moved')
    else response.writeHead(302, { location: other.url }).end('moved')
  })
  const ask = probe(t, { url: url.replace('//', '//me:secret@'), headers: { 'x-api-key': 'hidden' }, dispatcher: closing(t, new Agent()), followRedirects: true, expect: { body: 'here' } })
  t.equal(await ask(), 'working')
  t.match(seen, [{ authorization: undefined, 'x-api-key': undefined }])
})

test('a header that is sent more than once is read as Node.js does', async t => {
  const { url } = await site(t, (_request, response) => {
    response.setHeader('x-part', ['one', 'two']).setHeader('set-cookie', ['a=1', 'b=2']).end()
  })
  const expect = { headers: { 'x-part': /^one, two$/, 'set-cookie': 'a=1,b=2' } }
  t.equal(await probe(t, { url, expect })(), 'working')
  t.equal(await probe(t, { url, expect, dispatcher: closing(t, new Agent()) })(), 'working')
})

test('what fails is told in the same words as without it', async t => {
  const proxy = await startProxy(t)
  proxy.mode = 407
  const half = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'
  const dispatcher = closing(t, new Agent())
  const secure = closing(t, new ProxyAgent({ uri: proxy.url, proxyTunnel: true }))
  for (const [options, status] of [
    [{ url: `http://127.0.0.1:${await freePort()}` }, 'unavailable: connection refused'],
    [{ url: 'http://no-such-host.invalid' }, 'unavailable: host not found'],
    [{ url: (await rawSite(t, 'SSH-2.0-OpenSSH_9.2\r\n')).url }, 'unexpected result: the answer is not valid HTTP'],
    [{ url: (await rawSite(t, '\r\n', socket => socket.destroy())).url }, 'unavailable: connection lost'],
    [{ url: (await rawSite(t, 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n')).url }, 'unexpected result: answered 101'],
    [{ url: (await rawSite(t, half, socket => socket.end())).url, expect: { body: 'whole' } }, 'unavailable: connection lost'],
    [{ url: (await rawSite(t, half)).url, expect: { body: 'whole' }, timeout: 300 }, 'unavailable: timed out after 300 ms'],
    [{ url: 'https://partner.example', dispatcher: secure }, 'unavailable: the proxy answered 407'],
    [{ url: 'http://partner.example', dispatcher: secure }, 'unavailable: the proxy answered 407'],
  ] as Array<[HttpOptions & EntryOptions, string]>) t.equal(await probe(t, { dispatcher, ...options })(), status, options.url)
})

test('a dispatcher that the app has closed is told', async t => {
  const { url } = await site(t, (_request, response) => { response.end() })
  const closed = new Agent()
  await closed.close()
  const destroyed = new Agent()
  await destroyed.destroy()
  for (const dispatcher of [closed, destroyed]) t.equal(await probe(t, { url, dispatcher })(), 'unavailable: connection pool closed')
})

test('a connection that the other side closes just when it is used again is no failure', async t => {
  let requests = 0
  const server = await rawSite(t, 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok', socket => {
    requests++
    socket.removeAllListeners('data').once('data', () => socket.resetAndDestroy())
  })
  const ask = probe(t, { url: server.url, dispatcher: closing(t, new Agent()) })
  for (let run = 0; run < 3; run++) t.equal(await ask(), 'working')
  t.equal(requests, 3)
})

test('bodies that nobody asked for, or that are too long, leave no connection busy', async t => {
  let pouring = 0
  const { url, accepted } = await site(t, (request, response) => {
    if (request.url === '/short') return response.end('ok')
    pouring++
    response.on('close', () => pouring--)
    const pour = () => {
      while (!response.destroyed && response.write('x'.repeat(1000)));
      if (!response.destroyed) response.once('drain', pour)
    }
    pour()
  })
  const dispatcher = closing(t, new Agent({ connections: 1 }))
  for (let run = 0; run < 5; run++) t.equal(await probe(t, { url: `${url}/short`, dispatcher })(), 'working')
  t.equal(accepted(), 1)
  for (let run = 0; run < 5; run++) t.equal(await probe(t, { url, dispatcher })(), 'working')
  t.equal(await probe(t, { url, dispatcher, maxBytes: 10_000, expect: { body: 'end' } })(), "unexpected result: the body does not contain 'end' in its first 10000 bytes")
  await until(() => pouring === 0)
})

test('once aborted it settles at once, wherever it hangs, and the connection is closed', async t => {
  const before = openSockets()
  for (const beginning of ['', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf']) {
    const { url, accepted, closed } = await rawSite(t, beginning)
    const dispatcher = new Agent()
    const controller = new AbortController()
    const context = { resources: new ResourceStore(), signal: controller.signal } as unknown as CheckContext
    const settled = new HttpCheck({ url, dispatcher, expect: { body: 'whole' } }).check(context).then(() => 'resolved', () => 'rejected')
    await until(() => accepted() === 1)
    await sleep(50)
    controller.abort()
    t.equal(await Promise.race([settled, sleep(200, 'hangs')]), 'rejected')
    await until(() => closed() === 1)
    t.equal(await new HttpCheck({ url, dispatcher }).check(context).catch(() => 'rejected'), 'rejected', 'a run that begins aborted')
    await dispatcher.destroy()
  }
  await until(() => openSockets() <= before)
})

test('a host that never connects is not asked again before it has answered, and holds up no other host', async t => {
  const { url } = await site(t, (_request, response) => { response.end() })
  const port = String(await freePort())
  const connectTo = buildConnector({})
  let refuse: () => void = () => {}
  let asked = 0
  const agent = new Agent({
    connect (options, callback) {
      if (options.port === port) refuse = () => callback(Object.assign(new Error('canary'), { code: 'ECONNREFUSED' }), null)
      else connectTo(options, callback)
    },
  })
  const dispatcher = closing(t, agent.compose(dispatch => (options, handler) => {
    if (String(options.origin).endsWith(port)) asked++
    return dispatch(options, handler)
  }))
  const dead = probe(t, { url: `http://127.0.0.1:${port}`, dispatcher, timeout: 200 })
  const alive = probe(t, { url, dispatcher, timeout: 200 })
  t.equal(await dead(), 'unavailable: timed out after 200 ms')
  t.equal(await alive(), 'working')
  t.equal(await dead(), 'unavailable: timed out after 200 ms')
  t.equal(asked, 1)
  refuse()
  const next = dead()
  await until(() => asked === 2)
  refuse()
  t.equal(await next, 'unavailable: connection refused')
})
