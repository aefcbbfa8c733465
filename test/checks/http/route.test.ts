import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { test, type Test } from 'tap'
import { HttpCheck, type HttpOptions } from '../../../lib/checks/http.js'
import { createHealth } from '../../../lib/index.js'
import { ResourceStore } from '../../../lib/engine/resources.js'
import type { CheckContext, EntryOptions } from '../../../types/check.js'
import { startAuthority } from '../../helpers/certificates.js'
import { openSockets, until } from '../../helpers/leaks.js'
import { startProxy, withProxyVariables, type ProxyMode } from '../../helpers/proxy.js'
import { freePort } from '../../helpers/server.js'

async function serving (t: Test, server: Server, scheme = 'http') {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { port, url: `${scheme}://127.0.0.1:${port}`, accepted: () => sockets.size }
}

const site = async (t: Test, listener: RequestListener) => await serving(t, createServer(listener))

async function secureSite (t: Test, listener: RequestListener) {
  const root = await startAuthority(t)
  const certificate = await root.issue('shop', { for: 'DNS:shop.example,IP:127.0.0.1' })
  return { ...await serving(t, createSecureServer(certificate, listener), 'https'), ca: root.certificate.cert }
}

function probe (t: Test, options: HttpOptions & EntryOptions) {
  const health = createHealth({ subsets: { web: [[HttpCheck, { timeout: 2000, proxy: true, ...options }]] } })
  t.teardown(() => health.close())
  const ask = async () => (await health.run('web')).results[0]?.status
  return Object.assign(ask, { close: async () => await health.close(), faults: async () => (await health.systemChecks()).map(({ id, message }) => `${id} ${message}`) })
}

test('an https URL is asked through a tunnel, which is kept between runs and closed with the registry', async t => {
  const { port, accepted, ca } = await secureSite(t, (request, response) => { response.end(request.headers.host) })
  const proxy = await startProxy(t, { target: port })
  withProxyVariables(t, { HTTPS_PROXY: proxy.url, HTTP_PROXY: 'http://127.0.0.1:1' })
  const before = openSockets()
  const ask = probe(t, { url: 'https://shop.example/ping', ca, expect: { body: 'shop.example' } })
  t.strictSame(await ask.faults(), [])
  for (let run = 0; run < 5; run++) t.equal(await ask(), 'working')
  t.strictSame(proxy.asked, ['CONNECT shop.example:443'])
  t.equal(accepted(), 1)
  await ask.close()
  await until(async () => await proxy.connections() === 0 && proxy.onward === 0 && openSockets() === before)
})

test('an http URL is asked of the proxy itself, over one connection', async t => {
  const seen: IncomingHttpHeaders[] = []
  const { port } = await site(t, (request, response) => {
    seen.push(request.headers)
    response.end(request.url)
  })
  const proxy = await startProxy(t, { target: port })
  withProxyVariables(t, { http_proxy: proxy.url.replace('//', '//proxy:p%40ss@') })
  const ask = probe(t, { url: 'http://me:secret@shop.example:8080/ping?a=1#x', method: 'POST', body: 'x', expect: { body: '/ping?a=1' } })
  for (let run = 0; run < 5; run++) t.equal(await ask(), 'working')
  t.strictSame(new Set(proxy.asked), new Set(['POST http://shop.example:8080/ping?a=1']))
  t.equal(proxy.accepted, 1)
  t.equal(proxy.headers['proxy-authorization'], `Basic ${Buffer.from('proxy:p@ss').toString('base64')}`)
  t.match(seen[0], { host: 'shop.example:8080', authorization: `Basic ${Buffer.from('me:secret').toString('base64')}`, 'proxy-authorization': undefined })
  await ask.close()
  await until(async () => await proxy.connections() === 0)
})

test('a header of its own is sent in place of the one that the route has', async t => {
  let host: string | undefined
  const { url } = await site(t, (request, response) => {
    host = request.headers.host
    response.end()
  })
  withProxyVariables(t, { HTTP_PROXY: (await startProxy(t)).url })
  t.equal(await probe(t, { url, headers: { Host: 'shop.example' } })(), 'working')
  t.equal(host, 'shop.example')
})

test('a proxy is asked only where the option says so, and never for hosts of NO_PROXY', async t => {
  const { url } = await site(t, (_request, response) => { response.end() })
  const proxy = await startProxy(t)
  withProxyVariables(t, { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: 'shop.example, 127.0.0.0/8' })
  t.equal(await probe(t, { url })(), 'working')
  t.strictSame(proxy.asked, [])
  withProxyVariables(t, { HTTP_PROXY: proxy.url })
  t.equal(await probe(t, { url, proxy: false })(), 'working')
  t.strictSame(proxy.asked, [])
  t.equal(await probe(t, { url })(), 'working')
  t.strictSame(proxy.asked, [`GET ${url}/`])
  withProxyVariables(t, {})
  t.equal(await probe(t, { url })(), 'working')
  t.equal(proxy.asked.length, 1)
})

test('each redirect is asked through the proxy of its own scheme, and only the first origin is kept', async t => {
  const { port, ca } = await secureSite(t, (_request, response) => { response.writeHead(302, { location: 'http://plain.example/' }).end() })
  const plain = await site(t, (request, response) => {
    if (request.headers.host === 'plain.example') response.writeHead(302, { location: 'https://other.example/' }).end()
    else response.end()
  })
  const [secureProxy, plainProxy] = [await startProxy(t, { target: port }), await startProxy(t, { target: plain.port })]
  withProxyVariables(t, { HTTPS_PROXY: secureProxy.url, HTTP_PROXY: plainProxy.url })
  const ask = probe(t, { url: 'https://shop.example/', ca, followRedirects: true })
  t.equal(await ask(), 'unavailable: certificate not trusted', 'the authority was given for the first origin')
  t.strictSame([secureProxy.asked, plainProxy.asked], [['CONNECT shop.example:443', 'CONNECT other.example:443'], ['GET http://plain.example/']])
  await until(async () => await secureProxy.connections() === 1 && await plainProxy.connections() === 0)
})

test('what the proxy does is told in plain words, and leaves no connection', async t => {
  const secure = await secureSite(t, (_request, response) => { response.end() })
  const plain = await site(t, (_request, response) => { response.end() })
  const proxy = await startProxy(t)
  withProxyVariables(t, { HTTPS_PROXY: proxy.url.replace('//', '//canary:canary@'), HTTP_PROXY: proxy.url.replace('//', '//canary:canary@') })
  const before = openSockets()
  const told: string[] = []
  for (const [mode, ofSecure, ofPlain] of [
    [407, 'unavailable: the proxy answered 407', 'unavailable: the proxy answered 407'],
    [502, 'unavailable: the proxy answered 502', 'unexpected result: answered 502'],
    ['cut', 'unavailable: the proxy closed the connection', 'unavailable: the proxy closed the connection'],
    ['garbage', 'unexpected result: the answer of the proxy is not valid HTTP', 'unexpected result: the answer of the proxy is not valid HTTP'],
    ['cut tunnel', 'unavailable: connection lost', undefined],
    ['frozen', 'unavailable: timed out after 300 ms', 'unavailable: timed out after 300 ms'],
    ['silent', 'unavailable: timed out after 300 ms', 'unavailable: timed out after 300 ms'],
    ['pass', 'working', 'working'],
  ] as Array<[ProxyMode, string, string | undefined]>) {
    proxy.mode = mode
    for (const [{ url, ca }, status] of [[secure, ofSecure], [{ ...plain, ca: undefined }, ofPlain]] as const) {
      if (status === undefined) continue
      const ask = probe(t, { url, ...ca === undefined ? {} : { ca }, timeout: typeof mode === 'string' && /frozen|silent/.test(mode) ? 300 : 2000 })
      for (let run = 0; run < 2; run++) t.equal(await ask(), status, `${mode}`)
      if (mode !== 'pass') await until(async () => await proxy.connections() === 0)
      told.push(JSON.stringify(await ask()))
      await ask.close()
    }
    await until(async () => await proxy.connections() === 0 && proxy.onward === 0 && openSockets() === before)
  }
  t.notMatch(told.join(), /canary|127\.0\.0\.1/)
  await proxy.close()
  for (const { url } of [secure, plain]) t.equal(await probe(t, { url })(), 'unavailable: the proxy cannot be reached: connection refused')
})

test('a host that the proxy cannot reach is told', async t => {
  const proxy = await startProxy(t)
  withProxyVariables(t, { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url })
  t.equal(await probe(t, { url: `https://127.0.0.1:${await freePort()}` })(), 'unavailable: connection lost')
  t.equal(await probe(t, { url: `http://127.0.0.1:${await freePort()}` })(), 'unexpected result: answered 502')
})

test('a kept connection that the proxy has closed is no failure', async t => {
  const { url, ca } = await secureSite(t, (_request, response) => { response.end() })
  const plain = await site(t, (_request, response) => { response.end() })
  const proxy = await startProxy(t)
  withProxyVariables(t, { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url })
  for (const options of [{ url, ca }, { url: plain.url }]) {
    const ask = probe(t, options)
    for (let run = 0; run < 5; run++) {
      t.equal(await ask(), 'working')
      proxy.reset()
    }
  }
})

test('once aborted it settles at once, wherever the proxy hangs, and its connection is closed', async t => {
  const secure = await secureSite(t, (_request, response) => { response.write('half') })
  const plain = await site(t, (_request, response) => { response.write('half') })
  const proxy = await startProxy(t)
  withProxyVariables(t, { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url })
  const before = openSockets()
  for (const mode of ['frozen', 'silent', 'pass'] as const) {
    proxy.mode = mode
    for (const options of [{ url: secure.url, ca: secure.ca }, { url: plain.url }]) {
      const resources = new ResourceStore()
      const controller = new AbortController()
      const context = { resources, signal: controller.signal } as unknown as CheckContext
      const check = new HttpCheck({ ...options, proxy: true, expect: { body: 'whole' } })
      const settled = check.check(context).then(() => 'resolved', () => 'rejected')
      await until(async () => await proxy.connections() === 1)
      await sleep(50)
      controller.abort()
      t.equal(await Promise.race([settled, sleep(200, 'hangs')]), 'rejected', `${mode} ${options.url}`)
      await until(async () => await proxy.connections() === 0 && proxy.onward === 0 && openSockets() === before)
      t.equal(await check.check(context).catch(() => 'rejected'), 'rejected', 'a run that begins aborted')
      await resources.close()
    }
  }
})

test('hundreds of runs leave no socket behind', async t => {
  const { url, ca } = await secureSite(t, (_request, response) => { response.end() })
  const proxy = await startProxy(t)
  withProxyVariables(t, { HTTPS_PROXY: proxy.url })
  const before = openSockets()
  const ask = probe(t, { url, ca })
  for (const mode of ['pass', 407, 'cut', 'cut tunnel', 'pass'] as const) {
    proxy.mode = mode
    if (mode !== 'pass') proxy.reset()
    for (let run = 0; run < 50; run++) await ask()
  }
  t.equal(await proxy.connections(), 1)
  await ask.close()
  await until(async () => await proxy.connections() === 0 && openSockets() === before)
})

test('a proxy that speaks TLS is asked, whose connection keeps no process alive', async t => {
  const root = await startAuthority(t)
  const { certFile } = root.certificate
  const server = await serving(t, createSecureServer(await root.issue('shop'), (_request, response) => { response.end('ok') }), 'https')
  const plain = await site(t, (_request, response) => { response.end('ok') })
  const proxy = await startProxy(t, { certificate: await root.issue('proxy') })
  withProxyVariables(t, { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url })
  for (const { url } of [server, plain]) t.equal(await probe(t, { url })(), 'unavailable: the proxy cannot be reached: certificate not trusted')
  t.equal(await probe(t, { url: server.url, ca: root.certificate.cert })(), 'unavailable: the proxy cannot be reached: certificate not trusted', 'the authority is given for the URL alone')
  const script = `
    const { createHealth } = await import('${new URL('../../../lib/index.ts', import.meta.url)}')
    const { HttpCheck } = await import('${new URL('../../../lib/checks/http.ts', import.meta.url)}')
    const entryOf = url => [HttpCheck, { identifier: url, url, proxy: true, expect: { body: 'ok' } }]
    const health = createHealth({ subsets: { web: ${JSON.stringify([server.url, plain.url])}.map(entryOf) } })
    for (let run = 0; run < 3; run++) console.log((await health.run('web')).results.map(({ status }) => status).join())
    const settled = performance.now()
    process.on('exit', () => console.log(performance.now() - settled < 1000 ? 'ended' : 'lingered'))
  `
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], { timeout: 60_000, env: { ...process.env, NODE_EXTRA_CA_CERTS: certFile } })
  t.equal(stdout, 'working,working\nworking,working\nworking,working\nended\n')
  t.strictSame(proxy.asked.sort(), [`CONNECT ${new URL(server.url).host}`, ...Array(3).fill(`GET ${plain.url}/`)])
})

test('a proxy that cannot be used, or that a Unix socket excludes, is told at boot', async t => {
  withProxyVariables(t, { HTTPS_PROXY: 'socks5://canary:canary@proxy' })
  const message = 'E007 HTTPS_PROXY is not the URL of an HTTP proxy'
  const ask = probe(t, { url: 'https://shop.example' })
  t.strictSame(await ask.faults(), [message])
  t.equal(await ask(), `unknown error: ${message}`)
  t.strictSame(await probe(t, { url: 'https://shop.example', proxy: false }).faults(), [])
  t.strictSame(await probe(t, { url: 'http://shop.example' }).faults(), [])
  const both = probe(t, { url: 'http://shop.example', socketPath: '/tmp/shop.sock' })
  t.strictSame(await both.faults(), ['E007 both `socketPath` and `proxy` are given'])
  t.equal(await both(), 'unknown error: E007 both `socketPath` and `proxy` are given')
})
