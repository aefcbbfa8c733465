import { once } from 'node:events'
import type { Socket } from 'node:net'
import { abortable } from '../time/abortable.js'
import type { Interruption } from '../time/stop-signal.js'

/** Waits for `event` of a socket, and returns the result of `use`. The socket is always destroyed, and at once if the signal is aborted. */
export async function withSocket<S extends Socket, T> (
  socket: S,
  event: 'connect' | 'secureConnect',
  signal: Interruption,
  use: (socket: S) => T
): Promise<T> {
  // A socket may report more than one error, or one after it was destroyed.
  socket.on('error', () => {})
  try {
    await abortable(once(socket, event), signal, () => socket.destroy())
    return use(socket)
  } finally {
    socket.destroy()
  }
}
