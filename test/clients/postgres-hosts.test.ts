import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import Fastify from 'fastify'
import pg from 'pg'
import { test, type Test } from 'tap'
import DatabaseHeartbeatCheck from '../../lib/checks/postgres.js'
import { assertMode, isWrongMode, targetOf } from '../../lib/clients/postgres-hosts.js'
import { createHealth, type HealthRegistry } from '../../lib/index.js'
import type { PostgresOptions } from '../../types/sources.js'
import { until } from '../helpers/leaks.js'
import { startPostgres, type Postgres } from '../helpers/postgres.js'
import { recordedLog } from '../helpers/recorded-log.js'

const { log } = recordedLog()

function healthOf (t: Test, options: PostgresOptions, timeout = 20_000): HealthRegistry {
  const health = createHealth({ timeout, subsets: { s: [[DatabaseHeartbeatCheck, { ...options }]] } }, { app: Fastify(), log })
  t.teardown(async () => await health.close())
  return health
}

async function status (health: HealthRegistry): Promise<string> {
  return (await health.run('s')).results[0]!.status
}

const unread = 'read only: default_transaction_read_only is on'

test('a URL names its hosts as libpq has them', async t => {
  t.strictSame(targetOf('postgres://one:1,two:2/shop'), { urls: ['postgres://one:1/shop', 'postgres://two:2/shop'], attributes: 'any' })
  t.strictSame(targetOf('postgresql:///shop?host=one,two&port=1,2&target_session_attrs=primary')?.urls.map(url => new URL(url).search), [
    '?host=one&port=1&target_session_attrs=primary', '?host=two&port=2&target_session_attrs=primary',
  ])
  t.strictSame(targetOf('postgres:///shop?host=one,two&port=1')?.urls, ['postgres:///shop?host=one&port=1', 'postgres:///shop?host=two&port=1'])
  t.strictSame(targetOf('postgres:///shop?host=one,two')?.urls, ['postgres:///shop?host=one', 'postgres:///shop?host=two'])
  t.strictSame(targetOf('postgres:///shop?host=/run'), { urls: ['postgres:///shop?host=/run'], attributes: 'any' })
  for (const wrong of ['', 'mysql://one,two', 'postgres://one:x,two', 'postgres:///?host=a,b&port=1,2,3', 'postgres:///?port=1,2', 'postgres://one?target_session_attrs=best']) {
    t.equal(targetOf(wrong), undefined, wrong)
  }
})

test('a server is what is asked for, or is told apart in plain words', async t => {
  const [writable, standby, readOnly] = [1, 2, 3]
  const fits = { any: [1, 2, 3], 'read-write': [1], 'read-only': [2, 3], primary: [1, 3], standby: [2], 'prefer-standby': [2] } as const
  for (const [attributes, modes] of Object.entries(fits) as Array<[keyof typeof fits, readonly number[]]>) {
    for (const mode of [writable, standby, readOnly]) {
      let error: unknown
      try { assertMode(mode, attributes) } catch (thrown) { error = thrown }
      t.equal(error === undefined, modes.includes(mode), `${attributes}, ${mode}`)
      t.equal(isWrongMode(error), error !== undefined)
    }
  }
  t.throws(() => assertMode(2, 'read-write'), { message: 'read only: the server is a standby' })
  t.throws(() => assertMode(3, 'read-write'), { message: unread })
  t.notOk(isWrongMode(new Error(unread)))
})

test('writable, and several hosts', async t => {
  const server = await startPostgres(t)
  const readOnly = await startPostgres(t, { settings: { wal_level: 'replica' } })
  const other = async (url: string, ...queries: string[]) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      for (const query of queries) await client.query(query)
    } finally {
      await client.end()
    }
  }
  const both = (first: Postgres, second: Postgres, search = '') =>
    `postgres://${first.user}:${first.password}@127.0.0.1:${first.port},127.0.0.1:${second.port}/postgres${search}`
  await other(readOnly.url, 'ALTER DATABASE postgres SET default_transaction_read_only = on')

  await t.test('a server that is set to read only fails where writes are asked for', async t => {
    t.equal(await status(healthOf(t, { connectionString: readOnly.url })), 'working')
    t.equal(await status(healthOf(t, { connectionString: readOnly.url, writable: true })), `unavailable: ${unread}`)
    t.equal(await status(healthOf(t, { connectionString: `${readOnly.url}?target_session_attrs=read-write` })), `unavailable: ${unread}`)
    t.equal(await status(healthOf(t, { connectionString: server.url, writable: true })), 'working')
    const pool = new pg.Pool({ connectionString: readOnly.url })
    t.teardown(async () => await pool.end())
    t.equal(await status(healthOf(t, { client: pool, writable: true })), `unavailable: ${unread}`)
  })

  await t.test('the first host that is what is asked for is asked', async t => {
    t.equal(await status(healthOf(t, { connectionString: both(readOnly, server, '?target_session_attrs=read-write') })), 'working')
    t.equal(await status(healthOf(t, { connectionString: both(server, readOnly, '?target_session_attrs=read-only') })), 'working')
    t.equal(await status(healthOf(t, { connectionString: both(server, readOnly, '?target_session_attrs=prefer-standby') })), 'working')
    t.equal(await status(healthOf(t, { connectionString: both(server, readOnly, '?target_session_attrs=standby') })),
      'unavailable: the server is a primary, and target_session_attrs asks for another')
    t.equal(await status(healthOf(t, { connectionString: `${server.url}?target_session_attrs=read-only` })),
      'unavailable: the server takes writes, and target_session_attrs asks for one that does not')
  })

  await t.test('a host that is refused, or that never answers, is passed over', async t => {
    const silent = createServer(socket => socket.on('error', () => {}).resume())
    t.teardown(() => silent.close())
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    const { port } = silent.address() as AddressInfo
    const login = `${server.user}:${server.password}`
    t.equal(await status(healthOf(t, { connectionString: `postgres://${login}@127.0.0.1:1,127.0.0.1:${port},127.0.0.1:${server.port}/postgres` }, 3000)), 'working')
    t.equal(await status(healthOf(t, { connectionString: `postgres://${login}@127.0.0.1:${port},127.0.0.1:1/postgres` }, 1000)), 'unavailable: connection refused')
    t.equal(await status(healthOf(t, { connectionString: `postgres://${login}@127.0.0.1:1,127.0.0.1:${port}/postgres` }, 1000)), 'unavailable: timed out')
    await until(async () => await new Promise<boolean>(resolve => silent.getConnections((_error, count) => resolve(count === 0))), { timeout: 60_000 })
  })

  await t.test('a wrong password ends the search, and what has no name is told as it is', async t => {
    const wrong = both(server, server).replace(server.password, 'wrong')
    t.equal(await status(healthOf(t, { connectionString: wrong })), 'unavailable: authentication failed')
    const odd = both(server, server, '?options=-c%20ghost%3D1')
    t.match(await status(healthOf(t, { connectionString: odd })), 'unknown error')
  })

  await t.test('a kept connection whose server takes no more writes is given up for another host', async t => {
    const health = healthOf(t, { connectionString: both(server, readOnly, '?target_session_attrs=read-write') })
    t.equal(await status(health), 'working')
    await other(readOnly.url, 'SET default_transaction_read_only = off', 'ALTER DATABASE postgres RESET default_transaction_read_only')
    await other(server.url, 'ALTER SYSTEM SET default_transaction_read_only = on')
    await other(server.url, 'SELECT pg_reload_conf()')
    t.equal(await status(health), 'working')
    t.equal(await status(healthOf(t, { connectionString: server.url, writable: true })), `unavailable: ${unread}`)
  })

  await t.test('a standby fails where writes are asked for', async t => {
    await readOnly.stop()
    writeFileSync(join(readOnly.folder, 'data/standby.signal'), '')
    writeFileSync(join(readOnly.folder, 'data/postgresql.auto.conf'), "primary_conninfo = ''\n")
    await readOnly.start()
    t.equal(await status(healthOf(t, { connectionString: readOnly.url })), 'working')
    t.equal(await status(healthOf(t, { connectionString: readOnly.url, writable: true })), 'unavailable: read only: the server is a standby')
    t.equal(await status(healthOf(t, { connectionString: `${readOnly.url}?target_session_attrs=primary` })), 'unavailable: read only: the server is a standby')
    t.equal(await status(healthOf(t, { connectionString: both(server, readOnly, '?target_session_attrs=prefer-standby') })), 'working')
  })
})
