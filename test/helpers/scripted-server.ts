import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Scope } from './server.js'

/** A server that greets each client, answers what it is sent, and ends the connection where the answer is `null`. Gives its port. */
export async function scriptedServer (t: Scope, greeting: string, answer: (text: string) => string | null | undefined = () => undefined): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    if (greeting !== '') socket.write(greeting, 'latin1')
    socket.on('data', data => {
      const said = answer(data.toString('latin1'))
      if (said === null) socket.destroy()
      else if (said !== undefined) socket.write(said, 'latin1')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}
