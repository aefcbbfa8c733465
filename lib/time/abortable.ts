import type { Interruption } from './stop-signal.js'

/**
 * Settles as `work` does. When the signal is aborted, it calls `destroy`, which should end the work, and rejects at once with the signal's
 * reason, even if `work` never settles.
 */
export function abortable<T> (work: Promise<T>, signal: Interruption, destroy: () => unknown = () => {}): Promise<T> {
  // This uses one promise and one pair of callbacks, since a race of two promises costs as much as the rest of many checks.
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(signal.reason)
      // An error of `destroy` is ignored, since an unhandled rejection would end the process.
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

/** Waits for `ms` milliseconds. It rejects with the signal's reason when the signal is aborted. */
export async function pause (ms: number, signal: Interruption): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const waited = new Promise<void>(resolve => { timer = setTimeout(resolve, ms) })
  await abortable(waited, signal, () => clearTimeout(timer))
}
