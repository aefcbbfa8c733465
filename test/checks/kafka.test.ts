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

test('a topic that is missing is named, and not created', async t => {
  const server = await startKafka(t)
  const brokers = [`127.0.0.1:${server.port}`]
  // Nothing less than the default of kafkajs, which tries again for longer than a probe waits.
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  t.after(async () => await admin.disconnect())
  for (const source of [{ client: admin }, { brokers }]) {
    const ask = asking(t, [KafkaCheck, { ...source, topics: ['orders', 'ghost'] }])
    t.equal(await ask(), "unavailable: the topic 'ghost' does not exist")
    t.equal(await asking(t, [KafkaCheck, { ...source, topics: ['ghost'] }])(), "unavailable: the topic 'ghost' does not exist")
    t.strictSame(await admin.listTopics(), ['orders'])
  }
})

test('what librdkafka says of a cluster is told in plain words', async t => {
  for (const [type, words] of Object.entries({
    ERR__TRANSPORT: 'connection lost',
    ERR__ALL_BROKERS_DOWN: 'no broker can be reached',
    ERR__TIMED_OUT: 'timed out',
    ERR__STATE: 'client is not connected',
    ERR__SSL: 'TLS handshake failed',
    ERR__AUTHENTICATION: 'authentication failed',
    ERR_TOPIC_AUTHORIZATION_FAILED: 'permission denied',
  })) {
    const client = { fetchTopicMetadata: async () => [], listTopics: async () => { throw Object.assign(new Error('canary'), { name: 'KafkaJSError', type }) } }
    t.equal(await asking(t, [KafkaCheck, { client }])(), `unavailable: ${words}`)
  }
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
  for (const error of [new TypeError('of the app'), Object.assign(new Error('odd'), { type: 'ODD' }), new Error('topic', { cause: Object.assign(new Error(), { type: 'TOPIC_AUTHORIZATION_FAILED' }) })]) {
    const client = { fetchTopicMetadata: async () => [], listTopics: async () => { throw error } }
    t.equal(await asking(t, [KafkaCheck, { client }])(), error.message === 'topic' ? 'unavailable: permission denied' : 'unknown error')
  }
})

test('a topic that is missing or has no leader fails, whichever client tells it', async t => {
  const partitions = [{ leader: 1 }, { leader: -1 }]
  const list = [{ name: 'orders', partitions }]
  const clients = [
    { listTopics: async () => ['orders'], fetchTopicMetadata: async () => ({ topics: list }) },
    { listTopics: async () => ['orders'], fetchTopicMetadata: async () => list },
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
  await admin.close()
  t.equal(await asking(t, [KafkaCheck, { client: admin }])(), 'unavailable: client is closed')
})

test('what @platformatic/kafka throws is told in plain words', async t => {
  const { AuthenticationError, MultipleErrors, ResponseError } = await platformaticKafka()
  for (const [error, words] of [
    [new ResponseError(3, 12, { '/topics/0': [3, null] }, {}), 'a topic does not exist'],
    [new MultipleErrors('Metadata failed 1 times.', [new ResponseError(3, 12, { '/topics/0/partitions/1': [5, null] }, {})]), 'a partition has no leader'],
    [new ResponseError(3, 12, { '/topics/0': [29, null] }, {}), 'permission denied'],
    [new MultipleErrors('Cannot connect to any broker.', [new AuthenticationError('canary')]), 'authentication failed'],
  ] as const) {
    const client = { connectToBrokers () {}, metadata: async () => { throw error } }
    t.equal(await asking(t, [KafkaCheck, { client, topics: ['orders'] }])(), `unavailable: ${words}`)
  }
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
