import Fastify from 'fastify'
import fastifyRedis from '@fastify/redis'
import { Cluster, Redis } from 'ioredis'
import t from 'tap'
import { fleetClientRequirements, newClient } from '../../lib/fleet/client.js'
import type { FleetOptions } from '../../types/fleet.js'
import { createHealth } from '../../lib/index.js'
import { startRedis } from '../helpers/redis.js'

const noApp = () => { throw new Error('There is no app.') }

t.test('a client is a decorator\'s name, a function of the app, or the client itself; the fleet has a connection of its own', async t => {
  const server = await startRedis({ after: close => t.teardown(close) })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyRedis, { url: server.url, keyPrefix: 'app:', namespace: 'sessions' })
  await app.ready()
  const given = app.redis as unknown as { sessions: Redis }
  for (const client of ['redis.sessions', (instance: typeof app) => (instance.redis as unknown as typeof given).sessions, given.sessions] as const) {
    const options = { client } as Pick<FleetOptions, 'client'>
    t.strictSame(await fleetClientRequirements(options, () => app), [])
    const own = await newClient(options, () => app)
    t.not(own, given.sessions)
    await own.connect()
    t.strictSame(await own.fleetMutes(2, 'a', 'b').then(([, version, all]) => [version, all]), ['', []])
    t.equal((own as unknown as Redis).options.keyPrefix, '')
    own.disconnect()
  }
})

t.test('E007 names what is not there', async t => {
  const app = Fastify()
  app.decorate('redis', 5 as never)
  const missing = async (options: Pick<FleetOptions, 'client' | 'url'>) => (await fleetClientRequirements(options, () => app)).map(({ message }) => message)
  t.strictSame(await missing({}), ['app.redis is no client of ioredis'])
  t.strictSame(await missing({ client: 'redis.sessions' }), ['app.redis.sessions is not there'])
  t.strictSame(await missing({ client: () => undefined }), ['`client` returned no client of ioredis'])
  t.strictSame(await missing({ client: {} }), ['`client` is no client of ioredis'])
  t.strictSame(await missing({ url: 'redis://h' }), [])
  await t.rejects(newClient({}, () => app), { message: 'E007 app.redis is no client of ioredis' })
  t.match(await fleetClientRequirements({}, noApp), [{ message: 'its `client` threw There is no app.' }])
  t.match(await createHealth({ fleet: { name: 'shop' } }).systemChecks(), [{ id: 'E007', message: 'fleet: there is no app whose client it could take', hint: 'Give it the client itself, or a `url`.' }])
})

t.test('a Cluster is duplicated with its own settings', async t => {
  const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true, keyPrefix: 'app:', redisOptions: { password: 'secret' } })
  const own = await newClient({ client: cluster }, noApp) as unknown as Cluster
  t.match(own.options, { keyPrefix: '', redisOptions: { password: 'secret', connectionName: 'fastify-health:fleet' } })
  t.equal(typeof (own as unknown as Record<string, unknown>)['fleetBeat'], 'function')
})

t.test('boot tells what the fleet lacks as a fault', async t => {
  const app = Fastify()
  const health = createHealth({ fleet: { name: 'shop' } }, { app })
  t.match(await health.systemChecks(), [{ id: 'E007', level: 'error', message: 'fleet: app.redis is not there', hint: /@fastify\/redis/ }])
  t.strictSame(await health.systemChecks('readiness').then(found => found.map(({ id }) => id)), ['E002'], 'and not to who asks for one subset')
  await health.close()
})
