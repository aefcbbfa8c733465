import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { createServer, request, type AgentOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { test, type Test } from 'tap'
import { TunnelAgent, type TunnelRequestOptions } from '../../lib/clients/tunnel.js'
import { startAuthority, type Certificate } from '../helpers/certificates.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startProxy, type ProxyMode } from '../helpers/proxy.js'
import { freePort } from '../helpers/server.js'

async function shop (t: Test, certificate: Certificate, host = '127.0.0.1') {
  const sockets = new Set<Socket>()
  const server = createServer(certificate, (incoming, response) => { response.end(incoming.headers.host) })
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.listen(0, host)
  await once(server, 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { port, accepted: () => sockets.size, connections: async () => await promisify(server.getConnections.bind(server))() }
}

async function textOf (asked: ClientRequest): Promise<string> {
  asked.on('error', () => {})
  asked.end()
  const [response] = await once(asked, 'response') as [IncomingMessage]
  return (await response.setEncoding('utf8').toArray()).join('')
}

function agentOf (t: Test, url: string, options: AgentOptions = {}) {
  const agent = new TunnelAgent(new URL(url), { keepAlive: true, ...options })
  t.after(() => agent.destroy())
  const ask = async (target: string, signal = new AbortController().signal) =>
    await textOf(request(target, { agent, signal, tunnelSignal: signal } as TunnelRequestOptions))
  return Object.assign(ask, { agent })
}

test('a host is asked through a tunnel, which is kept for the next request', async t => {
  const root = await startAuthority(t)
  const { port, accepted } = await shop(t, await root.issue('shop', { for: 'DNS:shop.example' }))
  const proxy = await startProxy(t, { target: port })
  const ask = agentOf(t, proxy.url, { ca: root.certificate.cert })
  for (let run = 0; run < 3; run++) t.equal(await ask('https://shop.example/'), 'shop.example')
  t.strictSame(proxy.asked, ['CONNECT shop.example:443'])
  t.match(proxy.headers, { host: 'shop.example:443', connection: 'keep-alive', 'user-agent': 'fastify-health' })
  t.notOk('proxy-authorization' in proxy.headers)
  t.equal(accepted(), 1)
  ask.agent.destroy()
  await until(async () => await proxy.connections() === 0 && proxy.onward === 0)
})

test('the proxy is told its user and password, and the address of IPv6 in brackets', async t => {
  const root = await startAuthority(t)
  const { port } = await shop(t, await root.issue('shop', { for: 'IP:::1' }), '::1')
  const proxy = await startProxy(t)
  const ask = agentOf(t, proxy.url.replace('//', '//me:p%40ss@'), { ca: root.certificate.cert })
  t.equal(await ask(`https://[::1]:${port}/`), `[::1]:${port}`)
  t.strictSame(proxy.asked, [`CONNECT [::1]:${port}`])
  t.equal(proxy.headers['proxy-authorization'], `Basic ${Buffer.from('me:p@ss').toString('base64')}`)
})

test('a certificate that is not trusted ends the tunnel', async t => {
  const root = await startAuthority(t)
  const { port, connections } = await shop(t, await root.issue('shop'))
  const proxy = await startProxy(t)
  await t.rejects(agentOf(t, proxy.url)(`https://127.0.0.1:${port}/`), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  await until(async () => await proxy.connections() === 0 && await connections() === 0)
})

test('options that TLS cannot use end the tunnel', async t => {
  const root = await startAuthority(t)
  const { port } = await shop(t, await root.issue('shop'))
  const proxy = await startProxy(t)
  await t.rejects(agentOf(t, proxy.url, { cert: 'none' })(`https://127.0.0.1:${port}/`), { message: /PEM|no start line/i })
  await until(async () => await proxy.connections() === 0)
})

test('a proxy that fails is told in plain words, and its connection is closed', async t => {
  const root = await startAuthority(t)
  const { port } = await shop(t, await root.issue('shop'))
  const proxy = await startProxy(t)
  const ask = agentOf(t, proxy.url, { ca: root.certificate.cert })
  const before = openSockets()
  for (const [mode, message] of [
    [407, 'the proxy answered 407'],
    [502, 'the proxy answered 502'],
    [302, 'the proxy answered 302'],
    [100, 'the proxy answered 100'],
    ['cut', 'the proxy closed the connection'],
    ['garbage', 'the answer of the proxy is not valid HTTP'],
  ] as Array<[ProxyMode, string]>) {
    proxy.mode = mode
    await t.rejects(ask(`https://127.0.0.1:${port}/`), { message })
  }
  proxy.mode = 'cut tunnel'
  await t.rejects(ask(`https://127.0.0.1:${port}/`), { code: 'ECONNRESET' })
  proxy.mode = 'pass'
  t.equal(await ask(`https://127.0.0.1:${port}/`), `127.0.0.1:${port}`, 'and the next request is answered')
  ask.agent.destroy()
  await until(async () => await proxy.connections() === 0 && openSockets() === before)
  await t.rejects(agentOf(t, `http://127.0.0.1:${await freePort()}`)('https://shop/'), { message: 'the proxy cannot be reached: connection refused' })
  await t.rejects(agentOf(t, 'http://no-such-proxy.invalid')('https://shop/'), { message: 'the proxy cannot be reached: host not found' })
})

test('a host that the proxy cannot reach is a connection that ends', async t => {
  const proxy = await startProxy(t)
  await t.rejects(agentOf(t, proxy.url)(`https://127.0.0.1:${await freePort()}/`), { code: 'ECONNRESET' })
  await until(async () => await proxy.connections() === 0)
})

test('a request that is aborted leaves no connection, wherever it waits', async t => {
  const root = await startAuthority(t)
  const { port } = await shop(t, await root.issue('shop'))
  const proxy = await startProxy(t)
  const ask = agentOf(t, proxy.url, { ca: root.certificate.cert })
  const before = openSockets()
  for (const mode of ['frozen', 'silent', 'pass'] as const) {
    // At once, while it connects, while it waits for the proxy, and while it waits for TLS.
    for (const wait of [-1, 0, 1, 2, 5, 50]) {
      proxy.mode = mode
      const controller = new AbortController()
      if (wait === -1) controller.abort()
      const asked = ask(`https://127.0.0.1:${port}/`, controller.signal)
      asked.catch(() => {})
      await sleep(Math.max(0, wait))
      controller.abort()
      if (mode === 'pass') await asked.catch(() => {})
      else await t.rejects(asked, { name: 'AbortError' }, `${mode} ${wait}`)
    }
    if (mode !== 'pass') await until(async () => await proxy.connections() === 0 && openSockets() === before)
  }
  ask.agent.destroy()
  await until(async () => await proxy.connections() === 0 && proxy.onward === 0 && openSockets() === before)
})
