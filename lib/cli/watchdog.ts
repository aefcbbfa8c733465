import { writeSync } from 'node:fs'
import { Session } from 'node:inspector'
import { Worker } from 'node:worker_threads'

/** How a command ends that is late. */
export interface Ending {
  /** Milliseconds until then. */
  readonly time: number
  readonly status: number
  readonly text: string
  readonly descriptor: 1 | 2
}

/** How long the main thread may take to end the process, in milliseconds. */
const endingTime = 250

/** Ends the process after a time, even if its main thread is blocked by then. A thread of its own holds the timer. */
export function startWatchdog (ending: Ending): void {
  const program = `import { workerData } from 'node:worker_threads'; import { endLater } from ${JSON.stringify(import.meta.url)}; ` +
    'endLater(workerData)'
  new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), { workerData: ending }).unref()
}

/** The thread runs this. */
export function endLater (ending: Ending): void {
  setTimeout(end, ending.time, ending)
}

/**
 * Only the main thread can end the process with a status. The inspector makes it do so inside of a loop, but not inside of a call into
 * the system: then the process is killed.
 */
function end ({ status, text, descriptor }: Ending): void {
  writeSync(descriptor, text)
  const kill = () => process.kill(process.pid, 'SIGKILL')
  setTimeout(kill, endingTime)
  try {
    const session = new Session()
    session.connectToMainThread()
    // Standard error is closed, since Node.js would write there that it waits for a debugger.
    session.post('Runtime.evaluate', { expression: `process.getBuiltinModule('fs').closeSync(2); process.reallyExit(${status})` })
  } catch {
    kill()
  }
}
