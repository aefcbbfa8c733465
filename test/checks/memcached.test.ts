import { createRequire } from 'node:module'
import { test } from 'tap'
import MemcachedCheckByDefault, { MemcachedCheck } from '../../lib/checks/memcached.js'
import { asking, faultsOf } from '../helpers/asking.js'
import { startMemcached } from '../helpers/brokers.js'
import { until } from '../helpers/leaks.js'
import { startRelay } from '../helpers/relay.js'
import { scriptedServer } from '../helpers/scripted-server.js'
import { freePort } from '../helpers/server.js'

// Neither of them has types.
const require = createRequire(import.meta.url)
const [Memcached, memjs] = [require('memcached'), require('memjs')]
const patience = { timeout: 60_000 }
const over = (servers: string | string[], options = {}) => [MemcachedCheck, { servers, ...options }] as const

test('each server is asked, over one connection each, which is kept and closed with the registry', async t => {
  t.equal(MemcachedCheckByDefault, MemcachedCheck)
  const servers = [await startMemcached(t), await startMemcached(t)]
  const relays = [await startRelay(t, servers[0]!.port), await startRelay(t, servers[1]!.port)]
  const ask = asking(t, over(relays.map(({ port }) => `127.0.0.1:${port}`)))
  for (let n = 0; n < 3; n++) t.equal(await ask(), 'working')
  t.strictSame(relays.map(({ connections }) => connections), [1, 1])
  await servers[1]?.restart()
  t.equal(await ask(), 'working')
  await relays[1]?.refuse()
  t.equal(await ask(), 'unavailable: connection refused')
  await relays[1]?.pass()
  t.equal(await ask(), 'working')
  await relays[0]?.silence()
  ask.health.settings.timeout = 300
  t.equal(await ask(), 'unavailable: timed out after 300 ms')
  await until(() => relays.every(({ connections }) => connections === 0), patience)
  await relays[0]?.pass()
  await ask.health.close()
  await until(() => relays.every(({ connections }) => connections === 0), patience)
  t.equal(await asking(t, over(`localhost:${servers[0]?.port}`))(), 'working')
})

test('clients of the app are asked, and not closed', async t => {
  const server = await startMemcached(t)
  const client = memjs.Client.create(`127.0.0.1:${server.port}`, { retries: 0, timeout: 20, conntimeout: 20 })
  const other = new Memcached(`127.0.0.1:${server.port}`, { retries: 0, timeout: 20_000 })
  t.after(() => {
    client.close()
    other.end()
  })
  t.equal(await asking(t, [MemcachedCheck, { client: 'memcached' }], { memcached: client })(), 'working')
  t.equal(await asking(t, [MemcachedCheck, { client: () => other }])(), 'working')
  await server.stop()
  t.match(await asking(t, [MemcachedCheck, { client }])(), /^unavailable: connection (?:refused|lost)$/)
})

test('what is no memcached is told so', async t => {
  const port = await scriptedServer(t, '', () => 'HTTP/1.1 400 Bad Request\r\n')
  t.equal(await asking(t, over(`127.0.0.1:${port}`))(), 'unexpected result: what answers does not speak memcached')
  t.equal(await asking(t, over(`[::ffff:127.0.0.1]:${await freePort()}`))(), 'unavailable: connection refused')
  t.equal(await asking(t, over('127.0.0.1'))(), 'unavailable: connection refused', 'port 11211 is the usual one')
  const stats = (callback: (error: unknown) => void) => callback(new Error('odd'))
  t.equal(await asking(t, [MemcachedCheck, { client: { servers: [{}], stats } }])(), 'unknown error')
  t.equal(await asking(t, [MemcachedCheck, { client: { servers: [], stats () {} } }])(), 'unavailable: the client has no server')
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  for (const error of [refused, [refused]]) {
    t.equal(await asking(t, [MemcachedCheck, { client: { version: (callback: (error: unknown) => void) => callback(error) } }])(), 'unavailable: connection refused')
  }
  t.equal(await asking(t, [MemcachedCheck, { client: { version: (callback: (error: unknown) => void) => callback([]) } }])(), 'working')
})

test('one of the two has to be given, and be what it must be', async t => {
  t.strictSame(await faultsOf(t, [MemcachedCheck, {}]), ['E007 neither `client` nor `servers` is given'])
  t.strictSame(await faultsOf(t, [MemcachedCheck, { servers: 'shop', client: 'cache' }]), ['E007 both `client` and `servers` are given'])
  for (const servers of [[], 'shop:x', ['shop', 5]]) t.match((await faultsOf(t, [MemcachedCheck, { servers }]))[0], /^E008 'servers' is /)
})
