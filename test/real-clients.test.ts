import { execFile } from 'node:child_process'
import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import health, { defineCheck, ServiceUnavailable, type Entry } from '../lib/index.js'
import { manifests, toManifestInput } from '../lib/manifests/index.js'
import { startBlackbox } from './helpers/blackbox.js'
import { program } from './helpers/debian.js'
import { startHAProxy, type HAProxy } from './helpers/haproxy.js'
import { until } from './helpers/leaks.js'

const readiness = '/healthcheck/readiness'
const liveness = '/healthcheck/liveness'

interface Service {
  readonly app: FastifyInstance
  readonly port: number
  readonly base: string
  /** What its one dependency does from now on. */
  turn (state: 'up' | 'down' | 'hanging'): void
  /** What was asked since this was called last: request line and headers, as far as a prober could differ in them. */
  asked (): string[]
}

async function startService (t: Test, name = 'shop', more: Entry[] = []): Promise<Service> {
  let state: 'up' | 'down' | 'hanging' = 'up'
  let asked: string[] = []
  const dependency = defineCheck({
    identifier: 'Database',
    timeout: 300,
    async check ({ signal }) {
      if (state === 'down') throw new ServiceUnavailable('connection refused')
      if (state === 'hanging') await once(signal, 'abort')
    },
  })
  const app = Fastify()
  t.after(() => app.close())
  await app.register(health, { subsets: { readiness: [dependency, ...more] } })
  app.get('/orders', async () => name)
  // Liveness is answered before any hook that could look.
  app.server.on('request', (request: IncomingMessage) => asked.push(described(request)))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    port,
    base: `http://127.0.0.1:${port}`,
    turn (next) { state = next },
    asked () {
      const all = asked
      asked = []
      return all
    },
  }
}

function described ({ method, url, httpVersion, headers }: IncomingMessage): string {
  const { host, accept, connection } = headers
  const sent = { Host: host && 'given', Accept: accept, Connection: connection }
  const lines = Object.entries(sent).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`)
  return [`${method} ${url} HTTP/${httpVersion}`, ...lines].join('; ')
}

interface Client {
  readonly name: string
  /** Makes what asks a URL, and tells what the client takes the answer for. */
  readonly start: (t: Test) => Promise<(url: string) => Promise<string>>
  readonly up: string
  readonly down: string
  /** What it sends to ask for `path`. */
  readonly sends: (path: string) => string[]
  /** The same where it is down, if that makes a difference. */
  readonly sendsDown?: (path: string) => string[]
}

/** Runs a program of Debian's to its end. Nothing of the developer's own environment: a proxy would be asked instead. */
async function exitOf (name: string, args: string[]): Promise<string> {
  return await new Promise((resolve, reject) => {
    execFile(program(name), args, { env: { LANG: 'C' }, timeout: 20_000 }, error => {
      if (error !== null && typeof error.code !== 'number') reject(error)
      else resolve(`exit ${error === null ? 0 : error.code}`)
    })
  })
}

const bodyLimit = 10 * 1024

/** Asks as the kubelet does: https://github.com/kubernetes/kubernetes/blob/master/pkg/probe/http/http.go */
async function kubeProbe (url: string): Promise<{ verdict: string, body: string }> {
  const request = http.get(url, {
    agent: false,
    headers: { 'user-agent': 'kube-probe/1.31', accept: '*/*' },
    signal: AbortSignal.timeout(1000),
  })
  const [response] = await once(request, 'response') as [IncomingMessage]
  const { statusCode = 0 } = response
  let body = Buffer.alloc(0)
  for await (const chunk of response) {
    body = Buffer.concat([body, chunk])
    // Leaving the loop closes the connection.
    if (body.length >= bodyLimit) break
  }
  const verdict = statusCode >= 200 && statusCode < 400 ? 'success' : 'failure'
  return { verdict: `${verdict} ${statusCode}`, body: body.subarray(0, bodyLimit).toString() }
}

const clients: Client[] = [
  {
    name: 'check_http',
    start: async () => async url => {
      const { hostname, port, pathname } = new URL(url)
      return await exitOf('check_http', ['-I', hostname, '-p', port, '-u', pathname])
    },
    up: 'exit 0',
    down: 'exit 2',
    sends: path => [`GET ${path} HTTP/1.0; Connection: close`],
  },
  {
    name: 'wget --spider',
    start: async () => async url => await exitOf('wget', ['--no-config', '--quiet', '--spider', url]),
    up: 'exit 0',
    down: 'exit 8',
    sends: path => [`HEAD ${path} HTTP/1.1; Host: given; Accept: */*; Connection: Keep-Alive`],
    sendsDown: path => ['HEAD', 'GET'].map(method => `${method} ${path} HTTP/1.1; Host: given; Accept: */*; Connection: Keep-Alive`),
  },
  {
    name: 'curl -f',
    start: async () => async url => await exitOf('curl', ['-q', '-f', '-s', '-o', '/dev/null', url]),
    up: 'exit 0',
    down: 'exit 22',
    sends: path => [`GET ${path} HTTP/1.1; Host: given; Accept: */*`],
  },
  {
    name: 'the blackbox exporter',
    start: async t => {
      const blackbox = await startBlackbox(t)
      return async url => {
        const { probe_success: success, probe_http_status_code: status } = await blackbox.probe(url)
        return `probe_success ${success}, ${status}`
      }
    },
    up: 'probe_success 1, 200',
    down: 'probe_success 0, 500',
    sends: path => [`GET ${path} HTTP/1.1; Host: given; Connection: close`],
  },
  {
    name: 'the kubelet',
    start: async () => async url => (await kubeProbe(url)).verdict,
    up: 'success 200',
    down: 'failure 500',
    sends: path => [`GET ${path} HTTP/1.1; Host: given; Accept: */*; Connection: close`],
  },
]

for (const { name, start, up, down, sends, sendsDown = sends } of clients) {
  test(`${name} sees up, down, up again and draining, and a live process all the time`, async t => {
    const { app, base, turn, asked } = await startService(t)
    const ask = await start(t)
    const sees = async (what: string, verdict: string, sent: string[]) => {
      t.equal(await ask(base + readiness), verdict, what)
      t.strictSame(asked(), sent, `${what}: what it sends`)
      t.equal(await ask(base + liveness), up, `${what}: alive`)
      t.strictSame(asked(), sends(liveness), `${what}: what it sends for that`)
    }
    await sees('up', up, sends(readiness))
    turn('down')
    await sees('down', down, sendsDown(readiness))
    turn('up')
    await sees('up again', up, sends(readiness))
    turn('hanging')
    await sees('hanging', down, sendsDown(readiness))
    turn('up')
    await sees('up once more', up, sends(readiness))
    await app.health.drain()
    await sees('draining', down, sendsDown(readiness))
    t.equal(await ask(`${base}/orders`), up, 'and it is served while it drains')
  })
}

test('the kubelet reads 10 KB of a long report, and the verdict stands', async t => {
  const many = Array.from({ length: 200 }, (_, at) => defineCheck({ identifier: `Shard number ${at}`, check () {} }))
  const { base, turn } = await startService(t, 'shop', many)
  const whole = await (await fetch(base + readiness)).text()
  t.ok(Buffer.byteLength(whole) > 2 * bodyLimit)
  for (const [state, verdict] of [['up', 'success 200'], ['down', 'failure 500'], ['up', 'success 200']] as const) {
    turn(state)
    const seen = await kubeProbe(base + readiness)
    t.equal(seen.verdict, verdict, state)
    t.ok(Buffer.byteLength(seen.body) >= bodyLimit - 3 && seen.body.startsWith('<!DOCTYPE html>'), 'it was cut')
  }
  t.equal((await kubeProbe(base + liveness)).verdict, 'success 200')
})

test('the kubelet gives up after a second', async t => {
  const slow = defineCheck({ identifier: 'Slow', timeout: 5000, check: async ({ signal }) => await once(signal, 'abort') })
  const { base } = await startService(t, 'shop', [slow])
  await t.rejects(kubeProbe(base + readiness), { code: 'ABORT_ERR' })
  t.equal((await kubeProbe(base + liveness)).verdict, 'success 200')
})

const patience = { timeout: 20_000 }

/** The manifest as it is printed, but that nothing waits for seconds, and the same services asked whether they are alive. */
async function balance (t: Test, ...services: [Service, ...Service[]]): Promise<HAProxy> {
  const [{ app, port }] = services
  const manifest = manifests.get('haproxy')?.(await toManifestInput(app.health, { name: 'shop', port })) ?? ''
  const server = `    server shop-1 127.0.0.1:${port}\n`
  t.match(manifest, server)
  t.match(manifest, /inter 5s fall 2 rise 2/)
  const servers = services.map(({ port }, at) => `    server shop-${at + 1} 127.0.0.1:${port}\n`).join('')
  const proxy = await startHAProxy(t, `
${manifest.replace(server, servers).replace('inter 5s', 'inter 100ms')}
backend alive
    option httpchk GET ${liveness}
    http-check expect status 200
    timeout check 3s
    default-server check inter 100ms fall 1 rise 1
${servers}`, 'shop')
  // It takes a server for up until it has asked.
  await until(async () => Object.values(await proxy.servers()).every(({ lastCheck }) => lastCheck !== 'INI'), patience)
  return proxy
}

async function throughFrontend ({ url }: HAProxy): Promise<string> {
  const response = await fetch(`${url}/orders`)
  const body = await response.text()
  return response.ok ? `${response.status} ${body}` : `${response.status}`
}

test('HAProxy takes a server out while it is not ready, and back in', async t => {
  const service = await startService(t)
  const { turn, asked, base } = service
  const proxy = await balance(t, service)
  const sees = async (what: string, status: string, lastCheck: string, answer: string) => {
    const server = async () => (await proxy.servers())['shop/shop-1']
    await until(async () => {
      const seen = await server()
      return seen?.status === status && seen.lastCheck === lastCheck
    }, patience)
    t.match(await server(), { status, lastCheck }, what)
    t.equal(await throughFrontend(proxy), answer, `${what}: what its clients get`)
    t.strictSame((await proxy.servers())['alive/shop-1'], { status: 'UP', lastCheck: 'L7OK', failures: 0 }, `${what}: alive`)
  }
  await sees('up', 'UP', 'L7OK', '200 shop')
  turn('down')
  await sees('down', 'DOWN', 'L7STS', '503')
  t.equal((await fetch(`${base}/orders`)).status, 200, 'it was HAProxy who refused')
  turn('up')
  await sees('up again', 'UP', 'L7OK', '200 shop')
  turn('hanging')
  await sees('hanging: answered within what the manifest allows', 'DOWN', 'L7STS', '503')
  turn('up')
  await sees('up once more', 'UP', 'L7OK', '200 shop')
  await service.app.health.drain()
  await sees('draining', 'DOWN', 'L7STS', '503')
  t.equal((await fetch(`${base}/orders`)).status, 200, 'and it is served while it drains')
  const probes = asked().filter(line => line.includes('/healthcheck/'))
  t.strictSame([...new Set(probes)].sort(), [`GET ${liveness} HTTP/1.0`, `GET ${readiness} HTTP/1.0`], 'HTTP/1.0, no Host, no Accept')
})

test('behind HAProxy, a server drains and no request is lost', async t => {
  const [one, two] = [await startService(t, 'one'), await startService(t, 'two')]
  const proxy = await balance(t, one, two)
  const answers: string[] = []
  const isServedBy = (...names: string[]) => {
    const last = answers.slice(-20)
    return last.length === 20 && [...new Set(last)].sort().join() === names.map(name => `200 ${name}`).join()
  }
  const load = new AbortController()
  const clients = Array.from({ length: 4 }, async () => {
    while (!load.signal.aborted) answers.push(await throughFrontend(proxy))
  })
  try {
    await until(() => isServedBy('one', 'two'), patience)
    await one.app.health.drain()
    const sinceDrain = answers.length
    await until(() => isServedBy('two'), patience)
    t.ok(answers.slice(sinceDrain).includes('200 one'), 'it served on until HAProxy had noticed')
  } finally {
    load.abort()
    await Promise.all(clients)
  }
  t.strictSame([...new Set(answers)].sort(), ['200 one', '200 two'])
  const servers = await proxy.servers()
  t.match(servers['shop/shop-1'], { status: 'DOWN', lastCheck: 'L7STS' })
  t.match(servers['shop/shop-2'], { status: 'UP', failures: 0 })
  for (const name of ['alive/shop-1', 'alive/shop-2']) t.match(servers[name], { status: 'UP', failures: 0 }, name)
})
