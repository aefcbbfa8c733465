import { createServer } from 'node:net'
import { listening } from './listening.js'
import type { Scope } from './server.js'

/** A server that greets each client, answers what it is sent, and ends the connection where the answer is `null`. Gives its port. */
export async function scriptedServer (t: Scope, greeting: string, answer: (text: string) => string | null | undefined = () => undefined): Promise<number> {
  return await listening(t, createServer(socket => {
    if (greeting !== '') socket.write(greeting, 'latin1')
    socket.on('data', data => {
      const said = answer(data.toString('latin1'))
      if (said === null) socket.destroy()
      else if (said !== undefined) socket.write(said, 'latin1')
    })
  }))
}
