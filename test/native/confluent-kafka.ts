import { test } from 'tap'
import { KafkaCheck } from '../../lib/checks/kafka.js'
import { asking } from '../helpers/asking.js'
import { startKafka } from '../helpers/kafka.js'

/** Its types are not installed either. */
const { default: { KafkaJS } } = await import('@confluentinc/kafka-javascript' as string)

test('an admin of @confluentinc/kafka-javascript is asked, and not closed', async t => {
  const server = await startKafka(t)
  const admin = new KafkaJS.Kafka({ kafkaJS: { brokers: [`127.0.0.1:${server.port}`], logLevel: KafkaJS.logLevel.NOTHING } }).admin()
  await admin.connect()
  t.after(async () => await admin.disconnect())

  // The mock cluster does not speak the request that librdkafka describes topics by.
  const plainly = asking(t, [KafkaCheck, { client: 'kafka' }], { kafka: admin })
  const ghost = asking(t, [KafkaCheck, { client: 'kafka', topics: ['ghost'] }], { kafka: admin })
  t.equal(await plainly(), 'working')
  t.equal(await ghost(), "unavailable: the topic 'ghost' does not exist")
  server.freeze()
  plainly.health.settings.timeout = 300
  t.equal(await plainly(), 'unavailable: timed out after 300 ms')
  server.thaw()
  plainly.health.settings.timeout = 20_000
  t.equal(await plainly(), 'working')
  await plainly.health.close()
  t.strictSame(await admin.listTopics(), ['orders'])

  await server.stop()
  // It is what librdkafka says after five seconds, so the reason is known only to a check that waits as long.
  t.equal(await asking(t, [KafkaCheck, { client: admin, timeout: 20_000 }])(), 'unavailable: connection lost')
})

test('an admin that is not connected is told so', async t => {
  const admin = new KafkaJS.Kafka({ kafkaJS: { brokers: ['127.0.0.1:1'], logLevel: KafkaJS.logLevel.NOTHING } }).admin()
  t.equal(await asking(t, [KafkaCheck, { client: admin }])(), 'unavailable: client is not connected')
})
