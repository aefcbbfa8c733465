import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Scope } from './server.js'

/** Lets a server listen on a free port, which is returned. Its sockets are closed with the test. */
export async function listening (t: Scope, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}
