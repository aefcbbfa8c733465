#!/usr/bin/env node
import { showsColours } from './colours.js'
import { crash, run } from './run.js'
import type { Ending } from './watchdog.js'
import { workingDirectory } from './working-directory.js'
import { write } from './write.js'

const argv = process.argv.slice(2)
let unwritten: string | undefined
const io = {
  out: (text: string) => { unwritten ??= write(1, text) },
  err: (text: string) => { write(2, text) },
  untilStopped: () => new Promise(resolve => { for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, resolve) }),
  endAfter: async (ending: Ending) => {
    const { startWatchdog } = await import('./watchdog.js')
    startWatchdog(ending)
  },
  cwd: workingDirectory(),
  colour: await showsColours(1, process.env),
}
// Node.js would exit with 1 after an uncaught exception, and 1 says that the service is unhealthy.
const uncaught = new Promise<unknown>(resolve => {
  process.on('uncaughtException', resolve)
  process.on('unhandledRejection', resolve)
})
const status = await Promise.race([run(argv, io), uncaught.then(thrown => crash(thrown, argv, io))])
// The report could not be written, so the exit status must not say that the service is healthy.
if (unwritten !== undefined) io.err(`What was found cannot be written: ${unwritten}. Make room where the output goes.\n`)
// `process.exit` ends the command even if a check left something open. `process.exitCode` would not.
process.exit(unwritten === undefined ? status : 2)
