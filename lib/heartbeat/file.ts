import { closeSync, futimesSync, mkdirSync, openSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { withoutNul } from '../values/rules.js'
import { defaultFile } from './common.js'
import { assertOptions, pulseRules, startPulse, type Heartbeat, type PulseOptions } from './pulse.js'
import type { RulesOf } from '../../types/check.js'

export interface FileHeartbeatOptions extends PulseOptions {
  /**
   * The path of the file. Each worker must have its own.
   *
   * @default `fastify-health.heartbeat` in the system's temporary folder
   */
  file?: string
}

const fileRules = { ...pulseRules, file: withoutNul('the path of a file') } satisfies RulesOf<FileHeartbeatOptions>

/**
 * Touches a file as long as the worker lives, so that `HeartbeatFileCheck` can look at it. The first beat is written at once. A missing
 * folder is made, and so is a file that somebody removed. `stop` removes the file.
 *
 * @throws FST_HEALTH_INVALID_CONFIGURATION if an option is invalid.
 * @throws {NodeJS.ErrnoException} if the file cannot be written.
 */
export function startFileHeartbeat (options: FileHeartbeatOptions = {}): Heartbeat {
  assertOptions('startFileHeartbeat', options, fileRules)
  const { file = defaultFile } = options
  mkdirSync(dirname(file), { recursive: true })
  touchSync(file)
  return startPulse(() => touch(file), () => rm(file, { force: true }), options)
}

// The flag for appending makes a missing file, and does not empty a file that another program wrote.
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
