import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { connect } from 'node:http2'
import { createInterface } from 'node:readline'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import { test, type Test } from 'tap'
import health, { defineCheck, type HealthOptions } from '../../lib/index.js'
import { until } from '../helpers/leaks.js'

const formats = ['html', 'json', 'plain', 'health+json']

async function build (t: Test, options: HealthOptions = {}) {
  let asked = 0
  const app = Fastify()
  t.after(() => app.close())
  const counted = defineCheck({ identifier: 'Database', check () { asked++ } })
  await app.register(health, { subsets: { readiness: [counted], integrations: [counted] }, ...options })
  app.get('/orders', async () => 'orders')
  const get = async (url: string) => {
    const { statusCode, body } = await app.inject(url)
    return [statusCode, body]
  }
  return { app, get, asked: () => asked }
}

test('draining fails readiness at once, in every format, while everything else is served', async t => {
  const { app, get, asked } = await build(t)
  t.strictSame(await get('/healthcheck/readiness?format=json'), [200, '{"Database":"working"}'])
  t.notOk(app.health.draining)
  const drained = app.health.drain(100)
  t.ok(app.health.draining)
  const before = asked()
  t.strictSame(await get('/healthcheck/readiness?format=json'), [500, '{"Database":"unavailable: draining"}'])
  for (const format of formats) {
    const [status, body] = await get(`/healthcheck/readiness?format=${encodeURIComponent(format)}`)
    t.equal(status, 500, format)
    t.match(body, 'unavailable: draining', format)
  }
  t.match(await get('/healthcheck/readiness?format=openmetrics'), [200, 'fastify_health_subset_status{subset="readiness"} 0'])
  t.equal(asked(), before, 'nobody is asked')
  t.strictSame(await get('/healthcheck/integrations?format=json'), [200, '{"Database":"working"}'])
  t.strictSame(await get('/healthcheck/liveness'), [200, '{"status":"ok"}'])
  t.strictSame(await get('/orders'), [200, 'orders'])
  await drained
  t.equal((await get('/healthcheck/readiness'))[0], 500, 'and after that, too')
  t.equal((await get('/healthcheck/liveness'))[0], 200)
})

test('a run that was under way when draining began says so, and the verdict stays what draining made of it', async t => {
  const answers: Array<() => void> = []
  const slow = defineCheck({ identifier: 'Database', check: async () => await new Promise<void>(resolve => { answers.push(resolve) }) })
  const { app, get } = await build(t, { subsets: { readiness: [slow] } })
  const verdicts: boolean[] = []
  app.health.on('verdict', ({ healthy }) => verdicts.push(healthy))
  const answered = get('/healthcheck/readiness?format=json')
  await until(() => answers.length === 1)
  await app.health.drain()
  for (const answer of answers) answer()
  t.strictSame(await answered, [500, '{"Database":"unavailable: draining"}'])
  t.strictSame(verdicts, [false])
})

test('it takes as long as it is told, or no time', async t => {
  const { app } = await build(t)
  let drained = false
  const draining = app.health.drain(150).then(() => { drained = true })
  await pause(80)
  t.notOk(drained)
  await draining
  await app.health.drain()
  t.ok(app.health.draining)
})

test('which subsets fail may be said, and the status is the one of the settings', async t => {
  const { app, get } = await build(t, { drainSubsets: ['integrations'], failureStatus: 503 })
  await app.health.drain()
  t.equal((await get('/healthcheck/readiness'))[0], 200)
  t.equal((await get('/healthcheck/integrations'))[0], 503)
  app.health.settings.drainSubsets = []
  t.equal((await get('/healthcheck/integrations'))[0], 200)
})

test('that it drains is kept from nobody, but the words are from those who see no details', async t => {
  const { app, get } = await build(t, { details: 'never' })
  await app.health.drain()
  t.strictSame(await get('/healthcheck/readiness?format=json'), [500, '{"Database":"unavailable"}'])
})

test('a subset without checks drains as well', async t => {
  const { app, get } = await build(t, { subsets: { readiness: [] } })
  t.equal((await get('/healthcheck/readiness'))[0], 200)
  await app.health.drain()
  t.strictSame(await get('/healthcheck/readiness?format=json'), [500, '{}'])
})

interface Service {
  readonly child: ChildProcess
  readonly base: string
  readonly ended: Promise<unknown[]>
}

async function startService (t: Test, drain: number): Promise<Service> {
  const script = fileURLToPath(new URL('../fixtures/draining-service.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, script], { env: { ...process.env, DRAIN: String(drain) }, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  t.after(() => { child.kill('SIGKILL') })
  const [base] = await once(createInterface(child.stdout!), 'line')
  return { child, base, ended }
}

async function ask (url: string, agent: http.Agent): Promise<number> {
  const request = http.get(url, { agent })
  const [response] = await once(request, 'response')
  await textOf(response)
  return response.statusCode
}

test('a SIGTERM under load loses no request', async t => {
  const { child, base, ended } = await startService(t, 1500)
  const agent = new http.Agent({ keepAlive: true })
  // What a load balancer does: it asks readiness, and sends requests for as long as that is well.
  const seen = { isReady: true, isLive: true, isSignalled: false, served: 0, servedSinceSignal: 0 }
  const lost: unknown[] = []
  const probes = (async () => {
    const probing = new http.Agent()
    while (seen.isReady) {
      seen.isReady = await ask(`${base}/healthcheck/readiness`, probing) === 200
      seen.isLive &&= await ask(`${base}/healthcheck/liveness`, probing) === 200
      await pause(100)
    }
    seen.isLive &&= await ask(`${base}/healthcheck/liveness`, probing) === 200
  })()
  const clients = Array.from({ length: 20 }, async () => {
    while (seen.isReady) {
      const status = await ask(`${base}/orders`, agent).catch(error => error)
      if (status !== 200) lost.push(status)
      seen.served++
      if (seen.isSignalled) seen.servedSinceSignal++
    }
  })
  await until(() => seen.served >= 200)
  seen.isSignalled = true
  child.kill('SIGTERM')
  await Promise.all([probes, ...clients])
  t.strictSame(lost, [])
  t.ok(seen.servedSinceSignal > 0, 'requests that came after the signal were served')
  t.ok(seen.isLive, 'it was alive all the time')
  agent.destroy()
  const [code, signal] = await ended
  t.strictSame([code, signal], [0, null], 'and it ended well')
})

test('without draining, requests would be lost', async t => {
  const { child, base, ended } = await startService(t, 0)
  const agent = new http.Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const seen = { hasFailed: false, served: 0 }
  const clients = Array.from({ length: 20 }, async () => {
    while (!seen.hasFailed) {
      seen.hasFailed ||= await ask(`${base}/orders`, agent).catch(() => 0) !== 200
      seen.served++
    }
  })
  await until(() => seen.served >= 100)
  child.kill('SIGTERM')
  await Promise.all(clients)
  t.ok(seen.hasFailed)
  await ended
})

test('while draining, every response ends its connection, of HTTP/1.1 alone', async t => {
  const { app } = await build(t)
  const agent = new http.Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const connectionOf = async (path: string) => {
    const [response] = await once(http.get(`${address}${path}`, { agent }), 'response') as [http.IncomingMessage]
    await textOf(response)
    return response.headers.connection
  }
  t.equal(await connectionOf('/orders'), 'keep-alive')
  await app.health.drain()
  await app.health.drain()
  for (const path of ['/orders', '/healthcheck/liveness', '/healthcheck/readiness', '/nowhere']) t.equal(await connectionOf(path), 'close', path)
  t.equal(app.server.listenerCount('request'), 2, 'draining twice adds one listener')

  const newer = Fastify({ http2: true })
  t.after(() => newer.close())
  await newer.register(health, { subsets: {} })
  newer.get('/orders', async () => 'orders')
  const url = await newer.listen({ port: 0, host: '127.0.0.1' })
  await newer.health.drain()
  const session = connect(url)
  t.teardown(() => session.destroy())
  const stream = session.request({ ':path': '/orders' })
  const [headers] = await once(stream, 'response') as [Record<string, unknown>]
  t.equal(headers[':status'], 200)
  t.notOk('connection' in headers)
})
