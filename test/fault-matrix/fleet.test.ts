import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import t from 'tap'
import type { Test } from 'tap'
import { runsOf, startInstance, type Instance } from '../helpers/fleet.js'
import { until } from '../helpers/leaks.js'
import { startCluster, startSentinel } from '../helpers/redis-topologies.js'
import { startRedis } from '../helpers/redis.js'
import { startRelay } from '../helpers/relay.js'
import type { FleetOptions } from '../../types/fleet.js'

const patience = { timeout: 60_000 }
const interval = 200
const ttl = 600

t.setTimeout(300_000)
// They wait most of the time, and each has a Redis of its own.
t.jobs = 3

/** Two instances whose dependency is well all the time: so must be every answer to a probe. */
class Pair {
  readonly instances: readonly Instance[]
  readonly #t: Test
  #probing = true
  readonly #probes: Promise<void>

  constructor (t: Test, fleet: FleetOptions) {
    this.#t = t
    this.instances = ['one', 'two'].map(instance => startInstance(t, { fleet: { ...fleet, instance, ttl }, interval, deadline: 2000 }))
    this.#probes = this.#probe()
  }

  async #probe (): Promise<void> {
    const wrong = new Set<string>()
    let count = 0
    while (this.#probing) {
      for (const { health } of this.instances) {
        const { healthy, results } = await health.run('s')
        count++
        if (!healthy) wrong.add(results.map(({ status }) => status).join())
      }
      await sleep(20)
    }
    this.#t.ok(count > 20)
    this.#t.strictSame([...wrong], [], 'every probe was answered in time, and as it is')
  }

  /** One of them asks for both. */
  async shares (): Promise<void> {
    await until(async () => {
      const before = this.instances.map(({ runs }) => runs.length)
      await sleep(5 * interval)
      const [one = 0, two = 0] = this.instances.map(({ runs }, index) => runs.length - (before[index] as number))
      return one + two > 0 && Math.min(one, two) === 0
    }, patience)
  }

  /** Each of them asks for itself. */
  async asksAlone (): Promise<void> {
    for (const { runs } of this.instances) {
      const { length } = runs
      await until(() => runs.length > length + 2, patience)
    }
  }

  async goesOn (): Promise<void> {
    const before = runsOf(this.instances)
    await until(() => runsOf(this.instances) > before + 2, patience)
  }

  /** Ends both, and says whether each of them told once that the fleet was away, and once that it was back. */
  async close (): Promise<void> {
    this.#probing = false
    await this.#probes
    for (const { health } of this.instances) await health.close()
  }

  saidOnce (): void {
    for (const { log } of this.instances) {
      const said = log.messages()
      this.#t.match(said, [/^health: the fleet cannot be asked: /, 'health: the fleet can be asked again'])
      this.#t.equal(said.length, 2, said.join('\n'))
    }
  }
}

async function nothingIsLeft (admin: Redis): Promise<void> {
  await until(async () => (await admin.keys('*')).length === 0, { timeout: 10 * ttl + 20_000 })
}

interface Fault {
  readonly name: string
  readonly inject: (server: Awaited<ReturnType<typeof startRedis>>, relay: Awaited<ReturnType<typeof startRelay>>, admin: Redis) => unknown
  readonly recover?: (server: Awaited<ReturnType<typeof startRedis>>, relay: Awaited<ReturnType<typeof startRelay>>, admin: Redis) => unknown
}

const faults: readonly Fault[] = [
  { name: 'killed', inject: async server => await server.stop(), recover: async server => await server.start() },
  { name: 'frozen', inject: server => server.freeze(), recover: server => server.thaw() },
  { name: 'silent', inject: async (_server, relay) => await relay.silence(), recover: async (_server, relay) => await relay.pass() },
  { name: 'slow', inject: async (_server, relay) => await relay.delay(1500), recover: async (_server, relay) => await relay.pass() },
  { name: 'refusing', inject: async (_server, relay) => await relay.refuse(), recover: async (_server, relay) => await relay.pass() },
  {
    name: 'out of memory',
    inject: async (_server, _relay, admin) => await admin.config('SET', 'maxmemory', '1'),
    recover: async (_server, _relay, admin) => await admin.config('SET', 'maxmemory', '0'),
  },
]

for (const { name, inject, recover } of faults) {
  t.test(`a Redis that is ${name}`, { buffered: true }, async t => {
    const server = await startRedis(t)
    const relay = await startRelay(t, server.port)
    const admin = new Redis(server.url, { enableOfflineQueue: true, maxRetriesPerRequest: null })
    admin.on('error', () => {})
    t.teardown(() => admin.disconnect())
    const pair = new Pair(t, { name: 'shop', url: `redis://127.0.0.1:${relay.port}` })
    await pair.shares()
    await inject(server, relay, admin)
    await pair.asksAlone()
    await recover?.(server, relay, admin)
    await pair.shares()
    await pair.close()
    pair.saidOnce()
    await nothingIsLeft(admin)
  })
}

for (const [name, inject] of [
  ['flushed', async (admin: Redis) => { await admin.flushall() }],
  ['evicting keys', async (admin: Redis) => {
    await admin.config('SET', 'maxmemory-policy', 'allkeys-random')
    await admin.config('SET', 'maxmemory', '1')
    await admin.config('SET', 'maxmemory', '0')
  }],
] as const) {
  t.test(`a Redis that is ${name}`, { buffered: true }, async t => {
    const server = await startRedis(t)
    const admin = new Redis(server.url)
    t.teardown(() => admin.disconnect())
    const pair = new Pair(t, { name: 'shop', url: server.url })
    await pair.shares()
    for (let count = 0; count < 5; count++) {
      await inject(admin)
      await pair.goesOn()
    }
    await pair.shares()
    await until(async () => (await pair.instances[0]?.health.roster())?.up === 2, patience)
    await pair.close()
    for (const { log } of pair.instances) t.notMatch(log.messages().join(), /another instance|not all of the fleet/)
    await nothingIsLeft(admin)
  })
}

t.test('a Redis that Sentinel fails over', { buffered: true }, async t => {
  const { primary, replica, sentinel } = await startSentinel(t)
  const client = new Redis({ sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: 'shop', lazyConnect: true })
  const pair = new Pair(t, { name: 'shop', client })
  await pair.shares()
  await primary.stop()
  await pair.goesOn()
  for (const { log } of pair.instances) await until(() => log.messages().includes('health: the fleet can be asked again'), patience)
  await pair.shares()
  await pair.close()
  pair.saidOnce()
  await sentinel.stop()
  const alone = startInstance(t, { fleet: { name: 'shop', client }, interval })
  await until(() => alone.runs.length > 2, patience)
  t.match(alone.log.messages(), ['health: the fleet cannot be asked: no sentinel can be reached. This instance asks for itself until that is over.'])
  const admin = new Redis(replica.url)
  t.teardown(() => admin.disconnect())
  await nothingIsLeft(admin)
})

t.test('a Redis Cluster that loses a primary', { buffered: true }, async t => {
  const { nodes, ownerOf } = await startCluster(t)
  const owner = await ownerOf('{shop}')
  const client = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })), { lazyConnect: true })
  const pair = new Pair(t, { name: 'shop', client })
  await pair.shares()
  await owner.stop()
  await pair.asksAlone()
  await owner.start()
  await pair.shares()
  await pair.close()
  pair.saidOnce()
  const admin = new Redis(owner.url)
  t.teardown(() => admin.disconnect())
  await nothingIsLeft(admin)
})
