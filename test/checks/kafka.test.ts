import kafkajs from 'kafkajs'
import { test } from 'tap'
import KafkaCheckByDefault, { KafkaCheck } from '../../lib/checks/kafka.js'
import { asking, faultsOf, keepsOneConnection } from '../helpers/asking.js'
import { startKafka } from '../helpers/kafka.js'
import { until } from '../helpers/leaks.js'
import { startRelay } from '../helpers/relay.js'
import { freePort } from '../helpers/server.js'

const patience = { timeout: 60_000 }

test('one connection of its own is kept between runs, given up with the run, and closed with the registry', async t => {
  t.equal(KafkaCheckByDefault, KafkaCheck)
  const server = await startKafka(t)
  const relay = await startRelay(t, server.port)
  server.advertised = relay.port
  const ask = asking(t, [KafkaCheck, { brokers: [`127.0.0.1:${relay.port}`], topics: ['orders'] }])
  await keepsOneConnection(t, ask, server, relay)
})

test('an admin of the app is asked, and not closed', async t => {
  const server = await startKafka(t)
  const admin = new kafkajs.Kafka({ brokers: [`127.0.0.1:${server.port}`], logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 0 } }).admin()
  await admin.connect()
  t.after(async () => await admin.disconnect())
  for (const options of [{}, { topics: ['orders'] }]) {
    const ask = asking(t, [KafkaCheck, { client: 'kafka', ...options }], { kafka: admin })
    t.equal(await ask(), 'working')
    await ask.health.close()
  }
  t.ok((await admin.listTopics()).includes('orders'))
})

test('what cannot be reached, or is no Kafka with SASL, is told in plain words', async t => {
  const server = await startKafka(t)
  t.equal(await asking(t, [KafkaCheck, { brokers: [`127.0.0.1:${await freePort()}`] }])(), 'unavailable: connection refused')
  const sasl = { mechanism: 'plain', username: 'health', password: 'correct-horse' }
  t.equal(await asking(t, [KafkaCheck, { brokers: [`127.0.0.1:${server.port}`], sasl }])(), 'unavailable: SASL is not supported')
  for (const host of ['127.0.0.1', 'localhost']) {
    t.equal(await asking(t, [KafkaCheck, { brokers: [`${host}:${server.port}`], tls: true }])(), 'unavailable: connection lost')
  }
})

test('of several brokers, the first that answers is asked', async t => {
  const server = await startKafka(t)
  const down = `127.0.0.1:${await freePort()}`
  // kafkajs begins with any of them.
  for (let n = 0; n < 5; n++) t.equal(await asking(t, [KafkaCheck, { brokers: [down, `127.0.0.1:${server.port}`] }])(), 'working')
  t.equal(await asking(t, [KafkaCheck, { brokers: [down, `127.0.0.1:${await freePort()}`] }])(), 'unavailable: connection refused')
})

test('brokers that say nothing are given up together, and no other is begun', async t => {
  const server = await startKafka(t)
  const relays = [await startRelay(t, server.port), await startRelay(t, server.port)]
  for (const relay of relays) await relay.silence()
  const ask = asking(t, [KafkaCheck, { brokers: relays.map(({ port }) => `127.0.0.1:${port}`) }])
  ask.health.settings.timeout = 300
  t.equal(await ask(), 'unavailable: timed out after 300 ms')
  await until(() => relays.every(({ connections }) => connections === 0), patience)
})

test('kafkajs that trips over an answer which never came has lost its connection', async t => {
  const tripped = Object.assign(new TypeError("Cannot destructure property 'topics' of null"), { stack: 'at node_modules/kafkajs/src/admin/index.js' })
  t.equal(await asking(t, [KafkaCheck, { client: { fetchTopicMetadata: async () => [], listTopics: async () => { throw tripped } } }])(), 'unavailable: connection lost')
})

test('an error of a client that is not known is told as unknown', async t => {
  for (const error of [new TypeError('of the app'), Object.assign(new Error('odd'), { cause: { type: 'ODD' } }), Object.assign(new Error('topic'), { cause: { type: 'TOPIC_AUTHORIZATION_FAILED' } })]) {
    const client = { fetchTopicMetadata: async () => [], listTopics: async () => { throw error } }
    t.equal(await asking(t, [KafkaCheck, { client }])(), error.message === 'topic' ? 'unavailable: permission denied' : 'unknown error')
  }
})

test('a topic that is missing or has no leader fails, whichever client tells it', async t => {
  const partitions = [{ leader: 1 }, { leader: -1 }]
  const list = [{ name: 'orders', partitions }]
  const clients = [
    { listTopics: async () => [], fetchTopicMetadata: async () => ({ topics: list }) },
    { listTopics: async () => [], fetchTopicMetadata: async () => list },
    { connectToBrokers () {}, metadata: async () => ({ topics: new Map([['orders', { partitions }]]) }) },
  ]
  for (const client of clients) {
    const status = await asking(t, [KafkaCheck, { client, topics: ['orders', 'ghost'] }])()
    t.equal(status, "unavailable: a partition of the topic 'orders' has no leader\nunavailable: the topic 'ghost' does not exist")
  }
})

test('one of the two has to be given, and be what it must be', async t => {
  t.strictSame(await faultsOf(t, [KafkaCheck, {}]), ['E007 neither `client` nor `brokers` is given'])
  t.strictSame(await faultsOf(t, [KafkaCheck, { client: { listTopics () {}, fetchTopicMetadata () {} }, tls: true, sasl: { mechanism: 'plain', username: 'a', password: 'b' } }]), ['E007 `tls` and `sasl` are given with `client`'])
  t.equal(await asking(t, [KafkaCheck, { client: { listTopics: async () => [], fetchTopicMetadata: async () => [] }, ca: '-----BEGIN CERTIFICATE-----' }])(), 'unknown error: E007 `ca` is given with `client`')
  t.match((await faultsOf(t, [KafkaCheck, { brokers: ['shop'] }]))[0], /^E008 'brokers' is /)
  for (const sasl of [null, { mechanism: 'plain' }]) t.match((await faultsOf(t, [KafkaCheck, { brokers: ['shop:9092'], sasl }]))[0], /^E008 'sasl' is /)
})

test('a client of @platformatic/kafka is asked, and not closed', async t => {
  const server = await startKafka(t)
  const { Admin } = await platformaticKafka()
  const admin = new Admin({ clientId: 'app', bootstrapBrokers: [`127.0.0.1:${server.port}`], retries: 0 })
  t.after(async () => await admin.close())
  for (const options of [{}, { topics: ['orders'] }]) {
    const ask = asking(t, [KafkaCheck, { client: 'kafka', ...options }], { kafka: admin })
    t.equal(await ask(), 'working')
    server.freeze()
    ask.health.settings.timeout = 300
    t.equal(await ask(), 'unavailable: timed out after 300 ms')
    server.thaw()
    ask.health.settings.timeout = 20_000
    t.equal(await ask(), 'working')
    await server.restart()
    t.equal(await ask(), 'working')
    await ask.health.close()
  }
  t.ok((await admin.listTopics({})).includes('orders'))
  await server.stop()
  t.match(await asking(t, [KafkaCheck, { client: admin }])(), /^unavailable: connection (?:lost|refused)$/)
})

/** The package needs Node.js 22. Of that, Node.js 20 lacks one function alone. */
async function platformaticKafka (): Promise<typeof import('@platformatic/kafka')> {
  const lacking = Promise as { withResolvers?: () => object }
  lacking.withResolvers ??= () => {
    const settle: Record<string, unknown> = {}
    return Object.assign(settle, { promise: new Promise((resolve, reject) => Object.assign(settle, { resolve, reject })) })
  }
  return await import('@platformatic/kafka')
}
