// Each check of the shelf, over a client that the app has, beside the cheapest call of that client.
import { lookup } from 'node:dns/promises'
import { readFile, statfs } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { connect as connectTLS } from 'node:tls'
import { getHeapStatistics } from 'node:v8'

const require = createRequire(import.meta.url)

/** One registry, and by the name of a subset the bare call beside it. */
export async function shelf ({ postgres, mysql: mysqlUrl, mongodb, kafka, nats, mqtt, memcached, smtp, tls }) {
  const clients = await connected({ postgres, mysql: mysqlUrl, mongodb, kafka, nats, mqtt, memcached, smtp })
  const { elasticsearch, opensearch } = await searchEngines()
  const tlsPort = Number(new URL(tls.url).port)
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()

  const { createHealth } = await import('../../dist/lib/index.js')
  const over = (module, client, options) => [[`fastify-health/checks/${module}`, { client, ...options }]]
  const health = createHealth({
    diskUsageMax: 100,
    memoryMin: 1,
    subsets: {
      'sql-over-pg': over('sql', clients.postgres),
      'sql-over-mysql2': over('sql', clients.mysql),
      mysql: over('mysql', clients.mysql),
      mongodb: over('mongodb', clients.mongodb),
      kafka: over('kafka', clients.kafka),
      elasticsearch: over('elasticsearch', elasticsearch),
      opensearch: over('opensearch', opensearch),
      nats: over('nats', clients.nats),
      mqtt: over('mqtt', clients.mqtt),
      memcached: over('memcached', clients.memcached),
      grpc: over('grpc', clients.grpc, { service: 'readiness' }),
      smtp: [['fastify-health/checks/smtp', { transport: clients.smtp }]],
      tcp: [['fastify-health/checks/tcp', { host: '127.0.0.1', port: tlsPort }]],
      dns: [['fastify-health/checks/dns', { name: 'localhost' }]],
      certificate: [['fastify-health/checks/certificate', { host: '127.0.0.1', port: tlsPort, ca: tls.ca, servername: 'localhost', minDays: 0 }]],
      'system-DiskUsageCheck': ['fastify-health/checks/system'],
      'system-MemoryUsageCheck': ['fastify-health/checks/system#MemoryUsageCheck'],
      'system-EventLoopCheck': [['fastify-health/checks/system#EventLoopCheck', { maxDelay: 1_000_000 }]],
      'system-HeapUsageCheck': [['fastify-health/checks/system#HeapUsageCheck', { max: 100 }]],
      'system-ResidentMemoryCheck': [['fastify-health/checks/system#ResidentMemoryCheck', { max: 1_000_000 }]],
    },
  }, { app: {} })

  const bare = {
    'sql-over-pg': async () => await clients.postgres.query('SELECT 1'),
    'sql-over-mysql2': async () => await clients.mysql.query('SELECT 1'),
    mysql: async () => await clients.mysql.query('SELECT 1 AS one'),
    mongodb: async () => await clients.mongodb.db('admin').command({ ping: 1 }),
    kafka: async () => await clients.kafka.listTopics(),
    elasticsearch: async () => await elasticsearch.cluster.health(),
    opensearch: async () => await opensearch.cluster.health(),
    nats: async () => await clients.nats.flush(),
    mqtt: async () => await clients.mqtt.publishAsync('bench', '', { qos: 1 }),
    memcached: async () => await new Promise((resolve, reject) => { clients.memcached.version(error => error === undefined ? resolve() : reject(error)) }),
    grpc: async () => await askGRPC(clients.grpc),
    smtp: async () => await clients.smtp.verify(),
    tcp: async () => await closed(connect({ host: '127.0.0.1', port: tlsPort }), 'connect'),
    dns: async () => await lookup('localhost', { all: true }),
    certificate: async () => await closed(connectTLS({ host: '127.0.0.1', port: tlsPort, ca: tls.ca, servername: 'localhost' }), 'secureConnect'),
    'system-DiskUsageCheck': async () => await statfs('.'),
    'system-MemoryUsageCheck': async () => await readFile('/proc/meminfo'),
    'system-EventLoopCheck': () => [delay.percentile(99), performance.eventLoopUtilization()],
    'system-HeapUsageCheck': () => getHeapStatistics(),
    'system-ResidentMemoryCheck': () => process.memoryUsage.rss(),
  }
  return {
    subsets: () => Object.keys(bare),
    async run (subset, times) {
      for (let n = 0; n < times; n++) {
        const { healthy, results } = await health.run(subset)
        if (!healthy) throw new Error(`${subset}: ${results[0].status}`)
      }
    },
    async bare (subset, times) {
      for (let n = 0; n < times; n++) await bare[subset]()
    },
  }
}

async function connected (urls) {
  const [{ default: pg }, { default: mysql }, { MongoClient }, { default: kafkajs }, nats, { default: mqtt }, { default: nodemailer }] = await Promise.all([
    import('pg'), import('mysql2/promise'), import('mongodb'), import('kafkajs'), import('@nats-io/transport-node'), import('mqtt'), import('nodemailer'),
  ])
  const { username, password, host } = new URL(urls.nats)
  const admin = new kafkajs.Kafka({ brokers: [urls.kafka], logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  return {
    postgres: new pg.Pool({ connectionString: urls.postgres }),
    mysql: mysql.createPool(urls.mysql),
    mongodb: await new MongoClient(urls.mongodb).connect(),
    kafka: admin,
    nats: await nats.connect({ servers: host, user: username, pass: password }),
    mqtt: await mqtt.connectAsync(urls.mqtt),
    memcached: new (require('memcached'))(urls.memcached),
    smtp: nodemailer.createTransport(urls.smtp),
    grpc: await grpcClient(),
  }
}

/** A server of this process with the health service of the package, and a client of it. */
async function grpcClient () {
  const { default: { Client, credentials, Server, ServerCredentials } } = await import('@grpc/grpc-js')
  const { createHealth } = await import('../../dist/lib/index.js')
  const { addHealthService } = await import('../../dist/lib/grpc.js')
  const server = new Server()
  addHealthService(server, createHealth({ subsets: { readiness: [] } }))
  const port = await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => error === null ? resolve(port) : reject(error))
  })
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure())
}

const request = Buffer.concat([Buffer.of(10, 'readiness'.length), Buffer.from('readiness')])

async function askGRPC (client) {
  return await new Promise((resolve, reject) => {
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', bytes => bytes, bytes => bytes, request, (error, answer) => error === null ? resolve(answer) : reject(error))
  })
}

/** No search engine can be installed everywhere: this one answers what the check asks. */
async function searchEngines () {
  const body = JSON.stringify({ cluster_name: 'bench', status: 'green', timed_out: false })
  const server = createServer((_request, response) => response.writeHead(200, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' }).end(body))
  await new Promise(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const node = `http://127.0.0.1:${server.address().port}`
  const [elastic, opensearch] = await Promise.all([import('@elastic/elasticsearch'), import('@opensearch-project/opensearch')])
  return { elasticsearch: new elastic.Client({ node }), opensearch: new opensearch.Client({ node }) }
}

async function closed (socket, event) {
  await new Promise((resolve, reject) => {
    socket.once(event, resolve)
    socket.once('error', reject)
  })
  socket.destroy()
  await new Promise(resolve => { socket.once('close', resolve) })
}
