import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Patience {
  /** Milliseconds until it gives up; 5000 unless told. */
  timeout?: number
  /** Milliseconds between two tries; 20 unless told. */
  interval?: number
}

/** What keeps this process alive now, counted by type: `TCPSocketWrap`, `TCPServerWrap`, `Timeout`, `PipeWrap` … */
export function openHandles (): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const type of process.getActiveResourcesInfo()) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

/** The TCP sockets this process has open now, at either end; listening ones are not counted. */
export function openSockets (): number {
  return openHandles()['TCPSocketWrap'] ?? 0
}

/** The TCP sockets that processes hold to a port of the loopback, in whatever state, those included that keep no process alive. */
export function socketsTo (port: number): number {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').map(row => row.trim().split(/\s+/))
  // A socket without an inode is the system's alone.
  return rows.filter(([, , remote, , , , , , , inode]) => remote === address && inode !== '0').length
}

/**
 * Runs `attempt` until it neither throws nor rejects, and gives what it returns.
 *
 * @throws what the last attempt threw, once the time is over
 */
export async function eventually<T> (attempt: () => T | Promise<T>, { timeout = 5000, interval = 20 }: Patience = {}): Promise<T> {
  const deadline = Date.now() + timeout
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() >= deadline) throw error
    }
    await sleep(interval)
  }
}

/**
 * Waits until `condition` is true.
 *
 * @throws {Error} once the time is over; what the condition itself throws passes through at once
 */
export async function until (condition: () => boolean | Promise<boolean>, { timeout = 5000, interval = 20 }: Patience = {}): Promise<void> {
  const deadline = Date.now() + timeout
  while (!await condition()) {
    if (Date.now() >= deadline) throw new Error(`Still not so after ${timeout} ms: ${condition}`)
    await sleep(interval)
  }
}
