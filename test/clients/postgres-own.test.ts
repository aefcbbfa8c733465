import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import fastifyPostgres from '@fastify/postgres'
import Fastify, { type FastifyInstance } from 'fastify'
import pg from 'pg'
import { test, type Test } from 'tap'
import { rowsOf, withPostgres } from '../../lib/clients/postgres.js'
import { postgresConnection, streamOf } from '../../lib/clients/postgres-own.js'
import { createHealth, defineCheck, type HealthRegistry } from '../../lib/index.js'
import type { PostgresSource } from '../../types/sources.js'
import { until } from '../helpers/leaks.js'
import { startPostgres } from '../helpers/postgres.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { startRelay } from '../helpers/relay.js'

/** Milliseconds: for what must answer, and for what cannot. */
const ample = 20_000
const short = 60
const patient = { timeout: 60_000 }

const { log } = recordedLog()

function healthOf (t: Test, source: PostgresSource, app: FastifyInstance, query = 'SELECT 1', timeout = ample): HealthRegistry {
  const check = defineCheck({
    identifier: 'asks',
    async check (context) { await withPostgres(context, source, async client => await rowsOf(client, context, query)) },
  })
  const health = createHealth({ timeout, subsets: { s: [check] } }, { app, log })
  t.teardown(async () => await health.close())
  return health
}

async function status (health: HealthRegistry): Promise<string> {
  return (await health.run('s')).results[0]!.status
}

async function listening (t: Test, server: Server): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', socket => sockets.add(socket.on('error', () => {})))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `postgres://health:pw@127.0.0.1:${(server.address() as AddressInfo).port}/shop`
}

/** How a check may come to a server, each with what else it brings. */
const ways: Record<string, (t: Test, connectionString: string) => Promise<[PostgresSource, FastifyInstance]>> = {
  'a connection of its own': async (_t, connectionString) => [{ connectionString }, Fastify()],
  'app.pg': async (t, connectionString) => {
    const app = Fastify()
    t.teardown(async () => await app.close())
    await app.register(fastifyPostgres, { connectionString })
    return [{}, app]
  },
}

for (const [name, way] of Object.entries(ways)) {
  test(`over ${name}, nothing is left behind`, async t => {
    const server = await startPostgres(t)
    const ask = async (query: string) => {
      const client = new pg.Client({ connectionString: server.url })
      await client.connect()
      try {
        return (await client.query(query)).rows
      } finally {
        await client.end()
      }
    }

    await t.test('by a start-up that fails here, over 100 runs', async t => {
      const before = server.processes().length
      const health = healthOf(t, ...await way(t, Object.assign(new URL(server.url), { password: '' }).href))
      for (let run = 0; run < 100; run++) t.equal(await status(health), 'unavailable: authentication failed')
      await until(() => server.processes().length <= before, patient)
    })

    for (const [code, words] of [['57P03', 'starting up or shutting down'], ['53300', 'too many connections'], ['3D000', 'database does not exist']] as const) {
      await t.test(`by a server that says ${code} and keeps the connection, over 100 runs`, async t => {
        const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0Mno\0\0`)
        const refusal = Buffer.concat([Buffer.from('E\0\0\0'), Buffer.from([fields.length + 4]), fields])
        const stubborn = createServer(socket => socket.on('data', () => socket.write(refusal)))
        const health = healthOf(t, ...await way(t, await listening(t, stubborn)))
        for (let run = 0; run < 100; run++) t.equal(await status(health), `unavailable: ${words}`)
        const connections = async () => await new Promise<number>(resolve => stubborn.getConnections((_error, count) => resolve(count)))
        await until(async () => await connections() === 0, patient)
      })
    }

    await t.test('by a query that waits for a lock, over 100 runs, and after closing', async t => {
      await ask('CREATE TABLE books (name text)')
      const holder = new pg.Client({ connectionString: server.url })
      await holder.connect()
      await holder.query('BEGIN; LOCK TABLE books')
      const waiting = async () => (await ask("SELECT count(*)::int AS count FROM pg_stat_activity WHERE query LIKE '%FROM books'"))[0].count as number
      const [source, app] = await way(t, server.url)
      const health = healthOf(t, source, app, 'SELECT name FROM books', short)
      for (let run = 0; run < 100; run++) t.match(await status(health), /^unavailable: timed out/)
      await until(async () => await waiting() === 0, patient)

      const closing = healthOf(t, source, app, 'SELECT name FROM books', 1000)
      const run = status(closing)
      await until(async () => await waiting() === 1, patient)
      await closing.close()
      t.equal(await run, 'unavailable: closing')
      await until(async () => await waiting() === 0, patient)
      await holder.end()
      t.equal(await status(healthOf(t, source, app, 'SELECT name FROM books')), 'working')
    })

    await t.test('by a registry that closes at any moment of a run', async t => {
      const relay = await startRelay(t, server.port)
      await relay.delay(4)
      const connectionString = Object.assign(new URL(server.url), { port: relay.port, search: '?application_name=probe' }).href
      for (let moment = 0; moment < 50; moment++) {
        const [source, app] = await way(t, connectionString)
        const health = healthOf(t, source, app)
        const run = status(health)
        await sleep(moment)
        await health.close()
        t.match(await run, /^(working|unavailable: closing)$/)
        await app.close()
      }
      await until(async () => (await ask("SELECT 1 FROM pg_stat_activity WHERE application_name = 'probe'")).length === 0, patient)
      await until(() => relay.connections === 0, patient)
    })

    await t.test('by what does not speak PostgreSQL, which it says', async t => {
      const web = createHttpServer()
      const greeting = (text: string) => createServer(socket => socket.resume().write(text))
      for (const other of [web, greeting('SSH-2.0-OpenSSH_9.2\r\n'), greeting('220 ready\r\n'), greeting('ERROR\r\n')]) {
        const url = await listening(t, other)
        for (const search of ['', '?ssl=true']) {
          const health = healthOf(t, ...await way(t, url + search))
          t.equal(await status(health), 'unavailable: what answers does not speak PostgreSQL')
        }
        await until(async () => await new Promise<boolean>(resolve => other.getConnections((_error, count) => resolve(count === 0))), patient)
      }
    })

    await t.test('by one who leaves in the middle of a message', async t => {
      const brief = createServer(socket => socket.end('E'))
      t.equal(await status(healthOf(t, ...await way(t, await listening(t, brief)))), 'unavailable: connection lost')
    })
  })
}

test('an answer to another start of TLS is not looked at', async t => {
  const url = await listening(t, createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))
  t.equal(await status(healthOf(t, { connectionString: `${url}?ssl=true&sslnegotiation=direct` }, Fastify())), 'unavailable: TLS handshake failed')
})

test('a client without a socket of its own is left to its driver', async t => {
  const { connected, isLost, destroy } = postgresConnection({
    // As the native client is.
    hosts: [() => Object.assign(new pg.Client(), { connection: undefined, connect: async () => {} })],
    attributes: 'any',
    patience: ample,
  })
  t.ok(await connected)
  t.notOk(isLost())
  destroy()
})

test('the members of pg that are not public are where they are looked for', async t => {
  const { url } = await startPostgres(t)
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const inside = pool as unknown as { readonly _clients: unknown[], readonly _pendingQueue: unknown[] }
  const client = await pool.connect()
  t.ok(inside._clients[0] === client)
  t.equal(streamOf(client)?.remotePort, Number(new URL(url).port))
  const waiting = pool.connect()
  t.equal(inside._pendingQueue.length, 1)
  client.release()
  const next = await waiting
  t.equal(inside._pendingQueue.length, 0)
  next.release()
  await Promise.all([once(next, 'end'), pool.end()])
})
