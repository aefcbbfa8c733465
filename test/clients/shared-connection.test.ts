import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test, type Test } from 'tap'
import { SharedConnection } from '../../lib/clients/shared-connection.js'
import { openSockets, until } from '../helpers/leaks.js'

/** A server that greets, then says back what it is told, each so many milliseconds late; and a line to it. */
async function start (t: Test, { goodbye = false } = {}) {
  const clients = new Set<Socket>()
  const counts = { opened: 0, goodbyes: 0 }
  const server = { late: 0, greeting: 'welcome', clients, counts, reset: () => { for (const client of clients) client.resetAndDestroy() } }
  const say = async (client: Socket, words: string | Buffer) => {
    await sleep(server.late)
    client.write(words)
  }
  const listening = createServer(client => {
    clients.add(client)
    client.on('error', () => {}).on('close', () => clients.delete(client)).on('data', async words => await say(client, words))
    say(client, server.greeting)
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    server.reset()
    listening.close()
  })
  await once(listening, 'listening')
  const { port } = listening.address() as AddressInfo

  const line = new SharedConnection(() => {
    counts.opened++
    const socket = connect(port, '127.0.0.1')
    // What broke it rejects what waits for it.
    socket.on('error', () => {})
    const sayGoodbye = async () => {
      counts.goodbyes++
      await told(socket, 'bye')
    }
    return {
      connected: heard(socket).then(greeting => {
        if (greeting !== 'welcome') throw new Error(greeting)
        return socket
      }),
      isLost: failure => socket.destroyed || failure === lost,
      ...goodbye ? { sayGoodbye } : {},
      destroy: () => socket.destroy(),
    }
  })
  t.teardown(async () => await line.close())
  return { server, line }
}

async function heard (socket: Socket): Promise<string> {
  const [words] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => { throw new Error('closed') })])
  return String(words)
}

async function told (socket: Socket, words: string): Promise<string> {
  socket.write(words)
  return await heard(socket)
}

const lost = new Error('lost')
const patient = new AbortController().signal
const ask = async (socket: Socket) => await told(socket, 'ping')

test('a line', async t => {
  t.beforeEach(async () => await until(() => openSockets() === 0))

  await t.test('lends the same connection to all, one after another and at once, and closing leaves none', async t => {
    const { line, server } = await start(t)
    t.same(await Promise.all([line.use(patient, ask), line.use(patient, async () => 'not asked')]), ['ping', 'not asked'])
    t.equal(await line.use(patient, ask), 'ping')
    t.equal(server.counts.opened, 1)
    await line.close()
    await until(() => server.clients.size === 0)
  })

  await t.test('closes nothing where nothing was ever lent', async t => {
    const { line, server } = await start(t)
    await line.close()
    t.equal(server.counts.opened, 0)
  })

  await t.test('says goodbye where the protocol has one, but not over what is lost or not made yet', async t => {
    const made = await start(t, { goodbye: true })
    await made.line.use(patient, ask)
    await made.line.close()
    t.equal(made.server.counts.goodbyes, 1)

    const lost = await start(t, { goodbye: true })
    await lost.line.use(patient, async socket => socket.destroy())
    await lost.line.close()
    t.equal(lost.server.counts.goodbyes, 0)

    const unmade = await start(t, { goodbye: true })
    unmade.server.late = 100
    const lent = unmade.line.use(patient, ask)
    await unmade.line.close()
    await t.rejects(lent, { message: 'closed' })
    t.equal(unmade.server.counts.goodbyes, 0)
  })

  await t.test('waits for no answer to its goodbye longer than a quarter of a second, and closes the socket', async t => {
    const { line, server } = await start(t, { goodbye: true })
    await line.use(patient, ask)
    server.late = 2000
    const begun = performance.now()
    await line.close()
    const took = performance.now() - begun
    t.ok(took >= 249 && took < 1500, `${took} ms`)
    t.equal(server.counts.goodbyes, 1)
    await until(() => server.clients.size === 0)
  })

  await t.test('passes on what its user throws, and keeps the connection', async t => {
    const { line, server } = await start(t)
    for (let n = 0; n < 2; n++) await t.rejects(line.use(patient, async () => { throw new Error('a mistake of its own') }), { message: 'a mistake of its own' })
    t.equal(server.counts.opened, 1)
  })

  await t.test('makes anew what is known to be lost, and asks nothing over it', async t => {
    const { line, server } = await start(t)
    await line.use(patient, async socket => socket.destroy())
    let asked = 0
    await line.use(patient, async socket => {
      asked++
      await ask(socket)
    })
    t.equal(asked, 1)
    t.equal(server.counts.opened, 2)
  })

  await t.test('makes anew what could not be made, and leaves nothing of it', async t => {
    const { line, server } = await start(t)
    server.greeting = 'no more clients'
    await t.rejects(line.use(patient, ask), { message: 'no more clients' })
    await until(() => server.clients.size === 0)
    server.greeting = 'welcome'
    t.equal(await line.use(patient, ask), 'ping')
    t.equal(server.counts.opened, 2)
  })

  await t.test('asks again, once, over what turns out to be lost; a connection that is new it asks once only', async t => {
    const { line, server } = await start(t)
    let asked = 0
    const use = async () => {
      asked++
      throw lost
    }
    await t.rejects(line.use(patient, use))
    t.equal(asked, 1)
    await t.rejects(line.use(patient, use))
    t.equal(asked, 3)
    t.equal(server.counts.opened, 2)
    await until(() => server.clients.size === 1)
  })

  await t.test('of several that lose a connection at once, each asks again over the same new one', async t => {
    const { line, server } = await start(t)
    await line.use(patient, ask)
    server.late = 50
    const lent = Promise.all([1, 2, 3].map(async n => await line.use(patient, async socket => {
      await ask(socket)
      return n
    })))
    await sleep(10)
    server.reset()
    t.same(await lent, [1, 2, 3])
    t.equal(server.counts.opened, 2)
  })

  await t.test('rejects at once who gives up, and leaves the connection to the others; who comes later gets a new one', async t => {
    const { line, server } = await start(t)
    await line.use(patient, ask)
    server.late = 200
    const begun = Date.now()
    const [hasty, other] = [line.use(AbortSignal.timeout(50), ask), line.use(patient, ask)]
    await t.rejects(hasty, { name: 'TimeoutError' })
    t.ok(Date.now() - begun < 150)
    server.late = 0
    t.equal(await line.use(patient, ask), 'ping')
    t.equal(server.counts.opened, 2)
    t.equal(server.clients.size, 2)
    t.match(await other, /^ping/)
    await until(() => server.clients.size === 1)
  })

  await t.test('goes on making a connection that one gives up while another waits for it, and asks for the other alone', async t => {
    const { line, server } = await start(t)
    server.late = 100
    let asked = 0
    const hasty = line.use(AbortSignal.timeout(20), async () => { asked++ })
    const other = line.use(patient, ask)
    await t.rejects(hasty, { name: 'TimeoutError' })
    t.equal(await other, 'ping')
    t.equal(server.counts.opened, 1)
    t.equal(asked, 0)
    await until(() => server.clients.size === 0)
  })

  await t.test('gives up a connection that nobody waits for any more', async t => {
    for (const isMade of [true, false]) {
      const { line, server } = await start(t)
      if (isMade) await line.use(patient, ask)
      server.late = 1000
      await t.rejects(line.use(AbortSignal.timeout(50), ask), { name: 'TimeoutError' })
      t.equal(server.counts.opened, 1)
      await until(() => server.clients.size === 0, { timeout: 500 })
      t.equal(openSockets(), 0)
    }
  })

  await t.test('opens nothing for who gave up before', async t => {
    const { line, server } = await start(t)
    await t.rejects(line.use(AbortSignal.abort(new Error('too late')), ask), { message: 'too late' })
    t.equal(server.counts.opened, 0)
  })
})
