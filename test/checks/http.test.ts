import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import HttpCheckByDefault, { HttpCheck, type HttpOptions } from '../../lib/checks/http.js'
import { createHealth } from '../../lib/index.js'
import { ResourceStore } from '../../lib/engine/resources.js'
import { violations } from '../../lib/values/rules.js'
import type { CheckContext, EntryOptions } from '../../types/check.js'
import { selfSigned, startAuthority } from '../helpers/certificates.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startRelay } from '../helpers/relay.js'
import { freePort } from '../helpers/server.js'

interface Scope {
  teardown (close: () => unknown): void
}

async function listening (t: Scope, server: TcpServer, scheme = 'http', close: () => unknown = () => {}): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    close()
    await new Promise(resolve => server.close(resolve))
  })
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Site {
  url: string
  port: number
  /** How many connections it has ever had. */
  accepted: () => number
  /** How many connections it has now. */
  connections: () => Promise<number>
}

async function site (t: Scope, listener: RequestListener): Promise<Site> {
  const server: Server = createServer(listener)
  let accepted = 0
  server.on('connection', () => accepted++)
  const url = await listening(t, server, 'http', () => server.closeAllConnections())
  return {
    url,
    port: Number(new URL(url).port),
    accepted: () => accepted,
    connections: async () => await promisify(server.getConnections.bind(server))(),
  }
}

/** A server that says these bytes to whatever it is asked, and then does what it is told with the connection. */
async function rawSite (t: Scope, bytes: string, then: (socket: Socket) => void = () => {}): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createTcpServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', () => socket.write(bytes, () => then(socket)))
  })
  return await listening(t, server, 'http', () => { for (const socket of sockets) socket.destroy() })
}

/** A server that begins to answer, and stops there. */
async function hangingSite (t: Scope, beginning: string) {
  const sockets = new Set<Socket>()
  const server = createTcpServer(socket => {
    sockets.add(socket)
    socket.on('data', () => socket.write(beginning))
  })
  const url = await listening(t, server, 'http', () => { for (const socket of sockets) socket.destroy() })
  return { url, connections: async () => await promisify(server.getConnections.bind(server))() }
}

function probe (t: Scope, options: HttpOptions & EntryOptions) {
  const health = createHealth({ subsets: { web: [[HttpCheck, { timeout: 2000, ...options }]] } })
  t.teardown(() => health.close())
  return Object.assign(async () => (await health.run('web')).results[0]?.status, { close: async () => await health.close() })
}

async function bodyOf (request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('an answer from 200 to 299 is healthy, any other status is told', async t => {
  let status = 200
  const { url } = await site(t, (_request, response) => { response.writeHead(status).end('ok') })
  const ask = probe(t, { url })
  t.equal(await ask(), 'working')
  status = 204
  t.equal(await ask(), 'working')
  status = 503
  t.equal(await ask(), 'unexpected result: answered 503')
  status = 404
  t.equal(await ask(), 'unexpected result: answered 404')
  status = 200
  t.equal(await ask(), 'working')
})

test('it is the default of its module, asks something shared, and is named by its class', async t => {
  t.equal(HttpCheckByDefault, HttpCheck)
  t.equal(HttpCheck.scope, 'shared')
  const { url } = await site(t, (_request, response) => { response.end() })
  const health = createHealth({ subsets: { web: [[HttpCheck, { url }]] } })
  t.teardown(() => health.close())
  t.equal((await health.run('web')).results[0]?.identifier, 'HttpCheck')
})

test('method, headers and body are sent as told, with the length of the body in bytes', async t => {
  const seen: Array<Record<string, unknown>> = []
  const { url } = await site(t, async (request, response) => {
    const { method, url, headers } = request
    seen.push({ method, url, type: headers['content-type'], agent: headers['user-agent'], authorization: headers.authorization, length: headers['content-length'], encoding: headers['accept-encoding'], body: await bodyOf(request) })
    response.end()
  })
  const path = `${url.replace('//', '//me:secret@')}/ping?a=1`
  t.equal(await probe(t, { url: path, method: 'POST', headers: { 'Content-Type': 'text/plain', 'User-Agent': 'ours' }, body: 'Grüße' })(), 'working')
  t.equal(await probe(t, { url: path, body: 'in a GET' })(), 'working')
  t.equal(await probe(t, { url: path, method: 'HEAD' })(), 'working')
  const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`
  const both = { url: '/ping?a=1', authorization, encoding: 'identity' }
  t.strictSame(seen, [
    { ...both, method: 'POST', type: 'text/plain', agent: 'ours', length: '7', body: 'Grüße' },
    { ...both, method: 'GET', type: undefined, agent: 'fastify-health', length: '8', body: 'in a GET' },
    { ...both, method: 'HEAD', type: undefined, agent: 'fastify-health', length: undefined, body: '' },
  ])
})

test('what is expected of status, headers, body and JSON is judged in this order', async t => {
  const { url } = await site(t, (_request, response) => {
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"state":"up","queue":[1]}')
  })
  const status = async (expect: HttpOptions['expect']) => await probe(t, { url, expect: { ...expect } })()
  t.equal(await status({ status: 202, headers: { 'content-type': 'json' }, body: 'up', json: { state: 'up' } }), 'working')
  t.equal(await status({ status: 200, headers: { etag: 'x' } }), 'unexpected result: answered 202')
  t.equal(await status({ headers: { etag: 'x' }, body: 'nothing' }), "unexpected result: the header 'etag' is missing")
  t.equal(await status({ body: 'nothing', json: [] }), "unexpected result: the body does not contain 'nothing'")
  t.equal(await status({ json: { queue: [2] } }), "unexpected result: 'queue.0' of the JSON is not 2")
})

test('a body that trickles is given up, and whoever asks at that moment is not told that it hangs', async t => {
  const { url } = await site(t, (_request, response) => {
    const trickle = setInterval(() => response.write('.'), 10)
    response.on('close', () => clearInterval(trickle))
    response.writeHead(200).flushHeaders()
  })
  const health = createHealth({ timeout: 200, subsets: { s: [[HttpCheck, { url, expect: { body: 'ok' } }]] } })
  t.teardown(async () => await health.close())
  const ask = async () => (await health.run('s')).results[0]?.status
  for (let n = 0; n < 5; n++) t.equal(await ask(), 'unavailable: timed out after 200 ms')
})

test('a body that is encoded, though nobody asked for it, is told', async t => {
  let encoding = 'gzip'
  const { url } = await site(t, (_request, response) => { response.writeHead(200, { 'content-encoding': encoding }).end(gzipSync('{"state":"up"}')) })
  const ask = probe(t, { url, expect: { json: { state: 'up' } } })
  t.equal(await ask(), 'unexpected result: the body is encoded as gzip: expect only a status and headers of it')
  encoding = 'canary'
  t.equal(await ask(), 'unexpected result: the body is encoded: expect only a status and headers of it', 'in no words of the server')
  t.equal(await probe(t, { url, expect: { headers: { 'content-encoding': 'canary' } } })(), 'working')
})

test('a redirect is an answer like any other, since a login page is no health', async t => {
  const { url } = await site(t, (request, response) => {
    if (request.url === '/login') response.end('please log in')
    else response.writeHead(302, { location: '/login' }).end()
  })
  t.equal(await probe(t, { url })(), 'unexpected result: answered 302')
  t.equal(await probe(t, { url, expect: { status: 302 } })(), 'working')
})

test('redirects are followed when asked, and what stands at their end is judged', async t => {
  const seen: string[] = []
  const { url } = await site(t, async (request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization !== undefined} ${await bodyOf(request)}`)
    if (request.url === '/a') response.writeHead(307, { location: 'b' }).end('moved')
    else if (request.url === '/b') response.writeHead(303, { location: `http://${request.headers.host}/c` }).end('moved')
    else response.writeHead(request.url === '/c' ? 200 : 304, { location: '/a' }).end('here')
  })
  const ask = probe(t, { url: `${url.replace('//', '//me:secret@')}/a`, followRedirects: true, method: 'POST', body: 'x', expect: { body: 'here' } })
  t.equal(await ask(), 'working')
  t.strictSame(seen, ['POST /a true x', 'POST /b true x', 'GET /c true '])
  t.equal(await probe(t, { url: `${url}/d`, followRedirects: true })(), 'unexpected result: answered 304', 'which is no redirect')
})

test('a redirect that repeats HEAD stays HEAD', async t => {
  const seen: Array<string | undefined> = []
  const { url } = await site(t, (request, response) => {
    seen.push(request.method)
    if (request.url === '/') response.writeHead(301, { location: '/there' }).end()
    else response.end()
  })
  t.equal(await probe(t, { url, method: 'HEAD', followRedirects: true })(), 'working')
  t.strictSame(seen, ['HEAD', 'HEAD'])
})

test('a redirect changes POST to GET, and 303 any other method but HEAD, without the body and what is told of it', async t => {
  const seen: string[] = []
  const { url } = await site(t, async (request, response) => {
    const { method, url, headers } = request
    if (url !== '/there') return response.writeHead(Number(url?.slice(1)), { location: '/there' }).end()
    seen.push([method, headers['content-type'], headers['content-length'], headers['x-api-key'], await bodyOf(request)].join(' '))
    response.end()
  })
  const ask = async (status: number, method: string) => {
    const headers = { 'Content-Type': 'text/x', 'content-length': '3', 'x-api-key': 'k' }
    t.equal(await probe(t, { url: `${url}/${status}`, method, body: 'abc', headers, followRedirects: true })(), 'working')
    return seen.pop()
  }
  for (const status of [301, 302]) {
    t.equal(await ask(status, 'POST'), 'GET   k ')
    t.equal(await ask(status, 'PUT'), 'PUT text/x 3 k abc')
  }
  for (const method of ['POST', 'PUT']) t.equal(await ask(303, method), 'GET   k ')
  for (const status of [307, 308]) t.equal(await ask(status, 'POST'), 'POST text/x 3 k abc')
})

test('another origin sees none of the credentials', async t => {
  let seen: IncomingMessage['headers'] = {}
  const other = await site(t, (request, response) => {
    seen = request.headers
    response.end()
  })
  const { url } = await site(t, (_request, response) => { response.writeHead(302, { location: other.url }).end() })
  const ask = probe(t, { url: url.replace('//', '//me:secret@'), headers: { 'x-api-key': 'hidden' }, followRedirects: true })
  t.equal(await ask(), 'working')
  t.equal(seen.authorization, undefined)
  t.equal(seen['x-api-key'], undefined)
})

test('of other origins no connection is kept, since a redirect may lead to a new one every time', async t => {
  const { url: other, connections, accepted } = await site(t, (_request, response) => { response.end() })
  const first = await site(t, (_request, response) => { response.writeHead(302, { location: other }).end() })
  const ask = probe(t, { url: first.url, followRedirects: true })
  for (let i = 0; i < 3; i++) t.equal(await ask(), 'working')
  t.equal(accepted(), 3)
  await until(async () => await connections() === 0)
  t.equal(await first.connections(), 1)
  t.equal(first.accepted(), 1)
})

test('redirects that go round in a circle, or out of HTTP, end', async t => {
  let asked = 0
  const { url } = await site(t, (request, response) => {
    asked++
    response.writeHead(302, { location: request.url === '/out' ? 'ftp://127.0.0.1/' : request.url === '/bad' ? 'http://' : request.url === '/user' ? 'http://a%zz:b@localhost/' : '/' }).end()
  })
  t.equal(await probe(t, { url, followRedirects: true })(), 'unexpected result: redirected more than 10 times')
  t.equal(asked, 11)
  t.equal(await probe(t, { url: `${url}/out`, followRedirects: true })(), 'unexpected result: redirected to what is no URL of HTTP')
  t.equal(await probe(t, { url: `${url}/bad`, followRedirects: true })(), 'unexpected result: redirected to what is no URL of HTTP')
  t.equal(await probe(t, { url: `${url}/user`, followRedirects: true })(), 'unexpected result: redirected to what is no URL of HTTP')
})

test('a redirect without a target is an answer', async t => {
  const { url } = await site(t, (_request, response) => { response.writeHead(302).end() })
  t.equal(await probe(t, { url, followRedirects: true })(), 'unexpected result: answered 302')
})

test('no more than maxBytes of a body that never ends are read', async t => {
  let sent = 0
  const { url, connections } = await site(t, (_request, response) => {
    response.write('begin ')
    const pour = () => {
      while (!response.destroyed && response.write('x'.repeat(1000))) sent += 1000
      if (!response.destroyed) response.once('drain', pour)
    }
    pour()
  })
  t.equal(await probe(t, { url, maxBytes: 10_000, expect: { body: 'end' } })(), "unexpected result: the body does not contain 'end' in its first 10000 bytes")
  t.equal(await probe(t, { url, maxBytes: 10_000, expect: { body: 'begin' } })(), 'working')
  t.equal(await probe(t, { url, maxBytes: 10_000, expect: { json: {} } })(), 'unexpected result: the body is longer than 10000 bytes')
  await until(async () => await connections() === 0)
  t.ok(sent < 50_000_000)
})

test('what stands beyond maxBytes is not seen, even if it came along', async t => {
  const { url } = await site(t, (_request, response) => { response.end('12345678ok') })
  t.equal(await probe(t, { url, maxBytes: 8, expect: { body: 'ok' } })(), "unexpected result: the body does not contain 'ok' in its first 8 bytes")
  t.equal(await probe(t, { url, maxBytes: 10, expect: { body: 'ok' } })(), 'working')
})

test('a body of just maxBytes is whole', async t => {
  const { url } = await site(t, (_request, response) => { response.end('"1234"') })
  t.equal(await probe(t, { url, maxBytes: 6, expect: { json: '1234' } })(), 'working')
  t.equal(await probe(t, { url, maxBytes: 5, expect: { json: '1234' } })(), 'unexpected result: the body is longer than 5 bytes')
})

test('where only the status counts, nobody waits for the body', async t => {
  const { url, connections } = await site(t, (_request, response) => { response.writeHead(200).write('the first of many events') })
  const startedAt = Date.now()
  t.equal(await probe(t, { url })(), 'working')
  t.equal(await probe(t, { url, expect: { status: 500 } })(), 'unexpected result: answered 200')
  t.ok(Date.now() - startedAt < 1000)
  await until(async () => await connections() === 0)
})

test('one connection is kept between runs, whatever the answer, and closed with the registry', async t => {
  let status = 200
  const { url, accepted, connections } = await site(t, (_request, response) => { response.writeHead(status).end('x'.repeat(1000)) })
  const ask = probe(t, { url })
  for (let run = 0; run < 20; run++) {
    status = run % 2 === 0 ? 200 : 500
    await ask()
  }
  t.equal(accepted(), 1)
  t.equal(await connections(), 1)
  await ask.close()
  await until(async () => await connections() === 0)
})

test('however many ask at once, one connection is kept', async t => {
  const { url, accepted, connections } = await site(t, (_request, response) => { response.end('ok') })
  const asked = [200, 201, 202, 203].map(status => [HttpCheck, { url, identifier: `${status}`, expect: { status } }] as const)
  const health = createHealth({ subsets: { web: asked } })
  t.teardown(() => health.close())
  await health.run('web')
  t.equal(accepted(), 4)
  await until(async () => await connections() === 1)
})

test('a connection that a body was read from is kept, too', async t => {
  const { url, accepted } = await site(t, (_request, response) => { response.end(`${'x'.repeat(200_000)}ok`) })
  const ask = probe(t, { url, expect: { body: 'ok' } })
  for (let run = 0; run < 5; run++) t.equal(await ask(), 'working')
  t.equal(accepted(), 1)
})

test('a connection that the other side closes just when it is used again is no failure', async t => {
  let connections = 0
  const server = createTcpServer(socket => {
    connections++
    let requests = 0
    socket.on('error', () => {})
    socket.on('data', () => {
      if (++requests === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      else socket.resetAndDestroy()
    })
  })
  const ask = probe(t, { url: await listening(t, server) })
  t.equal(await ask(), 'working')
  t.equal(await ask(), 'working')
  t.equal(connections, 2)
  await ask.close()
})

test('hundreds of runs leave no socket behind', async t => {
  const { url } = await site(t, (request, response) => {
    if (request.url === '/reset') request.socket.resetAndDestroy()
    else response.end('ok')
  })
  const before = openSockets()
  for (const options of [{ url }, { url, expect: { body: 'ok' } }, { url, expect: { status: 201 } }, { url: `${url}/reset` }]) {
    const ask = probe(t, options)
    for (let run = 0; run < 100; run++) await ask()
    await ask.close()
  }
  await until(() => openSockets() === before)
})

test('a service that refuses, hangs or is cut off is unavailable, and healthy again with the next probe', async t => {
  const { url, port } = await site(t, (_request, response) => { response.end('a body of some length') })
  const relay = await startRelay(t, port)
  const ask = probe(t, { url: url.replace(String(port), String(relay.port)), timeout: 300, expect: { body: 'length' } })
  const lost = { refuse: 'connection refused', silence: 'timed out after 300 ms', cut: 'connection lost' } as const
  t.equal(await ask(), 'working')
  for (const [fault, words] of Object.entries(lost)) {
    await relay[fault as keyof typeof lost]()
    const startedAt = Date.now()
    t.equal(await ask(), `unavailable: ${words}`)
    t.equal(await ask(), `unavailable: ${words}`)
    t.ok(Date.now() - startedAt < 1500, fault)
    await relay.pass()
    t.equal(await ask(), 'working', `after ${fault}`)
  }
  await relay.delay(1000)
  t.equal(await ask(), 'unavailable: timed out after 300 ms')
  await relay.pass()
  t.equal(await ask(), 'working')
  await ask.close()
  await until(() => relay.connections === 0)
})

test('an answer that stops in the middle of its body is timed out, and its connection closed', async t => {
  const { url, connections } = await site(t, (_request, response) => { response.writeHead(200, { 'content-length': 100 }).write('half') })
  t.equal(await probe(t, { url, timeout: 300, expect: { body: 'whole' } })(), 'unavailable: timed out after 300 ms')
  await until(async () => await connections() === 0)
})

test('once aborted it settles at once, wherever it hangs, and its connection is closed', async t => {
  for (const beginning of ['', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf']) {
    const { url, connections } = await hangingSite(t, beginning)
    const resources = new ResourceStore()
    t.teardown(() => resources.close())
    const controller = new AbortController()
    const context = { resources, signal: controller.signal } as unknown as CheckContext
    const settled = new HttpCheck({ url, expect: { body: 'whole' } }).check(context).then(() => 'resolved', () => 'rejected')
    await until(async () => await connections() === 1)
    await sleep(50)
    controller.abort()
    t.equal(await Promise.race([settled, sleep(200, 'hangs')]), 'rejected')
    await until(async () => await connections() === 0)
    t.equal(await new HttpCheck({ url }).check(context).catch(() => 'rejected'), 'rejected', 'a run that begins aborted')
  }
})

test('an answer that is cut in the middle of its body is a lost connection', async t => {
  const bytes = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'
  const expect = { body: 'whole' }
  t.equal(await probe(t, { url: await rawSite(t, bytes, socket => socket.end()), expect })(), 'unavailable: connection lost')
  t.equal(await probe(t, { url: await rawSite(t, bytes, socket => setTimeout(() => socket.resetAndDestroy(), 50)), expect })(), 'unavailable: connection lost')
})

test('a connection that is lost once the verdict is known changes nothing', async t => {
  const url = await rawSite(t, 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', socket => socket.resetAndDestroy())
  const ask = probe(t, { url, expect: { headers: { 'content-length': '100' } } })
  for (let run = 0; run < 20; run++) t.equal(await ask(), 'working')
  await sleep(50)
})

test('what does not speak HTTP is told', async t => {
  t.equal(await probe(t, { url: await rawSite(t, 'SSH-2.0-OpenSSH_9.2\r\n') })(), 'unexpected result: the answer is not valid HTTP')
  t.equal(await probe(t, { url: await rawSite(t, '', socket => socket.end()) })(), 'unavailable: connection lost')
})

test('an upgrade that nobody asked for is no healthy answer, and its connection is closed', async t => {
  const { url, connections } = await hangingSite(t, 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n')
  t.equal(await probe(t, { url })(), 'unexpected result: answered 101')
  await until(async () => await connections() === 0)
})

test('a host that does not exist and a port where nobody listens are told, without their names', async t => {
  t.equal(await probe(t, { url: 'http://no-such-host.invalid/' })(), 'unavailable: host not found')
  t.equal(await probe(t, { url: `http://127.0.0.1:${await freePort()}/` })(), 'unavailable: connection refused')
})

test('HTTPS is answered over a connection that is kept; a certificate that is not trusted is told', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'http-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'])
  let accepted = 0
  const server = createSecureServer({ key: await readFile(key), cert: await readFile(cert) }, (_request, response) => { response.end('ok') })
  server.on('secureConnection', () => accepted++)
  const url = await listening(t, server, 'https', () => server.closeAllConnections())
  t.equal(await probe(t, { url })(), 'unavailable: certificate not trusted')
  t.equal(accepted, 0, 'nothing was asked')
  const script = `
    const { createHealth } = await import('${new URL('../../lib/index.ts', import.meta.url)}')
    const { HttpCheck } = await import('${new URL('../../lib/checks/http.ts', import.meta.url)}')
    const health = createHealth({ subsets: { web: [[HttpCheck, { url: '${url}', expect: { body: 'ok' } }]] } })
    for (let run = 0; run < 3; run++) console.log((await health.run('web')).results[0].status)
  `
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], { timeout: 20_000, env: { ...process.env, NODE_EXTRA_CA_CERTS: cert } })
  t.equal(stdout, 'working\nworking\nworking\n')
  t.equal(accepted, 1)
})

test('an authority and a certificate of the check count for its own origin, and can be used', async t => {
  const root = await startAuthority(t)
  const [server, client, other] = [await root.issue('shop'), await root.issue('client'), await selfSigned(t, 'shop')]
  let elsewhere = ''
  const secure = createSecureServer({ ...server, ca: root.certificate.cert, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const { authorized } = request.socket as TLSSocket
    if (request.url === '/away') response.writeHead(302, { location: elsewhere }).end()
    else response.writeHead(authorized ? 200 : 401).end()
  })
  const url = await listening(t, secure, 'https', () => secure.closeAllConnections())
  const ca = root.certificate.cert
  t.equal(await probe(t, { url })(), 'unavailable: certificate not trusted')
  t.equal(await probe(t, { url, ca })(), 'unexpected result: answered 401')
  t.equal(await probe(t, { url, ca, cert: client.cert, key: client.key })(), 'working')
  t.equal(await probe(t, { url, ca: other.cert })(), 'unavailable: certificate not trusted')
  const plain = await site(t, (_request, response) => { response.end() })
  elsewhere = plain.url
  t.equal(await probe(t, { url: `${url}/away`, ca, followRedirects: true })(), 'working')
  elsewhere = await listening(t, createSecureServer(server, (_request, response) => { response.end() }), 'https')
  t.equal(await probe(t, { url: `${url}/away`, ca, followRedirects: true })(), 'unavailable: certificate not trusted', 'another origin is nobody that the authority was given for')

  const strict = createSecureServer({ ...server, ca: root.certificate.cert, requestCert: true }, (_request, response) => { response.end() })
  const strictUrl = await listening(t, strict, 'https', () => strict.closeAllConnections())
  t.equal(await probe(t, { url: strictUrl, ca })(), 'unavailable: client certificate not accepted')
  t.equal(await probe(t, { url: strictUrl, ca, cert: client.cert, key: client.key })(), 'working')

  const faults = await new HttpCheck({ url, cert: client.cert }).requirements({} as never)
  t.match(faults, [{ message: '`cert` is given, and no `key`' }])
})

test('a Unix socket is asked in place of the host', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'http-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const socketPath = join(folder, 'service.sock')
  let location = ''
  const server = createServer((request, response) => {
    if (request.url === '/away') response.writeHead(302, { location }).end()
    else response.end(request.headers.host)
  })
  server.listen(socketPath)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  t.equal(await probe(t, { url: 'http://docker/info', socketPath, expect: { body: 'docker' } })(), 'working')
  location = (await site(t, (_request, response) => { response.end('elsewhere') })).url
  t.equal(await probe(t, { url: 'http://docker/away', socketPath, followRedirects: true, expect: { body: 'elsewhere' } })(), 'working')
  t.equal(await probe(t, { url: 'http://docker/', socketPath: join(folder, 'ghost.sock') })(), 'unavailable: no such file or folder')
})

test('HTTPS towards a server that does not speak TLS is told', async t => {
  const { url } = await site(t, (_request, response) => { response.end() })
  t.equal(await probe(t, { url: url.replace('http:', 'https:') })(), 'unavailable: TLS handshake failed')
})

test('an open connection does not keep the process alive', async t => {
  const { url } = await site(t, (_request, response) => { response.end('ok') })
  const script = `
    const { createHealth } = await import('${new URL('../../lib/index.ts', import.meta.url)}')
    const { HttpCheck } = await import('${new URL('../../lib/checks/http.ts', import.meta.url)}')
    const health = createHealth({ subsets: { web: [[HttpCheck, { url: '${url}' }]] } })
    console.log((await health.run('web')).results[0].status)
    const settled = performance.now()
    process.on('exit', () => console.log(performance.now() - settled < 1000 ? 'ended' : 'lingered'))
  `
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], { timeout: 20_000 })
  t.equal(stdout, 'working\nended\n')
})

test('options that do not fit are told, and headers are not shown', async t => {
  const url = 'https://example.org/'
  const good: unknown[] = [
    { url }, { url: 'http://[::1]:8080/x?y=1' }, { url, method: 'PATCH', headers: { 'X-Key': 'a b' }, body: '', followRedirects: true, maxBytes: 1 },
    { url, expect: { status: [200, 204], headers: { etag: /./ }, body: 'ok', json: { a: 1 } } },
  ]
  for (const values of good) t.strictSame(violations(HttpCheck.rules, values as Record<string, unknown>), [], JSON.stringify(values))
  const bad: unknown[] = [
    {}, { url: 'ftp://example.org' }, { url: 'http://me:100%@example.org' }, { url: 'example.org' }, { url: 1 }, { url, method: 'get' }, { url, method: 'CONNECT' }, { url, method: 'FETCH' },
    { url, headers: null }, { url, headers: [] }, { url, headers: 'x: y' }, { url, headers: { 'a b': 'x' } }, { url, headers: { a: 'x\ny' } }, { url, headers: { a: 1 } },
    { url, body: { a: 1 } }, { url, expect: 200 }, { url, expect: { status: 'ok' } }, { url, followRedirects: 3 },
    { url, maxBytes: 0 }, { url, maxBytes: 1.5 }, { url, maxbytes: 1 },
    { url, socketPath: '' }, { url, ca: 'x' }, { url, key: 5 },
  ]
  for (const values of bad) t.equal(violations(HttpCheck.rules, values as Record<string, unknown>).length, 1, JSON.stringify(values))
  t.notMatch(JSON.stringify(violations(HttpCheck.rules, { url: 'ftp://me:secret@host', headers: ['Bearer secret'] })), /secret@|Bearer/)
})

test('a body expected of HEAD is told at boot', async t => {
  const told = async (options: HttpOptions) => (await new HttpCheck(options).requirements({} as never)).map(({ message }) => message)
  const message = 'a body is expected of the answer to HEAD, which has none'
  const url = 'http://example.org/'
  t.strictSame(await told({ url, method: 'HEAD', expect: { body: 'ok' } }), [message])
  t.strictSame(await told({ url, method: 'HEAD', expect: { json: {} } }), [message])
  t.strictSame(await told({ url, method: 'HEAD' }), [])
  t.strictSame(await told({ url, expect: { body: 'ok' } }), [])
})
