import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import pg from 'pg'
import t, { type Test } from 'tap'
import { startFileHeartbeat, startRedisHeartbeat, withHealthJobs } from '../../lib/heartbeat/index.js'
import { startCeleryWorker } from '../helpers/celery.js'
import { startSMTP } from '../helpers/aiosmtpd.js'
import { startAuthority } from '../helpers/certificates.js'
import { spawned } from '../helpers/command.js'
import { startDjangoQ } from '../helpers/django-q.js'
import { startGRPC } from '../helpers/grpc.js'
import { startNginx } from '../helpers/nginx.js'
import { startPostgres } from '../helpers/postgres.js'
import { startRabbitMQ } from '../helpers/rabbitmq.js'
import { startRedis } from '../helpers/redis.js'
import { freePort, type Server } from '../helpers/server.js'

// Servers and workers take seconds to start, and so does each run of the command.
t.setTimeout(300_000)

/** Where the services are, or are not. */
interface Services {
  readonly postgres: string
  readonly redis: string
  readonly rabbitmq: string
  readonly grpc: string
  readonly http: string
  readonly smtp: string
  readonly tls: { readonly port: number, readonly ca: string }
  /** The folder to store in. */
  readonly storage: string
  /** A file that a worker touches. */
  readonly heartbeat: string
}

const secretKey = 'correct-horse'

/** Every built-in check that needs no client of the app, each with a connection of its own. */
const configOf = (services: Services) => {
  const { redis: url } = services
  const check = (name: string, options: object = {}) => [`fastify-health/checks/${name}`, options]
  return {
    // A run that is not the test of a timeout may take as long as a busy machine makes it.
    timeout: 20_000,
    diskUsageMax: 100,
    memoryMin: 0,
    subsets: {
      everything: [
        check('bullmq', { queues: ['mail'], url }),
        check('bullmq#BullMQRoundTripCheck', { queues: ['mail'], url }),
        check('certificate', { host: '127.0.0.1', port: services.tls.port, ca: services.tls.ca }),
        check('celery', { url, wait: 10_000 }),
        check('django-q', { cluster: 'orders', secretKey, url }),
        check('django-q#DjangoQLocalCheck', { cluster: 'orders', secretKey, url }),
        check('dns', { name: 'localhost' }),
        check('grpc', { target: services.grpc }),
        check('heartbeat', { file: services.heartbeat }),
        check('heartbeat#HeartbeatClusterCheck', { cluster: 'mailers', url }),
        check('heartbeat#HeartbeatLocalCheck', { cluster: 'mailers', url }),
        check('http', { url: services.http }),
        check('migrations', { tool: 'node-pg-migrate', dir: 'migrations', connectionString: services.postgres }),
        check('postgres', { connectionString: services.postgres }),
        check('rabbitmq', { url: services.rabbitmq }),
        check('redis', { url }),
        check('smtp', { url: services.smtp }),
        check('storage', { dir: services.storage }),
        check('system'),
        check('system#EventLoopCheck', { maxDelay: null }),
        check('system#HeapUsageCheck'),
        check('system#MemoryUsageCheck'),
        check('system#ResidentMemoryCheck', { max: 100_000 }),
        check('tcp', { host: '127.0.0.1', port: Number(new URL(services.http).port) }),
      ],
    },
  }
}

/** What the command said of each check. */
function lines (out: string): Record<string, string> {
  return Object.fromEntries(out.trimEnd().split('\n').map(line => line.split(/ +\.\.\. /)))
}

/** Milliseconds in which a run is over, on a busy machine too; what a driver keeps open would hold a process for a minute, or for ever. */
const promptly = 30_000

async function run (cwd: string, config: string) {
  const begun = performance.now()
  const ended = await spawned(['--subset', 'everything', '--config', config], { cwd })
  return { ...ended, said: lines(ended.out), took: performance.now() - begun }
}

async function listen (t: Test): Promise<string> {
  const server = createServer((_request, response) => response.end('fine'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** An nginx over TLS, and who issued its certificate. */
async function startTLS (t: Test) {
  const root = await startAuthority(t)
  const { port } = await startNginx(t, [await root.issue('shop')])
  return { port, ca: root.certificate.cert }
}

/** Workers of every kind, on one Redis, of which it gives a client. */
async function startWorkers (t: Test, redis: Server, file: string): Promise<Redis> {
  const ready = Promise.all([
    startCeleryWorker(t, { broker: redis.url }),
    startDjangoQ(t, { redis: redis.url, cluster: 'orders', secretKey }),
  ])
  const client = new Redis(redis.url, { maxRetriesPerRequest: null })
  const worker = new Worker('mail', withHealthJobs(async () => {}), { connection: client })
  const beats = [startRedisHeartbeat({ redis: client, cluster: 'mailers' }), startFileHeartbeat({ file })]
  t.after(async () => {
    await Promise.all([worker.close(true), ...beats.map(async beat => await beat.stop())])
    client.disconnect()
  })
  await Promise.all([ready, worker.waitUntilReady()])
  return client
}

/** What each of them says of services that are not there; undefined where it asks nobody. */
const refused = {
  BullMQRoundTripCheck: 'unavailable: connection refused',
  BullMQWorkersCheck: 'unavailable: connection refused',
  CeleryPingCheck: 'unavailable: connection refused',
  CertificateCheck: 'unavailable: connection refused',
  DatabaseHeartbeatCheck: 'unavailable: connection refused',
  DNSCheck: undefined,
  DiskUsageCheck: undefined,
  DjangoQClusterCheck: 'unavailable: connection refused',
  DjangoQLocalCheck: 'unavailable: connection refused',
  EventLoopCheck: undefined,
  HeartbeatClusterCheck: 'unavailable: connection refused',
  HeartbeatFileCheck: 'unavailable: no heartbeat file',
  HeartbeatLocalCheck: 'unavailable: connection refused',
  GRPCCheck: 'unavailable: connection refused',
  HeapUsageCheck: undefined,
  HttpCheck: 'unavailable: connection refused',
  MemoryUsageCheck: undefined,
  MigrationsCheck: 'unavailable: Database is not ready: connection refused',
  RabbitMQCheck: 'unavailable: connection refused',
  RedisCheck: 'unavailable: connection refused',
  ResidentMemoryCheck: undefined,
  SMTPCheck: 'unavailable: connection refused',
  StorageCheck: 'unavailable: a file cannot be written: no such file or folder',
  TCPCheck: 'unavailable: connection refused',
}

const toText = (config: object) => JSON.stringify(config)

t.test('each check connects by itself, answers, and lets the command end', async t => {
  const cwd = t.testdir({ files: {}, migrations: { '1_orders.sql': 'CREATE TABLE orders (id int);' } })
  const [postgres, redis, rabbitmq, http, tls, smtp, grpc] = await Promise.all([startPostgres(t), startRedis(t), startRabbitMQ(t), listen(t), startTLS(t), startSMTP(t), startGRPC(t)])
  const services = { postgres: postgres.url, redis: redis.url, rabbitmq: rabbitmq.url, http, tls, smtp: smtp.url, grpc: grpc.url, storage: 'files', heartbeat: join(cwd, 'beat') }
  const client = await startWorkers(t, redis, services.heartbeat)
  const database = new pg.Client({ connectionString: postgres.url })
  await database.connect()
  t.after(async () => await database.end())
  await database.query('CREATE TABLE pgmigrations (id serial, name text, run_on timestamp)')
  await database.query("INSERT INTO pgmigrations (name, run_on) VALUES ('1_orders', now())")
  await writeFile(join(cwd, 'health.config.json'), toText(configOf(services)))

  const { status, said, err, took } = await run(cwd, 'health.config.json')
  t.strictSame(said, Object.fromEntries(Object.keys(refused).map(name => [name, 'working'])))
  t.equal(err, '')
  t.equal(status, 0)
  t.ok(took < promptly, `it took ${took} ms`)

  t.strictSame(await client.keys('bull:mail:fastify-health-*'), [])
  t.strictSame(await readdir(join(cwd, 'files')), [])
})

t.test('each check says what is refused, and lets the command end', async t => {
  const cwd = t.testdir({ migrations: { '1_orders.sql': '' } })
  const at = `127.0.0.1:${await freePort()}`
  const services = {
    postgres: `postgres://health:canary@${at}/shop`,
    redis: `redis://:canary@${at}`,
    rabbitmq: `amqp://health:canary@${at}`,
    http: `http://health:canary@${at}/`,
    grpc: at,
    smtp: `smtp://health:canary@${at}`,
    tls: { port: Number(new URL(`http://${at}`).port), ca: (await startAuthority(t)).certificate.cert },
    storage: 'files',
    heartbeat: join(cwd, 'beat'),
  }
  await writeFile(join(cwd, 'health.config.json'), toText(configOf(services)))

  const { status, said, out, err, took } = await run(cwd, 'health.config.json')
  t.strictSame(said, Object.fromEntries(Object.entries(refused).map(([name, message = 'working']) => [name, message])))
  t.notMatch(out + err, /canary|127\.0\.0\.1/)
  t.equal(status, 1)
  t.ok(took < promptly, `it took ${took} ms`)
})

t.test('the cache that a `setup` decorates is asked, and the command ends', async t => {
  const configOver = (store: string) => `
    import KeyvRedis from '@keyv/redis'
    import Keyv from 'keyv'

    export default {
      timeout: 20_000,
      subsets: { everything: ['fastify-health/checks/cache'] },
      setup (app) {
        app.decorate('cache', new Keyv(${store}))
      },
    }
  `
  const redis = await startRedis(t)
  const port = await freePort()
  const cwd = t.testdir({
    'memory.mjs': configOver(''),
    'redis.mjs': configOver(`new KeyvRedis('${redis.url}')`),
    'refused.mjs': configOver(`new KeyvRedis('redis://127.0.0.1:${port}')`),
  })
  for (const [config, expected] of [
    ['memory.mjs', { status: 0, said: { 'Cache backend: cache': 'working' } }],
    ['redis.mjs', { status: 0, said: { 'Cache backend: cache': 'working' } }],
    ['refused.mjs', { status: 1, said: { 'Cache backend: cache': 'unavailable: connection refused' } }],
  ] as const) {
    const { status, said, err, took } = await run(cwd, config)
    t.strictSame({ status, said }, expected, `${config} ${err}`)
    t.ok(took < promptly, `it took ${took} ms`)
  }
})
