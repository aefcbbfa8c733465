import fastifyMysql from '@fastify/mysql'
import Fastify from 'fastify'
import mariadb from 'mariadb'
import callbacks from 'mysql2'
import mysql from 'mysql2/promise'
import { test, type Test } from 'tap'
import MySQLCheckByDefault, { MySQLCheck, type MySQLOptions } from '../../lib/checks/mysql.js'
import { createHealth } from '../../lib/index.js'
import type { EntryOptions } from '../../types/check.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startMariaDB } from '../helpers/mariadb.js'
import { startRelay } from '../helpers/relay.js'
import { freePort } from '../helpers/server.js'

const patience = { timeout: 60_000 }

function asking (t: Test, options: MySQLOptions & EntryOptions, app = Fastify()) {
  const health = createHealth({ subsets: { shop: [[MySQLCheck, { timeout: 20_000, ...options }]] } }, { app })
  t.after(async () => await health.close())
  return Object.assign(async () => (await health.run('shop')).results[0]?.status, { health })
}

test('MariaDB', async t => {
  const server = await startMariaDB(t)
  const sessions = async () => (await server.admin("SELECT id FROM information_schema.processlist WHERE user = 'health'") as unknown[]).length

  await t.test('one connection of its own is kept between runs, and closed with the registry', async t => {
    const ask = asking(t, { url: server.url })
    for (let n = 0; n < 3; n++) t.equal(await ask(), 'working')
    t.equal(await sessions(), 1)
    const sockets = openSockets()
    await ask.health.close()
    await until(async () => await sessions() === 0 && openSockets() < sockets, patience)
  })

  await t.test('clients of the app are asked, and not closed', async t => {
    const pools = {
      callbacks: callbacks.createPool(server.url),
      promises: mysql.createPool(server.url),
      mariadb: mariadb.createPool(server.url.replace('mysql:', 'mariadb:')),
    }
    const single = await mysql.createConnection(server.url)
    t.teardown(async () => {
      pools.callbacks.end()
      await Promise.all([pools.promises.end(), pools.mariadb.end(), single.end()])
    })
    for (const [name, client] of Object.entries({ ...pools, single, raw: (single as never as { connection: object }).connection })) {
      const ask = asking(t, { client: client as object })
      t.equal(await ask(), 'working', name)
      await ask.health.close()
      t.equal(await ask.health.systemChecks().then(found => found.length), 0, name)
      t.ok(await (name === 'callbacks' || name === 'raw' ? (client as callbacks.Pool).promise() : client as mysql.Pool).query('SELECT 1'), `${name} is still open`)
    }
    for (const type of [undefined, 'connection'] as const) {
      for (const promise of [true, false]) {
        const app = Fastify()
        await app.register(fastifyMysql, { connectionString: server.url, promise, ...(type === undefined ? {} : { type }) } as never)
        await app.ready()
        t.equal(await asking(t, {}, app)(), 'working', `@fastify/mysql ${type} ${promise}`)
        await app.close()
      }
    }
    const named = Fastify()
    await named.register(fastifyMysql, { connectionString: server.url, promise: true, name: 'reports' } as never)
    t.equal(await asking(t, { client: 'mysql.reports' }, named)(), 'working')
    await named.close()
  })

  await t.test('what fails is told in plain words', async t => {
    const url = (change: Partial<URL>) => Object.assign(new URL(server.url), change).href
    t.equal(await asking(t, { url: url({ password: 'wrong' }) })(), 'unavailable: authentication failed')
    t.equal(await asking(t, { url: url({ pathname: '/ghost' }) })(), 'unavailable: permission denied')
    t.equal(await asking(t, { url: url({ port: String(await freePort()) }) })(), 'unavailable: connection refused')
    t.equal(await asking(t, { url: url({ hostname: 'nowhere.invalid' }) })(), 'unavailable: host not found')
    await server.admin("CREATE USER limited@'127.0.0.1' IDENTIFIED BY 'x' WITH MAX_USER_CONNECTIONS 1")
    const one = await mysql.createConnection(url({ username: 'limited', password: 'x', pathname: '' }))
    t.equal(await asking(t, { url: url({ username: 'limited', password: 'x', pathname: '' }) })(), 'unavailable: too many connections')
    await one.end()
    await server.admin('SET GLOBAL max_connections = 10')
    t.teardown(async () => await server.admin('SET GLOBAL max_connections = 50').catch(() => {}))
    const many = await Promise.allSettled(Array.from({ length: 10 }, async () => await mysql.createConnection(server.url)))
    t.equal(await asking(t, { url: server.url })(), 'unavailable: too many connections')
    for (const each of many) if (each.status === 'fulfilled') each.value.destroy()
    await until(async () => await server.admin('SET GLOBAL max_connections = 50').then(() => true, () => false), patience)
  })

  await t.test('a connection that was lost while it was idle is made anew', async t => {
    const ask = asking(t, { url: server.url })
    t.equal(await ask(), 'working')
    await server.restart()
    t.equal(await ask(), 'working')
    const [{ id }] = await server.admin("SELECT id FROM information_schema.processlist WHERE user = 'health'") as [{ id: number }]
    await server.admin(`KILL ${id}`)
    t.equal(await ask(), 'working')
  })

  await t.test('a server that hangs is given up with its socket when the time is over, wherever it stops', async t => {
    const relay = await startRelay(t, server.port)
    const url = Object.assign(new URL(server.url), { port: relay.port }).href
    const ask = asking(t, { url, timeout: 300 })
    await relay.silence()
    t.equal(await ask(), 'unavailable: timed out after 300 ms', 'before its greeting')
    await until(() => relay.connections === 0, patience)
    await relay.pass()
    await until(async () => await ask() === 'working', patience)
    await relay.silence()
    t.equal(await ask(), 'unavailable: timed out after 300 ms', 'at the question')
    await until(() => relay.connections === 0, patience)
    const before = openSockets()
    const closing = asking(t, { url })
    const run = closing()
    await closing.health.close()
    t.match(await run, /^unavailable: /)
    await until(() => openSockets() <= before, patience)
  })
})

test('one of the two has to be given, and be what it must be', async t => {
  const faults = async (options: object, app = Fastify()) => {
    const health = createHealth({ subsets: { s: [['fastify-health/checks/mysql', options as MySQLOptions]] } }, { app })
    t.after(async () => await health.close())
    return (await health.systemChecks()).filter(({ level }) => level === 'error').map(({ id, message }) => `${id} ${message.replace('fastify-health/checks/mysql: ', '')}`)
  }
  t.equal(MySQLCheckByDefault, MySQLCheck)
  t.strictSame(await faults({ client: 'db', url: 'mysql://shop' }), ['E007 both `client` and `url` are given'])
  t.strictSame(await faults({}), ['E007 app.mysql is not there'])
  t.strictSame(await faults({ url: 'postgres://shop' }), ["E008 'url' is a string that does not fit (not shown: it may hold credentials)"])
  t.strictSame(await faults({ client: () => ({ query () {}, connect () {} }) }), ['E007 what `client` returned for the app is an object, and not a pool or connection of mysql2 or mariadb'])
  const health = createHealth({ subsets: { s: [['fastify-health/checks/mysql', { client: 'db', url: 'mysql://shop' }]] } }, { app: Fastify() })
  t.after(async () => await health.close())
  t.match((await health.run('s')).results[0]?.status, 'both `client` and `url` are given')
})

test('an answer that is not 1 is no answer', async t => {
  for (const rows of [undefined, [], [null], [{ one: 2 }]]) {
    const client = { query () {}, batch: async () => [], execute () {} }
    Object.assign(client, { query: async () => rows })
    t.equal(await asking(t, { client })(), 'unexpected result: SELECT 1 did not answer 1')
  }
})
