import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { test, type Test } from 'tap'
import { withSocket } from '../../lib/clients/sockets.js'

async function listening (t: Test): Promise<number> {
  const server = createServer(socket => { socket.on('error', () => {}) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => await new Promise(resolve => server.close(resolve)))
  return (server.address() as AddressInfo).port
}

test('a socket is lent once it is connected, and destroyed afterwards', async t => {
  const socket = connect(await listening(t), '127.0.0.1')
  t.equal(await withSocket(socket, 'connect', new AbortController().signal, ({ connecting }) => connecting), false)
  t.ok(socket.destroyed)
})

test('it is destroyed where its use throws, and where the run is aborted', async t => {
  const port = await listening(t)
  const used = connect(port, '127.0.0.1')
  await t.rejects(withSocket(used, 'connect', new AbortController().signal, () => { throw new Error('used up') }), { message: 'used up' })
  t.ok(used.destroyed)
  const aborted = connect(port, '127.0.0.1')
  const reason = new Error('too late')
  await t.rejects(withSocket(aborted, 'secureConnect', AbortSignal.abort(reason), () => t.fail('it is not used')), reason)
  t.ok(aborted.destroyed)
})

test('an error after it was destroyed reaches nobody', async t => {
  const socket = connect(await listening(t), '127.0.0.1')
  await withSocket(socket, 'connect', new AbortController().signal, () => {})
  t.doesNotThrow(() => socket.emit('error', new Error('late')))
})
