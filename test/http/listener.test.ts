import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import { test, type Test } from 'tap'
import health, { createHealth, defineCheck, ServiceUnavailable, type HealthOptions } from '../../lib/index.js'
import { until } from '../helpers/leaks.js'
import { freePort } from '../helpers/server.js'

const working = defineCheck({ identifier: 'Database', check () {} })

async function build (t: Test, options: HealthOptions = {}) {
  const port = await freePort()
  const app = Fastify()
  t.after(() => app.close())
  await app.register(health, { subsets: { readiness: [working], integrations: [working] }, listen: { port, host: '127.0.0.1' }, ...options })
  const probe = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}/healthcheck/${path}?format=json`)
    return [response.status, await response.text()]
  }
  return { app, port, probe }
}

test('it is there before the app is ready, when nothing but liveness is healthy', async t => {
  const { app, probe } = await build(t)
  t.strictSame(await probe('liveness'), [200, '{"status":"ok"}'])
  t.strictSame(await probe('readiness'), [500, '{"Database":"unavailable: starting"}'])
  await app.ready()
  t.strictSame(await probe('readiness'), [200, '{"Database":"working"}'])
  t.equal((await app.inject('/healthcheck/readiness')).statusCode, 200, 'the app has them as well')
})

test('a subset that no check can fail is not healthy before the app is ready, nor while it closes', async t => {
  const port = await freePort()
  const app = Fastify()
  t.after(() => app.close())
  await app.register(health, { subsets: { empty: [], mild: [[working, { critical: false }]] }, listen: { port, host: '127.0.0.1' } })
  const statuses = async () => await Promise.all(['empty', 'mild'].map(async subset => (await fetch(`http://127.0.0.1:${port}/healthcheck/${subset}`)).status))
  t.strictSame(await statuses(), [500, 500])
  await app.ready()
  t.strictSame(await statuses(), [200, 200])
  await app.health.stop()
  t.strictSame(await statuses(), [500, 500])
})

test('it is there until the app has answered its last request, for five seconds and more: liveness answers, and readiness fails', async t => {
  const { app, port, probe } = await build(t)
  let answer!: () => void
  const answered = new Promise<void>(resolve => { answer = resolve })
  let isAsked = false
  app.get('/slow', async () => {
    isAsked = true
    await answered
    return 'done'
  })
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const slow = once(http.get(`${address}/slow`, { agent: false }), 'response')
  await until(() => isAsked)
  const begun = performance.now()
  const closed = app.close()
  while (performance.now() - begun < 5000) {
    t.equal((await probe('liveness'))[0], 200)
    t.match(await probe('readiness'), [500, /closing/])
    await pause(100)
  }
  answer()
  const [response] = await slow as [http.IncomingMessage]
  t.equal(await textOf(response), 'done')
  await closed
  await t.rejects(fetch(`http://127.0.0.1:${port}/healthcheck/liveness`))
})

test('an app that is saturated, and turns everybody away, does not keep its own listener from answering', async t => {
  const { app, probe } = await build(t)
  await app.register(rateLimit, { max: 1 })
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers.authorization === undefined) await reply.code(401).send('')
  })
  const waiting: Array<() => void> = []
  app.get('/slow', { config: { rateLimit: false } }, async () => await new Promise(resolve => { waiting.push(() => resolve('done')) }))
  // What it has for its traffic, all of which is taken.
  app.server.maxConnections = 1000
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const requests = Array.from({ length: 1000 }, () => http.get(`${address}/slow`, { agent: false, headers: { authorization: 'of somebody' } }))
  const responses = requests.map(async request => (await once(request, 'response') as [http.IncomingMessage])[0].resume().statusCode)
  await until(() => waiting.length === 1000)
  await t.rejects(once(http.get(`${address}/healthcheck/liveness`, { agent: false }), 'response'), 'the app itself takes nobody any more')
  for (let probes = 0; probes < 20; probes++) {
    t.strictSame(await probe('liveness'), [200, '{"status":"ok"}'])
    t.strictSame(await probe('readiness'), [200, '{"Database":"working"}'])
  }
  for (const answer of waiting) answer()
  t.strictSame([...new Set(await Promise.all(responses))], [200])
})

test('it is plain HTTP where the app has TLS', async t => {
  const [key, cert] = [join(t.testdir(), 'key.pem'), join(t.testdirName, 'cert.pem')]
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost'])
  const port = await freePort()
  const app = Fastify({ https: { key: readFileSync(key), cert: readFileSync(cert) } })
  t.after(() => app.close())
  await app.register(health, { subsets: { readiness: [working] }, listen: { port, host: '127.0.0.1' } })
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  t.match(address, /^https:/)
  t.equal((await fetch(`http://127.0.0.1:${port}/healthcheck/readiness`)).status, 200)
})

test('it trusts no header of a proxy, whatever the app trusts', async t => {
  const port = await freePort()
  const app = Fastify({ trustProxy: true })
  t.after(() => app.close())
  const failing = defineCheck({ identifier: 'Database', check () { throw new ServiceUnavailable('the disk is full') } })
  await app.register(health, {
    subsets: { readiness: [failing] }, listen: { port, host: '127.0.0.1' }, details: ({ ip, host }) => ip === '127.0.0.1' && !host.startsWith('trusted'),
  })
  const headers = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-host': 'trusted.example' }
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const bodyFrom = async (origin: string) => await (await fetch(`${origin}/healthcheck/readiness?format=json`, { headers })).text()
  t.equal(await bodyFrom(address), '{"Database":"unavailable"}')
  t.equal(await bodyFrom(`http://127.0.0.1:${port}`), '{"Database":"unavailable: the disk is full"}')
})

test('the probes can be taken off the app, and off its document', async t => {
  const { app, probe } = await build(t, { routes: false })
  await app.ready()
  t.equal((await app.inject('/healthcheck/liveness')).statusCode, 404)
  t.equal((await app.inject('/healthcheck/readiness')).statusCode, 404)
  t.equal((await probe('readiness'))[0], 200)
})

test('the paths are those of the context that the plugin is registered in', async t => {
  const port = await freePort()
  const app = Fastify()
  t.after(() => app.close())
  await app.register(async app => {
    await app.register(health, { subsets: { readiness: [working] }, listen: { port, host: '127.0.0.1' } })
  }, { prefix: '/shop' })
  await app.ready()
  t.equal((await fetch(`http://127.0.0.1:${port}/shop/healthcheck/liveness`)).status, 200)
  t.equal((await fetch(`http://127.0.0.1:${port}/shop/healthcheck/readiness`)).status, 200)
  t.equal((await fetch(`http://127.0.0.1:${port}/healthcheck/readiness`)).status, 404)
})

test('liveness can be off there as well', async t => {
  const { app, probe } = await build(t, { livenessPath: false })
  await app.ready()
  t.equal((await probe('liveness'))[0], 404)
})

test('an address that is in use ends the boot and says so, and so does one that cannot be had', async t => {
  const taken = http.createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const app = Fastify()
  t.after(() => app.close())
  app.register(health, { listen: { port, host: '127.0.0.1' } })
  await t.rejects(async () => await app.ready(), { code: 'FST_HEALTH_ADDRESS_IN_USE', message: `The probes cannot listen at port ${port} of 127.0.0.1: something else listens there. Choose another one in \`listen\`, or stop the other process.` })
  const registry = createHealth()
  await t.rejects(registry.listen({ host: '192.0.2.1' }), {
    code: 'FST_HEALTH_CANNOT_LISTEN', message: /^The probes cannot listen at port 0 of 192\.0\.2\.1: listen EADDRNOTAVAIL: .*\. Choose another address in `listen`\.$/, cause: { code: 'EADDRNOTAVAIL' },
  })
  t.match(await registry.listen({ host: '127.0.0.1' }), /^http:/, 'it may be tried again')
  await registry.close()
})

test('a Unix socket will do', async t => {
  const registry = createHealth({ subsets: {} })
  t.teardown(() => registry.close())
  const socketPath = join(t.testdir(), 'probes.sock')
  await registry.listen({ path: socketPath })
  const [response] = await once(http.get({ socketPath, path: '/healthcheck/liveness' }), 'response') as [http.IncomingMessage]
  t.equal(await textOf(response), '{"status":"ok"}')
  await t.rejects(createHealth().listen({ path: socketPath }), { code: 'FST_HEALTH_ADDRESS_IN_USE' })
})

test('it keeps no process alive', async t => {
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', `
    const { createHealth } = await import('${new URL('../../lib/index.ts', import.meta.url)}')
    console.log(await createHealth().listen({ host: '127.0.0.1' }))
  `], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.match(await textOf(child.stdout), /^http:\/\/127\.0\.0\.1:\d+\n/)
  t.equal(child.exitCode ?? (await once(child, 'exit'))[0], 0)
})
