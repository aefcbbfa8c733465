import { once } from 'node:events'
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import PgBoss from 'pg-boss'
import { test, type Test } from 'tap'
import { parse } from 'yaml'
import { program, pythonWith } from './helpers/debian.js'
import { addressOf, bin, client, evaluate, evaluation, fastifyHealth, root, runToEnd, saying, start, startExample, temporaryFolder } from './helpers/example.js'
import { until } from './helpers/leaks.js'
import { startPostgres } from './helpers/postgres.js'
import { startRedis } from './helpers/redis.js'
import { freePort } from './helpers/server.js'

const example = (file: string) => join(root, 'examples', file)
const patience = { timeout: 60_000 }

async function startService (t: Test, env: Record<string, string> = {}) {
  const service = startExample(t, 'service.js', { env: { PORT: '0', ...env } })
  return { ...service, ...client(await addressOf(service)) }
}

const json = (body: unknown) => JSON.stringify(body)
const alive = [200, '{"status":"ok"}']
const readiness = '/healthcheck/readiness?format=json'
const ready = [200, '{"DatabaseHeartbeatCheck":"working"}']
const refused = [500, '{"DatabaseHeartbeatCheck":"unavailable: connection refused"}']
const withToken = { headers: { authorization: 'Bearer secret' } }

test('the service with its embedded database', async t => {
  const { ask, child, exit, output } = await startService(t, { DRAIN: '2000' })

  t.strictSame(output().match(/http:\/\/[^\s']+[.,;:](?=\s)/g), null, 'a terminal would make the punctuation part of the link')
  t.strictSame(await ask('/healthcheck/liveness'), alive)
  t.match(await ask('/healthcheck/readiness'), [200, /<title>System status<\/title>[^]*DatabaseHeartbeatCheck/])
  t.strictSame(await ask(readiness), ready)
  t.strictSame(await ask('/healthcheck/readiness?format=plain'), [200, 'DatabaseHeartbeatCheck   ... working\n'])
  const everything = ['DatabaseHeartbeatCheck', 'DiskUsageCheck', 'EventLoopCheck', 'MemoryUsageCheck']
  const [, integrations] = await ask('/healthcheck/integrations?format=json')
  t.strictSame(Object.keys(JSON.parse(integrations)), everything)
  t.strictSame((await ask('/healthcheck/integrations?format=plain'))[1].match(/^\w+/gm), everything)
  for (const name of everything) t.match((await ask('/healthcheck/integrations'))[1], name)

  t.strictSame(await ask('/orders'), [401, '{"error":"Unauthorized"}'])
  t.match(await ask('/orders', withToken), [200, /^\[\{"id":1,.*"id":3,/])

  t.equal((await ask('/docs'))[0], 200)
  const { paths } = JSON.parse((await ask('/docs/json'))[1])
  t.strictSame(Object.keys(paths).sort(), ['/healthcheck/integrations', '/healthcheck/liveness', '/healthcheck/readiness', '/orders'])

  t.strictSame(await ask('/demo/database/stop', { method: 'POST' }), [200, '{"database":"stopped"}'])
  t.strictSame(await ask('/demo/database/stop', { method: 'POST' }), [200, '{"database":"stopped"}'], 'twice is no fault')
  t.strictSame(await ask(readiness), refused)
  t.match(await ask('/healthcheck/integrations?format=plain'), [500, /^DatabaseHeartbeatCheck {3}\.\.\. unavailable: connection refused$/m])
  t.strictSame(await ask('/healthcheck/liveness'), alive)
  t.strictSame(await ask('/demo/database/start', { method: 'POST' }), [200, '{"database":"started"}'])
  t.strictSame(await ask(readiness), ready)
  t.strictSame(await ask('/healthcheck/liveness'), alive)

  child.kill('SIGTERM')
  await until(async () => (await ask(readiness))[0] === 500)
  t.strictSame(await ask(readiness), [500, '{"DatabaseHeartbeatCheck":"unavailable: draining"}'])
  t.equal((await ask('/orders', withToken))[0], 200, 'who still comes is served')
  t.strictSame(await ask('/healthcheck/liveness'), alive)
  t.equal(await exit, 0, output())
  await t.rejects(ask('/healthcheck/liveness'))
})

test('the service with a PostgreSQL and a Redis of its own, and its app asked by the command line', async t => {
  const [postgres, redis] = await Promise.all([startPostgres(t), startRedis(t)])
  const env = { DATABASE_URL: postgres.url, REDIS_URL: redis.url }
  const { ask } = await startService(t, env)
  const integrations = async () => {
    const [status, body] = await ask('/healthcheck/integrations?format=json')
    const { DatabaseHeartbeatCheck, RedisCheck } = JSON.parse(body)
    return [status, DatabaseHeartbeatCheck, RedisCheck]
  }
  const command = async () => await fastifyHealth(['--subset', 'readiness', '--app', 'examples/app.js'], { env })

  t.strictSame(await ask(readiness), ready)
  t.match(await integrations(), [Number, 'working', 'working'])
  t.match((await ask('/orders', withToken)), [200, /"id":3/])
  t.equal((await ask('/demo/database/stop', { method: 'POST' }))[0], 404, 'which is not for others to stop')
  t.strictSame(await command(), { status: 0, out: 'DatabaseHeartbeatCheck   ... working\n', err: '' })

  await postgres.stop()
  t.strictSame(await ask(readiness), refused)
  t.strictSame(await ask('/healthcheck/liveness'), alive)
  t.match(await command(), { status: 1, out: 'DatabaseHeartbeatCheck   ... unavailable: connection refused\n' })
  await postgres.start()
  t.strictSame(await ask(readiness), ready)

  await redis.stop()
  t.match(await integrations(), [500, 'working', 'unavailable: connection refused'])
  t.strictSame(await ask(readiness), ready)
  await redis.start()
  t.match(await integrations(), [Number, 'working', 'working'])
})

test('a port that is taken is said in one line', async t => {
  const { port } = await listening(t, () => 200)
  const service = startExample(t, 'service.js', { env: { PORT: String(port), DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' } })
  t.equal(await service.exit, 1)
  t.equal(service.output(), `Port ${port} is taken: PORT=3001 npm start\n`)
})

test('the quick start', async t => {
  const postgres = await startPostgres(t)
  const cwd = temporaryFolder(t)
  await mkdir(join(cwd, 'migrations'))
  await writeFile(join(cwd, 'migrations/1700000000001_orders.sql'), '-- Up Migration\nCREATE TABLE orders (id int);\n-- Down Migration\nDROP TABLE orders;\n')
  const env = { DATABASE_URL: postgres.url, PORT: String(await freePort()) }
  const service = startExample(t, 'quick-start.js', { cwd, env })
  await saying('Server listening', service)
  const { ask } = client(`http://127.0.0.1:${env.PORT}`)
  const integrations = async () => JSON.parse((await ask('/healthcheck/integrations?format=json'))[1])

  t.strictSame(await ask('/healthcheck/liveness'), alive)
  t.strictSame(await ask(readiness), ready)
  t.match(await integrations(), {
    DatabaseHeartbeatCheck: 'working',
    MigrationsCheck: 'unavailable: There are migrations to apply: 1700000000001_orders',
    'Payments API': /^unavailable: /,
  })
  const migrated = await runToEnd([join(root, 'node_modules/.bin/node-pg-migrate'), 'up'], { cwd, env })
  t.equal(migrated.status, 0, migrated.err)
  t.match(await integrations(), { MigrationsCheck: 'working' })
})

async function configOf (folder: string, subsets: object): Promise<string> {
  const file = join(folder, 'health.config.json')
  await writeFile(file, json({ subsets }))
  return file
}

test('a worker is healthy while it beats', async t => {
  const worker = startExample(t, 'worker.js')
  const env = { TMPDIR: worker.folder }
  await saying('Working.', worker)
  const asked = async (config: string) => await fastifyHealth(['--subset', 'liveness', '--config', config], { env })
  const own = example('worker.health.config.js')
  const impatient = await configOf(worker.folder, { liveness: [['fastify-health/checks/heartbeat', { maxAge: 1500 }]] })

  t.strictSame(await asked(own), { status: 0, out: 'HeartbeatFileCheck       ... working\n', err: '' })
  t.match(await asked(impatient), { status: 0 })
  worker.child.kill('SIGSTOP')
  await pause(1600)
  t.match(await asked(impatient), { status: 1, out: /^HeartbeatFileCheck {7}\.\.\. unavailable: no heartbeat for / })
  worker.child.kill('SIGCONT')
  await until(async () => (await asked(impatient)).status === 0)
  worker.child.kill('SIGTERM')
  t.equal(await worker.exit, 0)
  t.strictSame(await asked(own), { status: 1, out: 'HeartbeatFileCheck       ... unavailable: no heartbeat file\n', err: '' })
})

test('a worker that tells Redis how it is', async t => {
  const redis = await startRedis(t)
  const worker = startExample(t, 'redis-worker.js', { env: { REDIS_URL: redis.url } })
  const config = await configOf(worker.folder, {
    integrations: [['fastify-health/checks/heartbeat#HeartbeatClusterCheck', { cluster: 'mailers', url: redis.url }]],
  })
  const asked = async () => (await fastifyHealth(['--subset', 'integrations', '--config', config]))

  await until(async () => (await asked()).status === 0, patience)
  t.strictSame(await asked(), { status: 0, out: 'HeartbeatClusterCheck    ... working\n', err: '' })
  worker.child.kill('SIGSTOP')
  await pause(3100)
  t.match(await asked(), { status: 1, out: /^HeartbeatClusterCheck {4}\.\.\. unavailable: / })
  worker.child.kill('SIGCONT')
  await until(async () => (await asked()).status === 0)
  worker.child.kill('SIGTERM')
  t.equal(await worker.exit, 0)
  t.equal((await asked()).status, 1, 'its end is seen at once')
})

test('a BullMQ worker is asked for its beat and with a job', async t => {
  const redis = await startRedis(t)
  const worker = startExample(t, 'bullmq-worker.js', { env: { REDIS_URL: redis.url } })
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
  const queue = new Queue('mail', { connection })
  t.after(async () => {
    await queue.close()
    await connection.quit()
  })
  await queue.add('welcome', { to: 'somebody' })
  await saying('Mail to somebody', worker)

  const config = await configOf(worker.folder, {
    liveness: ['fastify-health/checks/heartbeat'],
    integrations: [['fastify-health/checks/bullmq#BullMQRoundTripCheck', { queues: ['mail'], url: redis.url }]],
  })
  const asked = async (subset: string) => await fastifyHealth(['--subset', subset, '--config', config], { env: { TMPDIR: worker.folder } })
  t.strictSame(await asked('liveness'), { status: 0, out: 'HeartbeatFileCheck       ... working\n', err: '' })
  t.strictSame(await asked('integrations'), { status: 0, out: 'BullMQRoundTripCheck     ... working\n', err: '' })
  t.notMatch(worker.output(), 'Mail to undefined', 'a health job is none of its own')

  worker.child.kill('SIGTERM')
  t.equal(await worker.exit, 0, worker.output())
  t.match(await asked('liveness'), { status: 1, out: 'no heartbeat file' })
  t.match(await asked('integrations'), { status: 1, out: 'no worker of queue \'mail\' took the health job' })
})

test('a worker ends soon, though what it works for is frozen, and says what it needs', async t => {
  const redis = await startRedis(t)
  const postgres = await startPostgres(t)
  for (const [name, env, server] of [
    ['redis-worker.js', { REDIS_URL: redis.url }, redis],
    ['bullmq-worker.js', { REDIS_URL: redis.url }, redis],
    ['pg-boss-worker.js', { DATABASE_URL: postgres.url }, postgres],
  ] as const) {
    const worker = startExample(t, name, { env })
    await saying('Working.', worker)
    await pause(500)
    server.freeze()
    worker.child.kill('SIGTERM')
    const begun = performance.now()
    t.equal(await worker.exit, 0, worker.output())
    t.ok(performance.now() - begun < 2500, name)
    server.thaw()
    const lacking = startExample(t, name)
    t.not(await lacking.exit, 0)
    t.match(lacking.output(), `Set ${Object.keys(env)[0]}.`)
  }
})

test('a Celery worker whose probes are served beside it, in Kubernetes and by systemd', async t => {
  const redis = await startRedis(t)
  const cwd = temporaryFolder(t)
  const beat = join(cwd, 'beat')
  const env = { BROKER: redis.url, BEAT: beat, PYTHONPATH: `${cwd}:${example('sidecar')}` }
  await writeFile(join(cwd, 'tasks.py'), [
    'import os', 'from celery import Celery', 'from beat import beats', "app = Celery('tasks', broker=os.environ['BROKER'])", 'beats(app)',
  ].join('\n'))
  const { initContainers: [sidecar], containers: [pod] } = parse(await readFile(example('sidecar/deployment.yaml'), 'utf8')).spec.template.spec
  const worker = start(t, [pythonWith('celery', 'redis'), '-m', ...pod.command, '--concurrency', '1', '--without-mingle', '--without-gossip'], { cwd, env })

  const serve = async (words: readonly string[]) => {
    const port = String(await freePort())
    const [command, ...argv] = words
    t.equal(command, 'node_modules/.bin/fastify-health')
    t.match(argv.join(' '), '--port 9000')
    const serving = start(t, [process.execPath, bin, ...argv.map(word => word === '9000' ? port : word)], { cwd: example('sidecar'), env })
    await saying('Serving the probes at', serving)
    return { ...serving, ...client(`http://127.0.0.1:${port}`) }
  }
  // A section or directive that it does not know is a warning to it.
  t.strictSame(await runToEnd([program('systemd-analyze'), 'verify', example('sidecar/fastify-health.service')]), { status: 0, out: '', err: '' })
  const unit = await readFile(example('sidecar/fastify-health.service'), 'utf8')
  const [, line = ''] = /^ExecStart=\/usr\/bin\/env (.+)$/m.exec(unit) ?? []
  const probes = await Promise.all([serve(sidecar.command), serve(line.split(' '))])
  for (const { httpGet: { path, port } } of [sidecar.startupProbe, sidecar.livenessProbe, pod.livenessProbe]) {
    t.equal(port, 9000)
    await until(async () => (await probes[0].ask(path))[0] === 200, patience)
  }

  for (const { ask } of probes) {
    await until(async () => (await ask('/healthcheck/integrations?format=json'))[1] === '{"CeleryPingCheck":"working"}', patience)
  }
  worker.child.kill('SIGSTOP')
  await utimes(beat, new Date(), new Date(Date.now() - 660_000))
  for (const { ask } of probes) {
    t.match(await ask(`${pod.livenessProbe.httpGet.path}?format=json`), [500, 'unavailable: no heartbeat for 66'])
    t.strictSame(await ask(sidecar.livenessProbe.httpGet.path), alive)
  }
  worker.child.kill('SIGCONT')
  await until(async () => (await probes[0].ask(pod.livenessProbe.httpGet.path))[0] === 200)
  worker.child.kill('SIGTERM')
  await worker.exit
  t.match(await probes[0].ask(`${pod.livenessProbe.httpGet.path}?format=json`), [500, 'unavailable: no heartbeat file'])
  for (const { child, exit } of probes) {
    child.kill('SIGTERM')
    t.equal(await exit, 0)
  }
})

test('a pg-boss worker beats as it makes progress', async t => {
  const postgres = await startPostgres(t)
  const worker = startExample(t, 'pg-boss-worker.js', { env: { DATABASE_URL: postgres.url } })
  await saying('Working.', worker)
  const boss = new PgBoss({ connectionString: postgres.url, supervise: false, schedule: false })
  boss.on('error', () => {})
  await boss.start()
  t.after(async () => await boss.stop({ graceful: false }).catch(() => {}))
  const config = await configOf(worker.folder, { liveness: [['fastify-health/checks/heartbeat', { maxAge: 2500 }]] })
  const asked = async () => await fastifyHealth(['--subset', 'liveness', '--config', config], { env: { TMPDIR: worker.folder } })
  const working = { status: 0, out: 'HeartbeatFileCheck       ... working\n', err: '' }

  await pause(3000)
  t.strictSame(await asked(), working, 'with nothing to do, its rounds go on')
  const sent = await boss.send('mail', { to: 'somebody' }) as string
  await saying('Mail to somebody', worker)
  await until(async () => (await boss.getJobById('mail', sent))?.state === 'completed', patience)

  await boss.send('mail', { to: 'a server that hangs', seconds: 15 })
  await until(async () => (await asked()).status === 1, patience)
  t.match(await asked(), { status: 1, out: /^HeartbeatFileCheck {7}\.\.\. unavailable: no heartbeat for / }, 'the event loop is free, and there is no progress')
  await saying('Mail to a server that hangs', worker)
  await until(async () => (await asked()).status === 0)
  await postgres.stop()
  await pause(3000)
  t.strictSame(await asked(), working, 'no restart would bring the database back')
  await postgres.start()
  const last = await boss.send('mail', { to: 'everybody' }) as string
  await saying('Mail to everybody', worker)
  await until(async () => (await boss.getJobById('mail', last))?.state === 'completed', patience)

  worker.child.kill('SIGTERM')
  t.equal(await worker.exit, 0, worker.output())
  t.match(await asked(), { status: 1, out: 'no heartbeat file' })
})

test('the configuration of the command line', async t => {
  const postgres = await startPostgres(t)
  const env = { DATABASE_URL: postgres.url, TMPDIR: temporaryFolder(t) }
  const command = async (...argv: string[]) => await fastifyHealth([...argv, '--config', 'examples/health.config.js'], { env })

  t.strictSame(await command('check'), { status: 0, out: 'No faults in 2 subsets: liveness, readiness.\n', err: '' })
  t.strictSame(await command('-s', 'readiness'), { status: 0, out: 'DatabaseHeartbeatCheck   ... working\n', err: '' })
  t.strictSame(await command('-s', 'liveness'), { status: 1, out: 'HeartbeatFileCheck       ... unavailable: no heartbeat file\n', err: '' })
  await postgres.stop()
  t.strictSame(await command('-s', 'readiness'), { status: 1, out: 'DatabaseHeartbeatCheck   ... unavailable: connection refused\n', err: '' })
})

async function listening (t: Test, status: () => number): Promise<{ port: number, close: () => Promise<void> }> {
  const server = http.createServer((_request, response) => response.writeHead(status()).end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  t.after(close)
  return { port: (server.address() as AddressInfo).port, close }
}

test('checks of one\'s own', async t => {
  let status = 200
  const payments = await listening(t, () => status)
  const report = async (flags: object) => await evaluate(`
    import Fastify from 'fastify'
    import health from 'fastify-health'
    import { featureFlags, PaymentsCheck } from './examples/own-checks.js'

    const app = Fastify()
    app.decorate('flags', ${json(flags)})
    await app.register(health, { subsets: { integrations: [featureFlags, [PaymentsCheck, { url: 'http://127.0.0.1:${payments.port}/ping' }]] } })
    const { statusCode, body } = await app.inject('/healthcheck/integrations?format=json')
    console.log(JSON.stringify([statusCode, JSON.parse(body)]))
    await app.close()
  `)
  t.strictSame(await report({ loaded: true }), [200, { 'Feature flags': 'working', 'Payments API': 'working' }])
  status = 503
  t.strictSame(await report({ loaded: true }), [200, { 'Feature flags': 'working', 'Payments API': 'unavailable: answered 503' }], 'it is not critical')
  await payments.close()
  t.strictSame(await report({ loaded: false }), [500, { 'Feature flags': 'unavailable: not loaded yet', 'Payments API': 'unavailable: no answer' }])
})

test('a check over a client that takes no signal', async t => {
  const found = await evaluate(`
    import Fastify from 'fastify'
    import health from 'fastify-health'
    import { SearchCheck } from './examples/search-check.js'

    const app = Fastify()
    app.decorate('search', { ping: async () => await new Promise((resolve, reject) => { app.answer = resolve; app.fail = reject }) })
    await app.register(health, { subsets: { integrations: [[SearchCheck, { timeout: 300 }]] } })
    const ask = async () => (await app.inject('/healthcheck/integrations?format=json')).json().SearchCheck
    const found = [await ask()]
    app.answer()
    setTimeout(() => app.fail(Object.assign(new Error('10.0.0.7'), { code: 'ECONNREFUSED' })), 100)
    found.push(await ask())
    await app.close()
    console.log(JSON.stringify(found))
  `)
  t.strictSame(found, ['unavailable: timed out after 300 ms', 'unavailable: connection refused'])
})

test('the health service of a gRPC server', async t => {
  const found = await evaluate(`
    import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js'
    import { createHealth } from 'fastify-health'
    import { serveHealth } from './examples/grpc-server.js'

    const server = new Server()
    const health = createHealth({ subsets: { readiness: [] } })
    const shutDown = await serveHealth(server, health)
    const port = await new Promise(resolve => server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, port) => resolve(port)))
    const client = new Client('127.0.0.1:' + port, credentials.createInsecure())
    const found = []
    const raw = bytes => bytes
    client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', raw, raw, Buffer.alloc(0)).on('data', bytes => {
      found.push(bytes.toString('hex'))
      // The end of the wait, which is for load balancers.
      if (found.length === 2) health.close()
      else shutDown().then(() => { client.close(); console.log(JSON.stringify(found)) })
    })
  `)
  t.strictSame(found, ['0801', '0802'])
})

test('the example of a test passes', async t => {
  const { status, out } = await runToEnd([process.execPath, '--test', example('app.test.js')])
  t.equal(status, 0, out)
})

test('every list of entries could be a subset, once the app has what it asks for', async t => {
  const found = await evaluate(`
    import { createHealth } from 'fastify-health'
    import * as lists from './examples/entries.js'

    const found = {}
    for (const [name, entries] of Object.entries(lists)) {
      const health = createHealth({ subsets: { [name]: entries } })
      found[name] = (await health.systemChecks()).filter(({ id }) => id !== 'E007')
      await health.close()
    }
    console.log(JSON.stringify(found))
  `) as Record<string, unknown[]>
  t.ok(Object.keys(found).length >= 9)
  for (const [name, faults] of Object.entries(found)) t.strictSame(faults, [], name)
})

test('who sees messages', async t => {
  const [bearer, network] = await evaluate(`
    import Fastify from 'fastify'
    import health, { defineCheck, ServiceUnavailable } from 'fastify-health'
    import { fromNetwork, withToken } from './examples/details.js'

    const failing = defineCheck({ identifier: 'A', check () { throw new ServiceUnavailable('why') } })

    async function seen (details, requests) {
      const app = Fastify()
      await app.register(health, { details, subsets: { readiness: [failing] } })
      const answers = []
      for (const request of requests) {
        const { body } = await app.inject({ url: '/healthcheck/readiness?format=json', ...request })
        answers.push(JSON.parse(body).A)
      }
      await app.close()
      return answers
    }

    const having = authorization => ({ headers: { authorization } })
    const from = remoteAddress => ({ remoteAddress })
    console.log(JSON.stringify([
      await seen(withToken('secret'), [having('Bearer secret'), having('Bearer other!'), having('Bearer secrets'), {}]),
      await seen(fromNetwork('10.0.0.0', 8), [from('10.1.2.3'), from('::ffff:10.1.2.3'), from('11.0.0.1'), from('::1')]),
    ]))
  `) as string[][]
  t.strictSame(bearer, ['unavailable: why', 'unavailable', 'unavailable', 'unavailable'])
  t.strictSame(network, ['unavailable: why', 'unavailable: why', 'unavailable', 'unavailable'])
})

test('a shutdown drains first', async t => {
  const service = start(t, evaluation(`
    import Fastify from 'fastify'
    import health, { defineCheck } from 'fastify-health'
    import { drainOnSignals } from './examples/shutdown.js'

    const app = Fastify()
    await app.register(health, { subsets: { readiness: [defineCheck({ identifier: 'A', check () {} })] } })
    drainOnSignals(app, 1500)
    console.log(\`It listens on \${await app.listen({ port: 0, host: '127.0.0.1' })}\`)
  `))
  const { ask } = client(await addressOf(service))
  t.strictSame(await ask(readiness), [200, '{"A":"working"}'])
  service.child.kill('SIGTERM')
  await until(async () => (await ask(readiness))[0] === 500)
  t.strictSame(await ask(readiness), [500, '{"A":"unavailable: draining"}'])
  t.strictSame(await ask('/healthcheck/liveness'), alive)
  t.equal(await service.exit, 0, service.output())
})

test('the metrics beside the app\'s own', async t => {
  const [before, after] = await evaluate(`
    import Fastify from 'fastify'
    import health, { defineCheck } from 'fastify-health'
    import { metricsRoute } from './examples/metrics.js'

    const app = Fastify()
    await app.register(health, { subsets: { readiness: [defineCheck({ identifier: 'A', check () {} })] } })
    await app.register(metricsRoute)
    const before = await app.inject('/metrics')
    await app.inject('/healthcheck/readiness')
    const after = await app.inject('/metrics')
    console.log(JSON.stringify([before.body, after.body]))
    await app.close()
  `) as string[]
  t.notMatch(before, /^fastify_health_subset_status\{/m, 'nobody has asked')
  t.match(after, /^fastify_health_subset_status\{subset="readiness"\} 1$/m)
  t.match(after, /^fastify_health_check_runs_total\{subset="readiness",check="A"\} 1$/m)
})

test('the metrics of OpenTelemetry', async t => {
  const found = await evaluate(`
    import Fastify from 'fastify'
    import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
    import { metrics } from '@opentelemetry/api'
    import health, { defineCheck } from 'fastify-health'
    import { observeHealth } from './examples/telemetry.js'

    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3600_000 })
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
    const app = Fastify()
    await app.register(health, { subsets: { readiness: [defineCheck({ identifier: 'A', check () {} })] } })
    await app.register(observeHealth)
    await app.inject('/healthcheck/readiness')
    await reader.forceFlush()
    console.log(JSON.stringify(exporter.getMetrics().at(-1).scopeMetrics[0].metrics.map(({ descriptor }) => descriptor.name)))
    await app.close()
    await reader.shutdown()
  `) as string[]
  t.ok(found.includes('fastify_health_subset_status'), found.join())
})

test('an app is traced and its probes are not, nor what their checks ask', async t => {
  const partner = http.createServer((_request, response) => response.end('fine')).listen(0, '127.0.0.1')
  t.after(() => partner.close())
  await once(partner, 'listening')
  const service = start(t, [process.execPath, '--import', example('tracing.js'), ...evaluation(`
    import http from 'node:http'
    import Fastify from 'fastify'
    import health from 'fastify-health'

    const url = 'http://127.0.0.1:${(partner.address() as AddressInfo).port}'
    const check = ['fastify-health/checks/http', { url: url + '/asked-by-a-check' }]
    const app = Fastify()
    await app.register(health, { subsets: { readiness: [check], integrations: [['fastify-health/checks/http', { url: url + '/asked-at-an-interval', interval: 100 }]] } })
    app.get('/orders', async () => {
      await new Promise(resolve => http.get(url + '/asked-by-the-app', response => response.resume().on('end', resolve)))
      return 'none'
    })
    console.log('listens on ' + await app.listen({ port: 0, host: '127.0.0.1' }) + ' ')
  `).slice(1)])
  const { ask } = client(await addressOf(service))
  t.equal((await ask('/healthcheck/readiness'))[0], 200)
  t.equal((await ask('/healthcheck/integrations'))[0], 200)
  t.equal((await ask('/healthcheck/liveness'))[0], 200)
  await ask('/orders')
  await saying('/asked-by-the-app', service)
  await pause(300)
  t.match(service.output(), "'/orders'")
  t.notMatch(service.output(), 'asked-by-a-check')
  t.notMatch(service.output(), 'asked-at-an-interval')
  t.notMatch(service.output(), '/healthcheck/')
})

test('there is no example beside these', async t => {
  t.strictSame((await readdir(example(''))).sort(), [
    'app.js',
    'app.test.js',
    'bullmq-worker.js',
    'database.js',
    'details.js',
    'entries.js',
    'fleet-instance.js',
    'fleet-worker.js',
    'fleet.js',
    'grpc-server.js',
    'health.config.js',
    'metrics.js',
    'own-checks.js',
    'pg-boss-worker.js',
    'quick-start.js',
    'redis-worker.js',
    'search-check.js',
    'service.js',
    'shutdown.js',
    'sidecar',
    'telemetry.js',
    'tracing.js',
    'worker.health.config.js',
    'worker.js',
  ])
})
