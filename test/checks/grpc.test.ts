import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { constants, createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client, connectivityState, credentials, Server, ServerCredentials } from '@grpc/grpc-js'
import { test, type Test } from 'tap'
import GRPCCheckByDefault, { GRPCCheck, type GRPCOptions } from '../../lib/checks/grpc.js'
import { addHealthService } from '../../lib/grpc.js'
import { createHealth, defineCheck } from '../../lib/index.js'
import { violations } from '../../lib/values/rules.js'
import type { EntryOptions } from '../../types/check.js'
import { asking as oneCheck, faultsOf, keepsOneConnection } from '../helpers/asking.js'
import { startAuthority } from '../helpers/certificates.js'
import { startDeaf } from '../helpers/deaf.js'
import { startGRPC } from '../helpers/grpc.js'
import { socketsTo, until } from '../helpers/leaks.js'
import { listening } from '../helpers/listening.js'
import { startRelay } from '../helpers/relay.js'
import { freePort } from '../helpers/server.js'

function asking (t: Test, options: GRPCOptions & EntryOptions) {
  const health = createHealth({ subsets: { rpc: [[GRPCCheck, { timeout: 5000, ...options }]] } })
  t.teardown(async () => await health.close())
  return Object.assign(async () => (await health.run('rpc')).results[0]?.status, { health })
}

async function bind (server: Server, address = '127.0.0.1:0'): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => error === null ? resolve(port) : reject(error))
  })
}

/** A server that does as it is told with each client that has said something. */
async function raw (t: Test, use: (socket: Socket) => void): Promise<string> {
  return `127.0.0.1:${await listening(t, createServer(socket => { socket.once('data', () => use(socket)) }))}`
}

test('the health service of another implementation is understood, over one connection', async t => {
  const server = await startGRPC(t)
  const relay = await startRelay(t, server.port)
  server.say({ '': 1, 'shop.v1.Orders': 2, 'shop.v1.Mail': 3, odd: 0, later: 'UNAUTHENTICATED', never: 'PERMISSION_DENIED', broken: 'INTERNAL', away: 'UNAVAILABLE', full: 'RESOURCE_EXHAUSTED', late: 'DEADLINE_EXCEEDED' })
  const target = `127.0.0.1:${relay.port}`
  const ask = asking(t, { target })
  for (let n = 0; n < 100; n++) t.equal(await ask(), 'working')
  t.equal(relay.accepted, 1)
  await ask.health.close()
  await until(() => relay.connections === 0)
  for (const [service, status] of [
    ['shop.v1.Orders', 'unavailable: not serving'],
    ['shop.v1.Mail', 'unexpected result: the server knows no such service'],
    ['ghost', 'unexpected result: the server knows no such service'],
    ['odd', 'unexpected result: the server says status 0'],
    ['later', 'unavailable: authentication failed'],
    ['never', 'unavailable: permission denied'],
    ['broken', 'unavailable: answered INTERNAL'],
    ['away', 'unavailable: answered UNAVAILABLE'],
    ['full', 'unavailable: answered RESOURCE_EXHAUSTED'],
    ['late', 'unavailable: timed out'],
  ] as const) {
    const accepted = relay.accepted
    const ask = asking(t, { target, service })
    for (let n = 0; n < 3; n++) t.equal(await ask(), status)
    t.equal(relay.accepted, accepted + 1, 'an answer of any kind keeps the connection')
    await ask.health.close()
  }
})

test('one connection is kept over restarts and outages of the server, and none is left', async t => {
  const server = await startGRPC(t)
  const relay = await startRelay(t, server.port)
  await keepsOneConnection(t, oneCheck(t, [GRPCCheck, { target: `127.0.0.1:${relay.port}` }]), server, relay)
})

test('the service that this package makes is understood, and a server without one is told', async t => {
  const health = createHealth({ subsets: { readiness: [defineCheck({ identifier: 'Fine', check () {} })] } })
  const [server, bare] = [new Server(), new Server()]
  t.teardown(async () => {
    server.forceShutdown()
    bare.forceShutdown()
    await health.close()
  })
  addHealthService(server, health)
  const target = `127.0.0.1:${await bind(server)}`
  t.equal(await asking(t, { target, service: 'readiness' })(), 'working')
  t.equal(await asking(t, { target, service: 'ghost' })(), 'unexpected result: the server knows no such service')
  await health.drain()
  t.equal(await asking(t, { target })(), 'unavailable: not serving')
  t.equal(await asking(t, { target: `127.0.0.1:${await bind(bare)}` })(), 'unexpected result: the server has no health service')
})

test('a server is healthy in the first probe after an outage, whatever a client of gRPC would wait', async t => {
  const server = await startGRPC(t)
  const relay = await startRelay(t, server.port)
  const ask = asking(t, { target: `127.0.0.1:${relay.port}` })
  t.equal(await ask(), 'working')
  for (let n = 0; n < 3; n++) {
    await relay.refuse()
    for (let n = 0; n < 3; n++) t.equal(await ask(), 'unavailable: connection refused')
    await relay.pass()
    t.equal(await ask(), 'working')
    await relay.cut(1)
    t.equal(await ask(), 'unavailable: connection lost')
    await relay.pass()
    t.equal(await ask(), 'working')
  }
  await ask.health.close()
  const first = asking(t, { target: `127.0.0.1:${relay.port}` })
  await relay.refuse()
  t.equal(await first(), 'unavailable: connection refused')
  await relay.pass()
  t.equal(await first(), 'working', 'also where it was never connected')
})

test('what waits to connect again when it is given up leaves no connection behind', async t => {
  const server = await startGRPC(t)
  const relay = await startRelay(t, server.port)
  const ask = asking(t, { target: `127.0.0.1:${relay.port}` })
  await relay.refuse()
  for (let n = 0; n < 3; n++) t.equal(await ask(), 'unavailable: connection refused')
  await ask.health.close()
  await relay.pass()
  // Longer than a channel waits.
  await sleep(1500)
  t.equal(relay.connections, 0)
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
  t.equal(await asking(t, { target: mutual, tls: { ca } })(), 'unavailable: connection lost')
  const plain = await startGRPC(t)
  t.equal(await asking(t, { target: plain.url, tls: true })(), 'unavailable: TLS handshake failed')
})

test('what else can go wrong is told in plain words', async t => {
  t.equal(await asking(t, { target: `127.0.0.1:${await freePort()}` })(), 'unavailable: connection refused')
  t.equal(await asking(t, { target: 'nowhere.invalid:1' })(), 'unavailable: host not found')
  t.equal(await asking(t, { target: await raw(t, socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')) })(), 'unavailable: what answers does not speak gRPC')
  t.equal(await asking(t, { target: await raw(t, socket => socket.resetAndDestroy()) })(), 'unavailable: connection lost')
})

test('a proxy of the environment is not asked', async t => {
  const server = await startGRPC(t)
  const { grpc_proxy: before } = process.env
  t.teardown(() => {
    if (before === undefined) delete process.env['grpc_proxy']
    else process.env['grpc_proxy'] = before
  })
  process.env['grpc_proxy'] = `http://127.0.0.1:${await freePort()}`
  t.equal(await asking(t, { target: server.url })(), 'working')
})

test('a server that is stopped is given up with its socket when the time is over, and the next run connects anew', async t => {
  const server = await startGRPC(t)
  const ask = asking(t, { target: server.url, timeout: 300 })
  t.equal(await ask(), 'working')
  t.equal(socketsTo(server.port), 1)
  server.freeze()
  for (let n = 0; n < 3; n++) {
    t.equal(await ask(), 'unavailable: timed out after 300 ms')
    await until(() => socketsTo(server.port) === 0)
  }
  server.thaw()
  ask.health.settings.timeout = 5000
  t.equal(await ask(), 'working')
  server.freeze()
  const begun = performance.now()
  await ask.health.close()
  t.ok(performance.now() - begun < 1000, 'closing does not wait for it')
  await until(() => socketsTo(server.port) === 0)
})

test('a server that does not even accept connections is given up with its socket', async t => {
  const { port } = await startDeaf(t)
  const before = socketsTo(port)
  t.equal(await asking(t, { target: `127.0.0.1:${port}`, timeout: 300 })(), 'unavailable: timed out after 300 ms')
  await until(() => socketsTo(port) === before)
})

test('closing ends a run that is under way, and its connection', async t => {
  const server = await startGRPC(t)
  const relay = await startRelay(t, server.port)
  for (const isConnected of [false, true]) {
    const ask = asking(t, { target: `127.0.0.1:${relay.port}` })
    if (isConnected) t.equal(await ask(), 'working')
    await relay.silence()
    const status = ask()
    await until(() => relay.connections === 1)
    await ask.health.close()
    t.equal(await status, 'unavailable: closing')
    await until(() => relay.connections === 0)
    await relay.pass()
  }
})

test('a process ends by itself once it has closed, whatever the server did', async t => {
  const server = await startGRPC(t)
  const relay = await startRelay(t, server.port)
  const index = new URL('../../lib/index.ts', import.meta.url).href
  const probing = async (timeout: number) => {
    const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, '--input-type=module', '--eval', `
      import { createHealth } from '${index}'
      const health = createHealth({ timeout: ${timeout}, subsets: { rpc: [['fastify-health/checks/grpc', { target: '127.0.0.1:${relay.port}' }]] } })
      const { results } = await health.run('rpc')
      await health.close()
      process.stdout.write(results[0].status)
    `], { timeout: 60_000 })
    return stdout.split('\n').at(-1)
  }
  t.match(await probing(20_000), /working$/)
  await relay.cut(60)
  t.match(await probing(20_000), /unavailable: connection lost$/)
  await relay.refuse()
  await relay.silence()
  t.match(await probing(500), /unavailable: timed out after 500 ms$/)
})

test('a client of the app is asked, and not closed', async t => {
  const server = await startGRPC(t)
  const relay = await startRelay(t, server.port)
  const client = new Client(`127.0.0.1:${relay.port}`, credentials.createInsecure(), { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 100 })
  t.teardown(() => client.close())
  server.say({ 'shop.v1.Orders': 1, '': 2 })
  const decorators = { clients: { orders: client } }
  const ask = oneCheck(t, [GRPCCheck, { client: 'clients.orders', service: 'shop.v1.Orders' }], decorators)
  t.equal(await ask(), 'working')
  t.equal(await oneCheck(t, [GRPCCheck, { client: () => client }])(), 'unavailable: not serving')
  t.equal(await oneCheck(t, [GRPCCheck, { client, service: 'ghost' }])(), 'unexpected result: the server knows no such service')
  await relay.refuse()
  t.equal(await ask(), 'unavailable: connection refused')
  await relay.pass()
  await until(async () => await ask() === 'working')
  ask.health.settings.timeout = 300
  await relay.silence()
  for (let n = 0; n < 2; n++) t.equal(await ask(), 'unavailable: timed out after 300 ms')
  await relay.pass()
  ask.health.settings.timeout = 20_000
  await until(async () => await ask() === 'working')
  t.equal(relay.connections, 1)
  await ask.health.close()
  t.equal(relay.connections, 1)
  client.close()
  t.equal(await oneCheck(t, [GRPCCheck, { client }])(), 'unavailable: client is closed')
})

test('a client that the app closes during a run is told', async t => {
  const client = new Client(await raw(t, () => {}), credentials.createInsecure())
  const status = oneCheck(t, [GRPCCheck, { client }])()
  await until(() => client.getChannel().getConnectivityState(false) === connectivityState.CONNECTING)
  client.close()
  t.equal(await status, 'unavailable: client is closed')
})

test('one of the two has to be given, and be what it must be', async t => {
  t.strictSame(await faultsOf(t, [GRPCCheck, {}]), ['E007 neither `client` nor `target` is given'])
  t.strictSame(await faultsOf(t, [GRPCCheck, { client: 'orders', target: 'shop:1' }], { orders: {} }), ['E007 both `client` and `target` are given'])
  t.strictSame(await faultsOf(t, [GRPCCheck, { client: 'orders' }], { orders: {} }), ['E007 app.orders is an object, and not a client of @grpc/grpc-js'])
  t.strictSame(await faultsOf(t, [GRPCCheck, { client: 'orders', tls: true }], { orders: {} }), ['E007 `tls` is given with `client`'])
  t.equal(await oneCheck(t, [GRPCCheck, { client: 'orders', tls: true }], { orders: {} })(), 'unknown error: E007 `tls` is given with `client`')
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
    ['unavailable: answered RESOURCE_EXHAUSTED', stream => stream.respond({ ':status': 200, 'grpc-status': '8', 'grpc-message': 'full' }, { endStream: true })],
    ['unavailable: answered FAILED_PRECONDITION', stream => stream.respond({ ':status': 200, 'grpc-status': '9' }, { endStream: true })],
    ['unavailable: what answers does not speak gRPC', ended(Buffer.from('pong'))],
    ['unavailable: what answers does not speak gRPC', ended(Buffer.from([1, 0, 0, 0, 0]))],
    ['unavailable: what answers does not speak gRPC', ended(Buffer.from([0, 0, 0, 0, 1]))],
    ['unavailable: what answers does not speak gRPC', ended(Buffer.from([0, 0, 0, 0, 1, 8]))],
    ['unexpected result: the server says status 7', ended(Buffer.from([0, 0, 0, 0, 2, 8, 7]))],
    ['unexpected result: the answer is too long', ended(Buffer.concat([Buffer.from([0, 0, 0, 0x20, 0]), Buffer.alloc(8192)]))],
    ['unavailable: answered UNAVAILABLE', stream => stream.close(constants.NGHTTP2_REFUSED_STREAM)],
    ['unavailable: what answers does not speak gRPC', stream => stream.close(constants.NGHTTP2_NO_ERROR)],
    ['unavailable: answered INTERNAL', stream => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
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
  // The path of a Unix socket has to be short.
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 's')
  await bind(server, `unix:${path}`)
  for (const target of [`unix:${path}`, `unix://${path}`]) t.equal(await asking(t, { target })(), 'working')
  const port = await bind(server, '[::1]:0')
  const named = await bind(server)
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
  for (const values of [{ client: 'orders' }, { target }, { target: 'dns:///shop' }, { target: '[::1]:1' }, { target: 'ipv6:[::1]:1' }, { target: 'unix:///run/shop' }, { target, service: '' }, { target, tls: true }, { target, tls: {} }, { target, tls: { ca, cert: ca, key: ca, servername: 'a' } }, { target, tls: { ca: undefined } }]) {
    t.strictSame(violations(GRPCCheck.rules, values), [], JSON.stringify(values))
  }
  for (const values of [{ target: '' }, { target: 1 }, { target: 'shop:0' }, { target: 'shop:70000' }, { target: 'xds:///shop' }, { target: 'http://shop' }, { target: 'unix:' }, { target, service: 1 }, { target, tls: 'yes' }, { target, tls: null }, { target, tls: { ca: 'file' } }, { target, tls: { insecure: true } }, { target, tls: { servername: '' } }]) {
    t.equal(violations(GRPCCheck.rules, values).length, 1, JSON.stringify(values))
  }
  t.end()
})
