import { once } from 'node:events'
import type { Socket } from 'node:net'
import { abortable } from '../time/abortable.js'
import type { Interruption } from '../time/stop-signal.js'

/** What `use` makes of a socket once it has told `event`. The socket is destroyed in any case, and at once where the signal is aborted. */
export async function withSocket<S extends Socket, T> (socket: S, event: 'connect' | 'secureConnect', signal: Interruption, use: (socket: S) => T): Promise<T> {
  // It may report more than one error, or one after it was destroyed.
  socket.on('error', () => {})
  try {
    await abortable(once(socket, event), signal, () => socket.destroy())
    return use(socket)
  } finally {
    socket.destroy()
  }
}
