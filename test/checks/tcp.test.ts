import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type Test } from 'tap'
import TCPCheckByDefault, { TCPCheck } from '../../lib/checks/tcp.js'
import { createHealth } from '../../lib/index.js'
import { violations } from '../../lib/values/rules.js'
import type { CheckContext } from '../../types/check.js'
import { startDeaf } from '../helpers/deaf.js'
import { openSockets, until } from '../helpers/leaks.js'
import { freePort } from '../helpers/server.js'

async function listening (t: Test) {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => await new Promise(resolve => server.close(resolve)))
  return { port: (server.address() as AddressInfo).port, sockets }
}

function asking (t: Test, host: string, port: number, timeout = 5000) {
  const health = createHealth({ subsets: { net: [[TCPCheck, { host, port, timeout }]] } })
  t.teardown(async () => await health.close())
  return async () => (await health.run('net')).results[0]?.status
}

test('it passes where the connection is made, and leaves none behind', async t => {
  const { port, sockets } = await listening(t)
  const ask = asking(t, 'localhost', port)
  const before = openSockets()
  for (let n = 0; n < 10; n++) t.equal(await ask(), 'working')
  await until(() => sockets.size === 0 && openSockets() === before)
})

test('it says why no connection is made', async t => {
  t.equal(await asking(t, '127.0.0.1', await freePort())(), 'unavailable: connection refused')
  t.equal(await asking(t, 'nowhere.invalid', 1)(), 'unavailable: host not found')
})

test('a connection that nobody accepts is given up with its socket when the time is over', async t => {
  // Linux takes a few more connections than the backlog says and then none, until somebody accepts.
  const { pid, port } = await startDeaf(t)
  t.ok(pid)
  const ask = asking(t, '127.0.0.1', port, 200)
  const before = openSockets()
  t.equal(await ask(), 'unavailable: timed out after 200 ms')
  await until(() => openSockets() === before)
})

test('a run that is aborted before it begins rejects with the reason', async t => {
  const { port } = await listening(t)
  const reason = new Error('too late')
  const check = new TCPCheck({ host: '127.0.0.1', port })
  await t.rejects(check.check({ signal: AbortSignal.abort(reason) } as CheckContext), reason)
})

test('it is the default of its module, and asks something shared', t => {
  t.equal(TCPCheckByDefault, TCPCheck)
  t.equal(TCPCheck.scope, 'shared')
  t.end()
})

test('options that do not fit are told', t => {
  t.strictSame(violations(TCPCheck.rules, { host: 'db', port: 5432 }), [])
  for (const values of [{ port: 1 }, { host: 'db' }, { host: '', port: 1 }, { host: 'd\0b', port: 1 }, { host: 'db', port: 0 }, { host: 'db', port: 65_536 }, { host: 'db', port: '1' }, { host: 'db', port: 1.5 }]) {
    t.equal(violations(TCPCheck.rules, values).length, 1, JSON.stringify(values))
  }
  t.end()
})
