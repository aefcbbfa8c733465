import { writeSync } from 'node:fs'

/** The writer waits at most this many milliseconds until the reader makes room. */
const timeForReader = 1000
const nap = 10

/**
 * Writes a whole text. It does not use `process.stdout`, since loading its streams and sockets takes longer than the rest of a probe. A
 * reader that is gone, or makes no room in time, does not change the exit status. The function returns the code of any other fault, such
 * as a full disk.
 */
export function write (descriptor: number, text: string): string | undefined {
  const bytes = Buffer.from(text)
  let left = timeForReader
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
