import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { deserialize, serialize, type Document } from 'bson'
import type { Scope } from './server.js'

/** A MongoDB as far as the driver's handshake, `hello` and `ping` go, since no real one can be installed. */
export interface MongoDBFixture {
  readonly url: string
  readonly connections: number
  /** The clients that have ever connected. */
  readonly accepted: number
  /** The users and passwords of the mechanism PLAIN, `user:password`. Anybody is let in. */
  readonly logins: readonly string[]
  /** What it answers to these commands, by their names. */
  readonly answers: Record<string, Document | 'nothing'>
}

const [message, query, reply] = [2013, 2004, 1]

/** https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ */
export async function startMongoDBFixture (t: Scope): Promise<MongoDBFixture> {
  const sockets = new Set<Socket>()
  const hello = { ok: 1, isWritablePrimary: true, ismaster: true, helloOk: true, maxBsonObjectSize: 16_777_216, maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000, minWireVersion: 0, maxWireVersion: 21, readOnly: false }
  const answers: Record<string, Document | 'nothing'> = { ping: { ok: 1 }, hello, ismaster: hello, isMaster: hello, endSessions: { ok: 1 }, saslStart: { ok: 1, conversationId: 1, done: true, payload: '' } }
  const logins: string[] = []
  let accepted = 0
  const server = createServer(socket => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    let begun = Buffer.alloc(0)
    socket.on('data', chunk => {
      begun = Buffer.concat([begun, chunk])
      while (begun.length >= 4 && begun.length >= begun.readInt32LE(0)) {
        const length = begun.readInt32LE(0)
        const { command, answer } = answerTo(begun.subarray(0, length), answers)
        // https://www.rfc-editor.org/rfc/rfc4616
        if ('saslStart' in command) logins.push(String(command['payload'].value()).split('\0').slice(1).join(':'))
        if (answer !== undefined) socket.write(answer)
        begun = begun.subarray(length)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return {
    url: `mongodb://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections () { return sockets.size },
    get accepted () { return accepted },
    logins,
    answers,
  }
}

function answerTo (bytes: Buffer, answers: MongoDBFixture['answers']): { command: Document, answer?: Buffer } {
  const [requestId, opCode] = [bytes.readInt32LE(4), bytes.readInt32LE(12)]
  // A query has flags, the name of a collection, and two numbers before its document; a message has flags and the kind of a section.
  const from = opCode === query ? bytes.indexOf(0, 20) + 9 : 21
  const command = deserialize(bytes.subarray(from, from + bytes.readInt32LE(from)))
  const answer = answers[Object.keys(command)[0] as string]
  if (answer === undefined || answer === 'nothing') return { command }
  const document = serialize(answer)
  const head = Buffer.alloc(opCode === query ? 36 : 21)
  head.writeInt32LE(head.length + document.length, 0)
  head.writeInt32LE(requestId, 8)
  head.writeInt32LE(opCode === query ? reply as number : message as number, 12)
  if (opCode === query) head.writeInt32LE(1, 32)
  return { command, answer: Buffer.concat([head, document]) }
}
