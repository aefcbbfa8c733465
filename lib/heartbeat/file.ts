import { closeSync, futimesSync, mkdirSync, openSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { withoutNul } from '../values/rules.js'
import { defaultFile } from './common.js'
import { assertOptions, pulseRules, startPulse, type Heartbeat, type PulseOptions } from './pulse.js'

export interface FileHeartbeatOptions extends PulseOptions {
  /** One file a worker; default `fastify-health.heartbeat` in the system's temporary folder. */
  file?: string
}

const rules = { ...pulseRules, file: withoutNul('the path of a file') }

/**
 * Touches a file for as long as the worker lives, for `HeartbeatFileCheck` to look at. Starting is the first beat. A file that
 * was removed is made again; `stop` removes it. A folder that is missing is made.
 *
 * @throws FST_HEALTH_INVALID_CONFIGURATION where an option is invalid
 * @throws {NodeJS.ErrnoException} where the file cannot be written
 */
export function startFileHeartbeat (options: FileHeartbeatOptions = {}): Heartbeat {
  assertOptions('startFileHeartbeat', options, rules)
  const { file = defaultFile } = options
  mkdirSync(dirname(file), { recursive: true })
  touchSync(file)
  return startPulse(() => touch(file), () => rm(file, { force: true }), options)
}

// Appending nothing makes the file where it is missing, and never empties one that something else put there.
const flags = 'a'

function touchSync (file: string): void {
  const descriptor = openSync(file, flags)
  try {
    const now = new Date()
    futimesSync(descriptor, now, now)
  } finally {
    closeSync(descriptor)
  }
}

async function touch (file: string): Promise<void> {
  const handle = await open(file, flags)
  try {
    const now = new Date()
    await handle.utimes(now, now)
  } finally {
    await handle.close()
  }
}
