import { connect, createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { program } from './debian.js'
import { launch, type Program, type Scope } from './server.js'

/** A broker of Kafka's protocol, of librdkafka's mock cluster. Its port is the same over restarts. */
export interface KafkaServer extends Program {
  readonly port: number
  /** The port that its metadata names; its own unless told. */
  advertised: number
}

/**
 * A mock cluster of one broker. librdkafka chooses its port at each start, and tells it to clients: what stands before it has a port that
 * stays, and writes that one into the answers.
 */
export async function startKafka (t: Scope): Promise<KafkaServer> {
  let target = 0
  const front = createServer(client => {
    const server = connect({ host: '127.0.0.1', port: target })
    for (const [one, other] of [[client, server], [server, client]] as const) {
      one.on('error', () => {})
      one.on('close', () => other.destroy())
    }
    client.on('data', bytes => { server.write(bytes) })
    server.on('data', bytes => { client.write(withPort(bytes, target, state.advertised)) })
  })
  await once(front.listen(0, '127.0.0.1'), 'listening')
  const { port } = front.address() as AddressInfo
  t.after(() => { front.close() })
  const running = await launch(t, 'Kafka', place => ({
    command: program('kcat'),
    args: ['-b', 'mock', '-X', 'test.mock.num.brokers=1', '-d', 'mock', '-C', '-t', 'orders'],
    async answers () {
      // Each start adds a line of its port, and then one of the topic, which it makes for the first who asks.
      const said = [...place.log().matchAll(/ bootstrap\.servers=127\.0\.0\.1:(\d+)[^]*?Created topic "orders"/g)].at(-1)
      const found = Number(said?.[1] ?? 0)
      if (found === target) throw new Error('It has not told its port and its topic yet')
      target = found
    },
  }))
  const state: KafkaServer = Object.assign(running, { port, advertised: port })
  return state
}

/** A broker stands in metadata as its host, with its length, and its port. */
function withPort (bytes: Buffer, from: number, to: number): Buffer {
  const [before, after] = [from, to].map(port => {
    const broker = Buffer.from('\0\x09127.0.0.1\0\0\0\0', 'latin1')
    broker.writeInt32BE(port, broker.length - 4)
    return broker
  }) as [Buffer, Buffer]
  const at = bytes.indexOf(before)
  if (at >= 0) after.copy(bytes, at)
  return bytes
}
