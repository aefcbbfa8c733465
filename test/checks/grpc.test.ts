import { once } from 'node:events'
import { constants, createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { test, type Test } from 'tap'
import GRPCCheckByDefault, { GRPCCheck, type GRPCOptions } from '../../lib/checks/grpc.js'
import { addHealthService } from '../../lib/grpc.js'
import { createHealth, defineCheck } from '../../lib/index.js'
import { violations } from '../../lib/values/rules.js'
import type { EntryOptions } from '../../types/check.js'
import { startAuthority } from '../helpers/certificates.js'
import { startGRPC } from '../helpers/grpc.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startRelay } from '../helpers/relay.js'
import { freePort } from '../helpers/server.js'

function asking (t: Test, options: GRPCOptions & EntryOptions) {
  const health = createHealth({ subsets: { rpc: [[GRPCCheck, { timeout: 5000, ...options }]] } })
  t.teardown(async () => await health.close())
  return Object.assign(async () => (await health.run('rpc')).results[0]?.status, { health })
}

/** A server that does as it is told with each client that has said something. */
async function raw (t: Test, use: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => use(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('the health service of another implementation is understood, over one connection', async t => {
  const server = await startGRPC(t)
  const relay = await startRelay(t, server.port)
  server.say({ '': 1, 'shop.v1.Orders': 2, 'shop.v1.Mail': 3, odd: 0, later: 'UNAUTHENTICATED', never: 'PERMISSION_DENIED', broken: 'INTERNAL', away: 'UNAVAILABLE', late: 'DEADLINE_EXCEEDED' })
  const target = `127.0.0.1:${relay.port}`
  const ask = asking(t, { target })
  for (let n = 0; n < 3; n++) t.equal(await ask(), 'working')
  t.equal(relay.accepted, 1)
  for (const [service, status] of [
    ['shop.v1.Orders', 'unavailable: not serving'],
    ['shop.v1.Mail', 'unexpected result: the server knows no such service'],
    ['ghost', 'unexpected result: the server knows no such service'],
    ['odd', 'unexpected result: the server says status 0'],
    ['later', 'unavailable: authentication failed'],
    ['never', 'unavailable: permission denied'],
    ['broken', 'unavailable: failed with code 13 of gRPC'],
    ['away', 'unavailable: failed with code 14 of gRPC'],
    ['late', 'unavailable: timed out'],
  ] as const) t.equal(await asking(t, { target, service })(), status)
  await ask.health.close()
})

test('the service that this package makes is understood, and a server without one is told', async t => {
  const health = createHealth({ subsets: { readiness: [defineCheck({ identifier: 'Fine', check () {} })] } })
  const bind = async (server: Server) => await new Promise<string>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => error === null ? resolve(`127.0.0.1:${port}`) : reject(error))
  })
  const [server, bare] = [new Server(), new Server()]
  t.teardown(async () => {
    server.forceShutdown()
    bare.forceShutdown()
    await health.close()
  })
  addHealthService(server, health)
  const target = await bind(server)
  t.equal(await asking(t, { target, service: 'readiness' })(), 'working')
  await health.drain()
  t.equal(await asking(t, { target })(), 'unavailable: not serving')
  t.equal(await asking(t, { target: await bind(bare) })(), 'unexpected result: the server has no health service')
})

test('TLS, of the server alone and of both', async t => {
  const root = await startAuthority(t)
  const [certificate, client] = [await root.issue('shop'), await root.issue('client')]
  const { cert: ca } = root.certificate
  const target = `localhost:${(await startGRPC(t, { certificate })).port}`
  t.equal(await asking(t, { target, tls: { ca } })(), 'working')
  t.equal(await asking(t, { target, tls: true })(), 'unavailable: certificate not trusted')
  t.equal(await asking(t, { target, tls: { ca, servername: 'elsewhere.test' } })(), 'unavailable: certificate not trusted')
  t.equal(await asking(t, { target })(), 'unavailable: connection lost')
  t.equal(await asking(t, { target: target.replace('localhost', '127.0.0.1'), tls: { ca } })(), 'working', 'an address is checked, too')
  const mutual = `localhost:${(await startGRPC(t, { certificate, ca })).port}`
  t.equal(await asking(t, { target: mutual, tls: { ca: [Buffer.from(ca)], cert: client.cert, key: client.key, servername: 'localhost' } })(), 'working')
  t.match(await asking(t, { target: mutual, tls: { ca } })(), /^unavailable: (?:TLS handshake failed|connection lost|what answers does not speak gRPC)$/)
  const plain = await startGRPC(t)
  t.equal(await asking(t, { target: plain.url, tls: true })(), 'unavailable: TLS handshake failed')
})

test('what else can go wrong is told in plain words', async t => {
  t.equal(await asking(t, { target: `127.0.0.1:${await freePort()}` })(), 'unavailable: connection refused')
  t.equal(await asking(t, { target: 'nowhere.invalid:1' })(), 'unavailable: host not found')
  t.equal(await asking(t, { target: await raw(t, socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')) })(), 'unavailable: what answers does not speak gRPC')
  t.equal(await asking(t, { target: await raw(t, socket => socket.resetAndDestroy()) })(), 'unavailable: connection lost')
})

test('a server that hangs is given up with its socket when the time is over, and the next run connects anew', async t => {
  const server = await startGRPC(t)
  const relay = await startRelay(t, server.port)
  const ask = asking(t, { target: `127.0.0.1:${relay.port}`, timeout: 300 })
  const before = openSockets()
  await relay.silence()
  t.equal(await ask(), 'unavailable: timed out after 300 ms')
  await until(() => relay.connections === 0 && openSockets() <= before)
  await relay.pass()
  await ask.health.close()
  const patient = asking(t, { target: `127.0.0.1:${relay.port}` })
  t.equal(await patient(), 'working')
  await relay.silence()
  patient.health.settings.timeout = 300
  await patient.health.close()
  await until(() => relay.connections === 0)
})

/** A server of HTTP/2 that answers as it is told. */
async function http2 (t: Test, answer: (stream: ServerHttp2Stream) => void): Promise<string> {
  const server = createHttp2Server()
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', session => sessions.add(session))
  server.on('stream', stream => {
    stream.on('error', () => {})
    answer(stream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const session of sessions) session.destroy()
    await new Promise<void>(resolve => server.close(() => resolve()))
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('what speaks HTTP/2 and no gRPC, or breaks off, is told', async t => {
  const ended = (bytes: Buffer) => (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(bytes)
  }
  const cases: Array<[string, (stream: ServerHttp2Stream) => void]> = [
    ['unexpected result: answered 502, and not in gRPC', stream => stream.respond({ ':status': 502 }, { endStream: true })],
    ['unavailable: what answers does not speak gRPC', stream => { stream.respond({ ':status': 200 }); stream.end('pong') }],
    ['unavailable: failed with code 8 of gRPC', stream => stream.respond({ ':status': 200, 'grpc-status': '8', 'grpc-message': 'full' }, { endStream: true })],
    ['unavailable: failed with code 9 of gRPC', stream => stream.respond({ ':status': 200, 'grpc-status': '9' }, { endStream: true })],
    ['unavailable: what answers does not speak gRPC', ended(Buffer.from('pong'))],
    ['unavailable: what answers does not speak gRPC', ended(Buffer.from([1, 0, 0, 0, 0]))],
    ['unavailable: what answers does not speak gRPC', ended(Buffer.from([0, 0, 0, 0, 1]))],
    ['unexpected result: the server says status 7', ended(Buffer.from([0, 0, 0, 0, 2, 8, 7]))],
    ['unexpected result: the answer is too long', ended(Buffer.alloc(10_000))],
    ['unavailable: connection lost', stream => stream.close(constants.NGHTTP2_REFUSED_STREAM)],
    ['unavailable: connection lost', stream => stream.close(constants.NGHTTP2_NO_ERROR)],
    ['unavailable: what answers does not speak gRPC', stream => stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED)],
    ['unavailable: connection lost', stream => stream.session?.destroy()],
  ]
  for (const [status, answer] of cases) t.equal(await asking(t, { target: await http2(t, answer) })(), status)
})

test('a connection that was closed meanwhile is made anew, and what is kept ends with the registry', async t => {
  const sessions: ServerHttp2Session[] = []
  const target = await http2(t, stream => {
    sessions.push(stream.session as ServerHttp2Session)
    stream.respond({ ':status': 200, 'grpc-status': '16' }, { endStream: true })
  })
  const ask = asking(t, { target })
  for (let n = 0; n < 2; n++) t.equal(await ask(), 'unavailable: authentication failed')
  t.equal(new Set(sessions).size, 1, 'an answer of any kind keeps the connection')
  sessions[0]?.destroy()
  t.equal(await ask(), 'unavailable: authentication failed')
  t.equal(new Set(sessions).size, 2)
  await ask.health.close()
  await until(() => sessions.every(session => session.destroyed))
})

test('a server on a Unix socket, and one at an address of IPv6', async t => {
  const server = new Server()
  t.teardown(() => server.forceShutdown())
  const health = createHealth({ subsets: { readiness: [] } })
  t.teardown(async () => await health.close())
  addHealthService(server, health)
  const path = join(t.testdir({}), 's')
  const bind = async (address: string) => await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => error === null ? resolve(port) : reject(error))
  })
  await bind(`unix:${path}`)
  for (const target of [`unix:${path}`, `unix://${path}`]) t.equal(await asking(t, { target })(), 'working')
  const port = await bind('[::1]:0')
  const named = await bind('127.0.0.1:0')
  for (const target of [`[::1]:${port}`, `ipv6:[::1]:${port}`, `dns:///localhost:${named}`]) t.equal(await asking(t, { target })(), 'working', target)
})

test('TLS that cannot be used is told at boot', async t => {
  const root = await startAuthority(t)
  const { cert } = root.certificate
  t.match(await asking(t, { target: 'shop:1', tls: { cert } }).health.systemChecks(), [{ id: 'E007', message: '`cert` is given, and no `key`' }])
  t.strictSame(await asking(t, { target: 'shop:1', tls: { ca: cert } }).health.systemChecks(), [])
})

test('it is the default of its module, and asks something shared', t => {
  t.equal(GRPCCheckByDefault, GRPCCheck)
  t.equal(GRPCCheck.scope, 'shared')
  t.end()
})

test('options that do not fit are told', t => {
  const target = 'shop:1'
  const ca = '-----BEGIN CERTIFICATE-----'
  for (const values of [{ target }, { target: 'dns:///shop' }, { target: '[::1]:1' }, { target: 'ipv6:[::1]:1' }, { target: 'unix:///run/shop' }, { target, service: '' }, { target, tls: true }, { target, tls: {} }, { target, tls: { ca, cert: ca, key: ca, servername: 'a' } }, { target, tls: { ca: undefined } }]) {
    t.strictSame(violations(GRPCCheck.rules, values), [], JSON.stringify(values))
  }
  for (const values of [{}, { target: '' }, { target: 1 }, { target: 'shop:0' }, { target: 'shop:70000' }, { target: 'xds:///shop' }, { target: 'http://shop' }, { target: 'unix:' }, { target, service: 1 }, { target, tls: 'yes' }, { target, tls: null }, { target, tls: { ca: 'file' } }, { target, tls: { insecure: true } }, { target, tls: { servername: '' } }]) {
    t.equal(violations(GRPCCheck.rules, values).length, 1, JSON.stringify(values))
  }
  t.end()
})
