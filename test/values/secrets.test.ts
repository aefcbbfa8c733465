import { S3Client } from '@aws-sdk/client-s3'
import fastifyPostgres from '@fastify/postgres'
import Fastify from 'fastify'
import { Disk } from 'flydrive'
import { S3Driver } from 'flydrive/drivers/s3'
import { Cluster, Redis } from 'ioredis'
import knex from 'knex'
import { MongoClient } from 'mongodb'
import mqtt from 'mqtt'
import callbacks from 'mysql2'
import mysql from 'mysql2/promise'
import nodemailer from 'nodemailer'
import pg from 'pg'
import { createClient } from 'redis-5'
import { Sequelize } from 'sequelize'
import { test } from 'tap'
import { createHealth, defineCheck } from '../../lib/index.js'
import { redact } from '../../lib/values/redact.js'
import { mergedSecrets, noSecrets, secretsOf, secretsOfApp } from '../../lib/values/secrets.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { revoked } from '../helpers/unreadable.js'

const [password, host] = ['correct-canary', 'canary-host-1']
const told = `${password} of ${host}`
const account = `canary-user:${password}@${host}`

/** Clients that connect nowhere, and how each is ended. */
const clients: Record<string, () => { readonly client: object, readonly end?: () => unknown }> = {
  'ioredis, by a URL' () {
    const client = new Redis(`redis://${account}`, { lazyConnect: true })
    return { client, end: () => client.disconnect() }
  },
  'ioredis, by options' () {
    const client = new Redis({ host, password, lazyConnect: true })
    return { client, end: () => client.disconnect() }
  },
  'a Cluster of ioredis' () {
    const client = new Cluster([{ host, port: 6379 }], { lazyConnect: true, redisOptions: { password } })
    return { client, end: () => client.disconnect() }
  },
  'node-redis': () => ({ client: createClient({ url: `redis://${account}` }) as object }),
  'pg, by a URL': () => ({ client: new pg.Pool({ connectionString: `postgres://${account}/shop` }) }),
  'pg, by options': () => ({ client: new pg.Pool({ host, password }) }),
  mysql2: () => ({ client: callbacks.createPool(`mysql://${account}/shop`) }),
  'mysql2/promise': () => ({ client: mysql.createPool({ host, password }) }),
  Knex: () => ({ client: knex({ client: 'pg', connection: { host, password } }) }),
  Sequelize: () => ({ client: new Sequelize(`postgres://${account}/shop`) }),
  mongodb: () => ({ client: new MongoClient(`mongodb://${account}/shop`) }),
  mqtt: () => ({ client: mqtt.connect(`mqtt://${host}`, { password, manualConnect: true }) }),
  nodemailer: () => ({ client: nodemailer.createTransport({ host, auth: { user: 'canary-user', pass: password } }) }),
  'a Disk of S3': () => ({ client: new Disk(new S3Driver({ credentials: { accessKeyId: 'x', secretAccessKey: password }, region: 'eu', endpoint: `https://${host}`, bucket: 'shop', visibility: 'private' })) }),
}

for (const [name, make] of Object.entries(clients)) {
  test(`the password and the host of a client are secrets: ${name}`, async t => {
    const { client, end = () => {} } = make()
    t.equal(redact(told, secretsOf({ client })), '[redacted] of [redacted]', 'given as an option')
    const app = Fastify()
    app.decorate('databases', { orders: client })
    t.equal(redact(told, secretsOfApp(app)), '[redacted] of [redacted]', 'given as a decorator')
    await end()
  })
}

test('clients of parent contexts count, and names of users and databases do not', async t => {
  const app = Fastify()
  app.decorate('broker', new Redis({ host, password, username: 'orders', lazyConnect: true }))
  await app.register(async child => {
    child.decorate('shop', new pg.Pool({ connectionString: 'postgres://shop:another-canary@db/orders' }))
    const { texts, names } = secretsOfApp(child)
    t.ok(texts.has(password))
    t.ok(texts.has('another-canary'))
    t.strictSame([...names], [host])
  })
  await app.ready()
  await app.close()
})

test('what cannot be read is passed over, and what goes round in circles comes to an end', async t => {
  const app = Fastify()
  app.decorate('broken', { getter () { throw new Error('not today') } })
  app.decorate('gone', { inner: revoked({}) })
  Object.defineProperty(app, 'loud', { enumerable: true, get () { throw new Error('not today') } })
  const circle: Record<string, unknown> = { password }
  circle['self'] = circle
  app.decorate('circle', circle)
  let deep: object = { password: 'deep-canary' }
  for (let depth = 0; depth < 20; depth++) deep = { options: deep }
  app.decorate('deep', deep)
  const { texts } = secretsOfApp(app)
  t.strictSame([...texts], [password])
  t.equal(secretsOfApp(app).texts, texts, 'asked for once')
})

test('the secrets of a wide app come to an end', async t => {
  const app = Fastify()
  app.decorate('wide', Array.from({ length: 100_000 }, (_, n) => ({ password: `canary-${n}` })))
  t.ok(secretsOfApp(app).texts.size < 1000)
})

test('options that hold names of hosts make them secrets', async t => {
  const { names } = secretsOf({ host: 'db-one', brokers: ['kafka-one:9092'], servers: 'memcached-one', target: 'grpc-one:443', tls: { servername: 'tls-one' }, client: S3Client, title: 'not one' })
  t.strictSame([...names].sort(), ['db-one', 'grpc-one', 'kafka-one', 'memcached-one', 'tls-one'])
  t.strictSame([...secretsOf({ host: 'localhost', port: 5432, servers: ['a b'] }).names], [])
})

test('secrets are put together', async t => {
  const merged = mergedSecrets(secretsOf({ password }), noSecrets, secretsOf({ host }))
  t.equal(redact(told, merged), '[redacted] of [redacted]')
})

test('a check that tells the password of a client of the app is not repeated, on the wire or in the log', async t => {
  const app = Fastify()
  app.register(fastifyPostgres, { connectionString: `postgres://${account}/shop` })
  await app.ready()
  t.after(async () => await app.close())
  const { log, lines } = recordedLog()
  const health = createHealth({
    subsets: {
      s: [
        defineCheck({ identifier: 'Told', check () { throw new Error(told, { cause: new Error(told) }) } }),
        defineCheck({ identifier: 'Said', check () { this.addError(told) } }),
      ],
    },
  }, { app, log })
  const { results } = await health.run('s')
  t.equal(results.find(({ identifier }) => identifier === 'Said')?.status, 'unknown error: [redacted] of [redacted]')
  t.ok(lines.length > 0)
  t.notMatch(JSON.stringify([results, lines]), /correct-canary|canary-host-1/)
})
