import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { test } from 'tap'
import { builtInChecks } from '../lib/checks/index.js'
import { isCheckClass } from '../lib/check.js'
import { createHealth } from '../lib/index.js'

interface Case {
  /** What each entry is given that does not say otherwise. */
  readonly options?: object
  /** Where it connects by itself: with what, and through which packages. */
  readonly own?: ReadonlyArray<readonly [object, readonly string[]]>
  /** Over the app's client: with what, which decorator it names, and what it says to do. */
  readonly over?: ReadonlyArray<readonly [object, string, string]>
}

type Fault = readonly [id: string, message: string, hint: string]

const overPostgres: Case['over'] = [
  [{}, 'pg', "Register it: app.register(import('@fastify/postgres')), or give the check a `connectionString`."],
  [{ name: 'shop' }, 'pg.shop', "Register it: app.register(import('@fastify/postgres'), { name: 'shop', … }), or give the check a `connectionString`."],
]
const overRedis: Case['over'] = [
  [{}, 'redis', "Register it: app.register(import('@fastify/redis')), or give the check a `url`."],
  [{ namespace: 'jobs' }, 'redis.jobs', "Register it: app.register(import('@fastify/redis'), { namespace: 'jobs', … }), or give the check a `url`."],
]
const postgres = { own: [[{ connectionString: 'postgres://db' }, ['pg']]], over: overPostgres } satisfies Case
const redis = { own: [[{ url: 'redis://cache' }, ['ioredis']]], over: overRedis } satisfies Case
const djangoQ: Case = { ...redis, options: { cluster: 'mail', secretKey: 'key' } }
const heartbeat: Case = { ...redis, options: { cluster: 'mail' } }
const bullmq: Case = { ...redis, options: { queues: ['mail'] } }
const search: Case = {
  own: [[{ url: 'http://shop' }, []]],
  over: [[{ client: 'search' }, 'search', "Decorate it: app.decorate('search', new Client(…)), or give the check a `url`."]],
}
const nothing: Case = { own: [[{}, []]] }

/** By `module#class`, every built-in check. */
const cases: Record<string, Case> = {
  'bullmq#BullMQRoundTripCheck': { ...bullmq, own: [[{ url: 'redis://cache' }, ['ioredis', 'bullmq']]] },
  'bullmq#BullMQWorkersCheck': bullmq,
  'cache#CacheCheck': {
    over: [
      [{}, 'cache', "Decorate it: app.decorate('cache', new Keyv(store)), or name the decorator that holds a cache."],
      [{ cache: 'pages' }, 'pages', "Decorate it: app.decorate('pages', new Keyv(store)), or name the decorator that holds a cache."],
    ],
  },
  'celery#CeleryPingCheck': { own: [[{ url: 'amqp://broker' }, ['amqplib']], [{ url: 'redis://broker' }, ['ioredis']]] },
  'certificate#CertificateCheck': { own: [[{ host: 'shop' }, []], [{ file: 'shop.pem' }, []]] },
  'django-q#DjangoQClusterCheck': djangoQ,
  'django-q#DjangoQLocalCheck': djangoQ,
  'dns#DNSCheck': { ...nothing, options: { name: 'shop' } },
  'elasticsearch#SearchCheck': search,
  'grpc#GRPCCheck': {
    own: [[{ target: 'shop:1' }, ['@grpc/grpc-js']]],
    over: [[{ client: 'orders' }, 'orders', "Decorate it: app.decorate('orders', new OrdersClient(…)), or give the check a `target`."]],
  },
  'heartbeat#HeartbeatClusterCheck': heartbeat,
  'heartbeat#HeartbeatFileCheck': nothing,
  'heartbeat#HeartbeatLocalCheck': heartbeat,
  'http#HttpCheck': {
    ...nothing,
    options: { url: 'http://partner' },
    over: [[{ dispatcher: 'partner' }, 'partner', "Decorate it: app.decorate('partner', new Agent(…)), of the package undici, or name the decorator that holds one."]],
  },
  'kafka#KafkaCheck': {
    own: [[{ brokers: ['shop:9092'] }, ['kafkajs']]],
    over: [[{ client: 'kafka' }, 'kafka', "Decorate it: app.decorate('kafka', kafka.admin()), or give the check its `brokers`."]],
  },
  'migrations#MigrationsCheck': { ...postgres, options: { tool: 'knex', dir: 'test/fixtures' } },
  'memcached#MemcachedCheck': {
    own: [[{ servers: 'shop:11211' }, []]],
    over: [[{ client: 'memcached' }, 'memcached', "Decorate it: app.decorate('memcached', memjs.Client.create(…)), or give the check its `servers`."]],
  },
  'mongodb#MongoDBCheck': {
    own: [[{ url: 'mongodb://shop' }, ['mongodb']]],
    over: [[{}, 'mongo', "Register it: app.register(import('@fastify/mongodb'), …), name the decorator of yours, or give the check a `url`."]],
  },
  'mqtt#MqttCheck': {
    own: [[{ url: 'mqtt://shop' }, ['mqtt']]],
    over: [[{ client: 'mqtt' }, 'mqtt', "Decorate it: app.decorate('mqtt', mqtt.connect(…)), or give the check a `url`."]],
  },
  'mysql#MySQLCheck': {
    own: [[{ url: 'mysql://shop' }, ['mysql2']]],
    over: [
      [{}, 'mysql', "Register it: app.register(import('@fastify/mysql'), …), name the decorator of yours, or give the check a `url`."],
      [{ client: 'reports' }, 'reports', "Register it: app.register(import('@fastify/mysql'), …), name the decorator of yours, or give the check a `url`."],
    ],
  },
  'nats#NatsCheck': {
    own: [[{ url: 'nats://shop' }, []]],
    over: [[{ client: 'nats' }, 'nats', "Decorate it: app.decorate('nats', await connect(…)), or give the check a `url`."]],
  },
  'opensearch#SearchCheck': search,
  'postgres#DatabaseHeartbeatCheck': postgres,
  'rabbitmq#RabbitMQCheck': { own: [[{ url: 'amqp://broker' }, ['amqplib']]] },
  'redis#RedisCheck': redis,
  'smtp#SMTPCheck': {
    own: [[{ url: 'smtp://shop' }, ['nodemailer']]],
    over: [[{ transport: 'mailer' }, 'mailer', "Decorate it: app.decorate('mailer', nodemailer.createTransport(…)), or give the check a `url`."]],
  },
  'sql#SQLCheck': {
    over: [[{ client: 'db' }, 'db', "Decorate the app with the client that it already has, and name the decorator: { client: 'db' }."]],
  },
  'storage#StorageCheck': {
    own: [[{ dir: '/tmp' }, []]],
    over: [[{ disk: 'drive' }, 'drive', "Decorate it: app.decorate('drive', new Disk(driver)), or give the check a `dir`."]],
  },
  'system#DiskUsageCheck': nothing,
  'system#EventLoopCheck': nothing,
  'system#HeapUsageCheck': nothing,
  'system#MemoryUsageCheck': nothing,
  'system#ResidentMemoryCheck': { ...nothing, options: { max: 512 } },
  'tcp#TCPCheck': { ...nothing, options: { host: 'shop', port: 80 } },
}

const entryOf = (name: string, options: object) => [`fastify-health/checks/${name}`, options] as const
const index = new URL('../lib/index.ts', import.meta.url).href

/** What each entry misses in a process where packages are not installed. */
async function withoutPackages (packages: readonly string[], entries: ReadonlyArray<readonly [string, object]>): Promise<Fault[][]> {
  const hooks = `export async function resolve (specifier, context, next) {
    if (${JSON.stringify(packages)}.includes(specifier)) throw new Error('not installed')
    return await next(specifier, context)
  }`
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import', import.meta.resolve('@tapjs/typescript/import'),
    '--input-type', 'module',
    '--eval', `import { register } from 'node:module'
      register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})
      const { createHealth } = await import('${index}')
      const found = []
      for (const entry of ${JSON.stringify(entries)}) {
        const health = createHealth({ subsets: { s: [entry] } })
        const faults = (await health.systemChecks()).filter(({ level }) => level === 'error')
        found.push(faults.map(({ id, message, hint }) => [id, message, hint]))
        await health.close()
      }
      console.log(JSON.stringify(found))`,
  ])
  return JSON.parse(stdout)
}

test('no built-in check is left out here', async t => {
  const found = await Promise.all(Object.entries(builtInChecks).map(async ([specifier, load]) => {
    const classes = Object.entries(await load()).filter(([name, exported]) => name !== 'default' && isCheckClass(exported))
    return classes.map(([name]) => `${specifier.replace('fastify-health/checks/', '')}#${name}`)
  }))
  t.strictSame(found.flat().sort(), Object.keys(cases).sort())
})

test('a check whose driver is not installed says which package to install', async t => {
  const asked = Object.entries(cases).flatMap(([name, { options, own = [] }]) =>
    own.map(([source, packages]) => ({ entry: entryOf(name, { ...options, ...source }), packages })))
  const drivers = [...new Set(asked.flatMap(({ packages }) => packages))]
  t.strictSame(drivers.toSorted(), ['@grpc/grpc-js', 'amqplib', 'bullmq', 'ioredis', 'kafkajs', 'mongodb', 'mqtt', 'mysql2', 'nodemailer', 'pg'])

  const found = await withoutPackages(drivers, asked.map(({ entry }) => entry))
  for (const [at, { entry, packages }] of asked.entries()) {
    t.strictSame(found[at], packages.map(name =>
      ['E007', `the package '${name}' cannot be loaded`, `Install it: npm install ${name}`]), entry[0])
  }
  const installed = await withoutPackages([], asked.map(({ entry }) => entry))
  t.strictSame(installed.flat(), [], 'and nothing where they are')
})

test('a check whose decorator is missing says what to register', async t => {
  for (const [name, { options, over = [] }] of Object.entries(cases)) {
    for (const [source, decorator, hint] of over) {
      const health = createHealth({ subsets: { s: [entryOf(name, { ...options, ...source }) as never] } }, { app: {} as never })
      t.after(async () => await health.close())
      const faults = (await health.systemChecks()).filter(({ level }) => level === 'error')
      const said = faults.map(({ id, message, hint }) => [id, message, hint])
      // A driver that it needs besides is installed here.
      t.strictSame(said, [['E007', `app.${decorator} is not there`, hint]], `${name} over app.${decorator}`)
    }
  }
})
