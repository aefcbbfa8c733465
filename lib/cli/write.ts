import { writeSync } from 'node:fs'

/** How long a reader may take to make room, in milliseconds. */
const patience = 1000
const nap = 10

/**
 * Writes all of a text, not by way of process.stdout: loading streams and sockets for it takes longer than all the rest of a probe.
 * A reader that is gone, or makes no room in time, is no reason not to exit as it should. Returns the code of any other fault, such as
 * a disk that is full.
 */
export function write (descriptor: number, text: string): string | undefined {
  const bytes = Buffer.from(text)
  let left = patience
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(descriptor, bytes, written)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE' || code === 'EBADF' || (code === 'EAGAIN' && left <= 0)) return
      if (code !== 'EAGAIN') return code
      left -= nap
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, nap)
    }
  }
}
