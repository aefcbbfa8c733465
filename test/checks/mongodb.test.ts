import fastifyMongo from '@fastify/mongodb'
import Fastify from 'fastify'
import { MongoClient } from 'mongodb'
import mongoose from 'mongoose'
import { test } from 'tap'
import MongoDBCheckByDefault, { MongoDBCheck } from '../../lib/checks/mongodb.js'
import { createHealth } from '../../lib/index.js'
import { asking, faultsOf } from '../helpers/asking.js'
import { until } from '../helpers/leaks.js'
import { startMongoDBFixture } from '../helpers/mongodb.js'
import { freePort } from '../helpers/server.js'

const patience = { timeout: 60_000 }

test('a client of its own is kept between runs, and closed with the registry', async t => {
  t.equal(MongoDBCheckByDefault, MongoDBCheck)
  const server = await startMongoDBFixture(t)
  const ask = asking(t, [MongoDBCheck, { url: server.url, writable: true }])
  for (let n = 0; n < 3; n++) t.equal(await ask(), 'working')
  const { connections } = server
  t.ok(connections <= 3, `${connections} connections: one that asks, and those by which the driver watches`)
  server.answers['ping'] = 'nothing'
  ask.health.settings.timeout = 300
  t.equal(await ask(), 'unavailable: timed out after 300 ms')
  server.answers['ping'] = { ok: 1 }
  ask.health.settings.timeout = 20_000
  t.equal(await ask(), 'working')
  await ask.health.close()
  await until(() => server.connections === 0, patience)
  t.equal(await asking(t, [MongoDBCheck, { url: `mongodb://127.0.0.1:${await freePort()}/?serverSelectionTimeoutMS=500` }])(), 'unavailable: connection refused')
})

test('a member of a replica set that is down does not matter while another one answers', async t => {
  const server = await startMongoDBFixture(t)
  const own = new URL(server.url).host
  const hosts = [own, `127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
  const hello = { ...server.answers['hello'] as object, setName: 'shop', setVersion: 1, hosts, me: own, primary: own }
  Object.assign(server.answers, { hello, ismaster: hello, isMaster: hello })
  for (const url of [`${server.url}/?replicaSet=shop`, `mongodb://${hosts.join(',')}/?replicaSet=shop`]) {
    const ask = asking(t, [MongoDBCheck, { url, writable: true }])
    t.equal(await ask(), 'working')
    // The driver has found the others, and that they do not answer.
    await new Promise(resolve => setTimeout(resolve, 300))
    const { connections, accepted } = server
    for (let n = 0; n < 3; n++) t.equal(await ask(), 'working')
    t.strictSame([server.connections, server.accepted], [connections, accepted], 'over the client that it had')
    await ask.health.close()
    await until(() => server.connections === 0, patience)
  }
})

test('clients of the app are asked, and not closed', async t => {
  const server = await startMongoDBFixture(t)
  const client = await new MongoClient(server.url).connect()
  const connection = await mongoose.createConnection(server.url).asPromise()
  t.after(async () => await Promise.all([client.close(), connection.close()]))
  for (const each of [client, connection, () => ({ client })]) {
    const ask = asking(t, [MongoDBCheck, { client: each, writable: true }])
    t.equal(await ask(), 'working')
    await ask.health.close()
  }
  t.strictSame(await client.db().command({ ping: 1 }), { ok: 1 })

  const app = Fastify()
  await app.register(fastifyMongo, { url: server.url, forceClose: true })
  const health = createHealth({ subsets: { s: ['fastify-health/checks/mongodb'] } }, { app })
  t.equal((await health.run('s')).results[0]?.status, 'working')
  await health.close()
  await app.close()
})

const exhausted = 'unavailable: connection pool exhausted'

/** Runs a command that the fixture does not answer, so that its connection stays lent. */
function hold (client: Pick<MongoClient, 'db'>) {
  client.db('shop').command({ find: 'orders' }).catch(() => {})
}

test('a pool that is exhausted is what `whenExhausted` says', async t => {
  const server = await startMongoDBFixture(t)
  const login = { auth: { username: 'shop', password: 'p@ss' }, authMechanism: 'PLAIN' } as const
  for (const connect of [
    async () => await new MongoClient(server.url, { maxPoolSize: 1, ...login }).connect(),
    async () => await mongoose.createConnection(server.url, { maxPoolSize: 1 }).asPromise(),
  ]) {
    const client = await connect()
    const over = (whenExhausted?: 'fail' | 'warn' | 'pass') => asking(t, [MongoDBCheck, { client, timeout: 2000, ...(whenExhausted && { whenExhausted }) }])
    const [fail, warn, pass] = [over(), over('warn'), over('pass')]
    t.equal(await fail(), 'working')
    hold('getClient' in client ? client.getClient() as unknown as MongoClient : client)
    const { accepted } = server
    t.equal(await fail(), exhausted)
    t.equal(await fail(), exhausted, 'though the first request still waits')
    t.equal(server.accepted, accepted)
    for (let probe = 0; probe < 2; probe++) {
      t.equal(await warn(), 'warning: connection pool exhausted; the database answers')
      t.equal(await pass(), 'working')
    }
    t.strictSame([...new Set(server.logins)], ['shop:p@ss'])
    await Promise.all([fail, warn, pass].map(async ({ health }) => await health.close()))
    await client.close()
    await until(() => server.connections === 0, patience)
  }
})

test('a pool that gives up before the run does is exhausted as well', async t => {
  const server = await startMongoDBFixture(t)
  const client = await new MongoClient(server.url, { maxPoolSize: 1, waitQueueTimeoutMS: 100 }).connect()
  t.after(async () => await client.close())
  const fail = asking(t, [MongoDBCheck, { client }])
  t.equal(await fail(), 'working')
  hold(client)
  t.equal(await fail(), exhausted)
  t.equal(await asking(t, [MongoDBCheck, { client, whenExhausted: 'pass' }])(), 'working')
})

test('what the server says is told in plain words', async t => {
  const server = await startMongoDBFixture(t)
  const ask = asking(t, [MongoDBCheck, { url: server.url, writable: true }])
  t.equal(await ask(), 'working')
  const cases: Array<[string, object]> = [
    ['unavailable: authentication failed', { ok: 0, code: 18, codeName: 'AuthenticationFailed', errmsg: 'no' }],
    ['unavailable: permission denied', { ok: 0, code: 13, codeName: 'Unauthorized', errmsg: 'no' }],
    ['unexpected result: ping was not answered with ok', {}],
    ['unknown error', { ok: 0, code: 1, codeName: 'InternalError', errmsg: 'no' }],
  ]
  for (const [status, answer] of cases) {
    const client = { db: () => ({ command: async () => answer as Record<string, unknown> }) }
    const failing = { db: () => ({ command: async () => { throw Object.assign(new Error('no'), answer) } }) }
    t.equal(await asking(t, [MongoDBCheck, { client: 'code' in answer ? failing : client }])(), status)
  }
  server.answers['ping'] = cases[0]?.[1] as object
  t.equal(await ask(), 'unavailable: authentication failed', 'as the driver tells it')
  server.answers['ping'] = { ok: 1 }
  server.answers['hello'] = { ok: 1, isWritablePrimary: false, secondary: true }
  t.equal(await ask(), 'unavailable: there is no primary')
  for (const [name, message, status] of [
    ['MongoServerSelectionError', 'Server selection timed out: ReplicaSetNoPrimary', 'there is no primary'],
    ['MongoNotConnectedError', 'Client must be connected', 'client is not connected'],
  ] as const) {
    const command = async () => { throw Object.assign(new Error(message), { name }) }
    t.equal(await asking(t, [MongoDBCheck, { client: { db: () => ({ command }) } }])(), `unavailable: ${status}`)
  }
})

test('one of the two has to be given, and be what it must be', async t => {
  t.strictSame(await faultsOf(t, [MongoDBCheck, {}]), ['E007 app.mongo is not there'])
  t.strictSame(await faultsOf(t, [MongoDBCheck, { client: 'mongo', url: 'mongodb://shop' }]), ['E007 both `client` and `url` are given'])
  t.strictSame(await faultsOf(t, [MongoDBCheck, {}], { mongo: { db: 5 } }), ['E007 app.mongo is an object, and not a MongoClient, mongoose or what @fastify/mongodb makes'])
  t.strictSame(await faultsOf(t, [MongoDBCheck, { url: 'mongodb+srv://shop' }]), [])
  t.match((await faultsOf(t, [MongoDBCheck, { url: 'http://shop' }]))[0], /^E008 'url' is /)
})
