import t from 'tap'
import { startMemcached, startMosquitto, startNats } from '../helpers/brokers.js'
import { canary, faultMatrix, throughRelay } from '../helpers/fault-matrix.js'
import { startKafka } from '../helpers/kafka.js'
import { startRelay } from '../helpers/relay.js'

const access = { user: `${canary}-user`, password: `${canary}-password` }

t.test('NATS', async t => {
  const server = await startNats(t, access)
  const relay = await startRelay(t, server.port)
  const expecting = (password: string) => async () => {
    server.expect(password)
    await server.restart()
  }
  await faultMatrix(t, {
    name: 'NATS',
    entry: ['fastify-health/checks/nats', { url: server.url.replace(String(server.port), String(relay.port)) }],
    relay,
    census: () => relay.connections,
    injections: { ...throughRelay(relay, server), credentials: { inject: expecting('another'), recover: expecting(access.password) } },
  })
})

t.test('MQTT', async t => {
  const server = await startMosquitto(t, access)
  const relay = await startRelay(t, server.port)
  const expecting = (password: string) => async () => {
    await server.expect(password)
    await server.restart()
  }
  await faultMatrix(t, {
    name: 'MQTT',
    entry: ['fastify-health/checks/mqtt', { url: server.url.replace(String(server.port), String(relay.port)) }],
    relay,
    census: () => relay.connections,
    injections: { ...throughRelay(relay, server), credentials: { inject: expecting('another'), recover: expecting(access.password) } },
  })
})

t.test('Memcached', async t => {
  const server = await startMemcached(t)
  const relay = await startRelay(t, server.port)
  await faultMatrix(t, {
    name: 'Memcached',
    entry: ['fastify-health/checks/memcached', { servers: `127.0.0.1:${relay.port}` }],
    relay,
    census: () => relay.connections,
    injections: throughRelay(relay, server),
  })
})

t.test('Kafka', async t => {
  const server = await startKafka(t)
  const relay = await startRelay(t, server.port)
  server.advertised = relay.port
  await faultMatrix(t, {
    name: 'Kafka',
    entry: ['fastify-health/checks/kafka', { brokers: [`127.0.0.1:${relay.port}`], topics: ['orders'] }],
    relay,
    census: () => relay.connections,
    injections: throughRelay(relay, server),
  })
})
