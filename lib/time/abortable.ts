import type { Interruption } from './stop-signal.js'

/**
 * Settles as `work` does. Once the signal is aborted, it calls `destroy`, which ends what hangs, and rejects with the signal's reason at
 * once, whatever becomes of `work`.
 */
export function abortable<T> (work: Promise<T>, signal: Interruption, destroy: () => unknown = () => {}): Promise<T> {
  // One promise and one pair of callbacks: a race of two promises costs as much as the rest of many a check.
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(signal.reason)
      // What cannot be destroyed properly is given up all the same; thrown from here, it would end the process.
      attempt(destroy).catch(() => {})
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    work.then(value => {
      signal.removeEventListener('abort', onAbort)
      resolve(value)
    }, error => {
      signal.removeEventListener('abort', onAbort)
      reject(error)
    })
  })
}

async function attempt (action: () => unknown): Promise<void> {
  await action()
}

/** Waits; rejects with the signal's reason once aborted. */
export async function pause (ms: number, signal: Interruption): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const waited = new Promise<void>(resolve => { timer = setTimeout(resolve, ms) })
  await abortable(waited, signal, () => clearTimeout(timer))
}
