import { Redis } from 'ioredis'
import t from 'tap'
import type { Test } from 'tap'
import { newClient, type FleetClient } from '../../lib/fleet/client.js'
import { FleetConnection } from '../../lib/fleet/connection.js'
import { systemClock } from '../../lib/time/clock.js'
import { until } from '../helpers/leaks.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { startRedis } from '../helpers/redis.js'
import { startRelay } from '../helpers/relay.js'
import type { Scope } from '../helpers/server.js'

const scope = (t: Test): Scope => ({ after: close => { t.teardown(close) } })
const patience = { timeout: 20_000 }
const noApp = () => { throw new Error('There is no app.') }

function connect (t: Test, url: string) {
  const recorded = recordedLog()
  const connection = new FleetConnection({ open: async () => await newClient({ url }, noApp), clock: systemClock, log: recorded.log, patience: () => 500 })
  t.teardown(() => connection.close())
  const ping = async (isTry = false) => await connection.ask(async client => await (client as unknown as Redis).ping(), isTry)
  return { connection, ping, ...recorded }
}

t.test('it asks over one connection, however many ask at once', async t => {
  const server = await startRedis(scope(t))
  const { ping, lines } = connect(t, server.url)
  t.strictSame(await Promise.all([ping(), ping(), ping()]), ['PONG', 'PONG', 'PONG'])
  const admin = new Redis(server.url)
  t.teardown(() => admin.disconnect())
  const names = String(await admin.client('LIST')).split('\n').filter(line => line.includes('name=fastify-health:fleet'))
  t.equal(names.length, 1)
  t.strictSame(lines, [])
})

t.test('where Redis is away nobody waits for it, and a question now and then tries it', async t => {
  const server = await startRedis(scope(t))
  const relay = await startRelay(scope(t), server.port)
  const { ping, messages, connection } = connect(t, `redis://127.0.0.1:${relay.port}`)
  t.equal(await ping(), 'PONG')
  await relay.refuse()
  await until(async () => await ping() === undefined, patience)
  t.match(connection.away, /^connection (?:lost|refused)$/)
  const { accepted } = relay
  await relay.pass()
  t.strictSame([await ping(), await ping(), relay.accepted], [undefined, undefined, accepted], 'nobody has tried')
  await until(async () => await ping(true) === 'PONG', patience)
  t.equal(connection.away, undefined)
  t.match(messages(), [/^health: the fleet cannot be asked: connection (?:lost|refused)\. This instance asks for itself/, 'health: the fleet can be asked again'])
  t.equal(messages().length, 2)
})

t.test('a Redis that says nothing is away after half a second', async t => {
  const server = await startRedis(scope(t))
  const relay = await startRelay(scope(t), server.port)
  const { ping, connection } = connect(t, `redis://127.0.0.1:${relay.port}`)
  t.equal(await ping(), 'PONG')
  await relay.silence()
  t.equal(await ping(), undefined)
  t.equal(connection.away, 'timed out')
  await until(() => relay.connections === 0, patience)
  await until(async () => await ping(true) === undefined && relay.accepted > 1, patience)
  await relay.pass()
  await until(async () => await ping(true) === 'PONG', patience)
})

t.test('it says why Redis cannot be asked, with nothing secret, and in plain words where it is not known', async t => {
  const server = await startRedis(scope(t), { password: 'canary' })
  const { ping, lines, connection } = connect(t, `redis://:wrong-canary@127.0.0.1:${server.port}`)
  t.equal(await ping(), undefined)
  t.equal(connection.away, 'authentication failed')
  t.notMatch(JSON.stringify(lines), /canary|127\.0/)
  const odd = new FleetConnection({ open: async () => { throw new Error('odd') }, clock: systemClock, log: recordedLog().log, patience: () => 500 })
  t.equal(await odd.ask(async () => 1), undefined)
  t.equal(odd.away, 'unknown error')
  odd.close()
  const silent = { on () {}, disconnect () {}, connect: async () => { throw new Error('Connection is closed.') } } as unknown as FleetClient
  const closed = new FleetConnection({ open: async () => silent, clock: systemClock, log: recordedLog().log, patience: () => 500 })
  t.equal(await closed.ask(async () => 1), undefined)
  t.equal(closed.away, 'connection lost')
})

t.test('a client that is not there is named, and what is closed asks nothing', async t => {
  const { log, messages } = recordedLog()
  const connection = new FleetConnection({ open: async () => await newClient({ client: () => 5 }, () => ({}) as never), clock: systemClock, log, patience: () => 500 })
  t.equal(await connection.ask(async () => 1), undefined)
  t.match(messages(), [/^health: the fleet cannot be asked: E007 `client` returned no client of ioredis/])
  connection.close()
  t.equal(await connection.ask(async () => 1, true), undefined)
  const server = await startRedis(scope(t))
  const { ping, connection: closing, messages: said } = connect(t, server.url)
  const asked = ping()
  closing.close()
  await asked
  t.strictSame(said(), [], 'what a shutdown cuts off is not told')
})
