import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { run } from '../../lib/cli/run.js'

/** What a command printed, and what it exited with. */
export interface Ended {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

export const fixtures = fileURLToPath(new URL('../fixtures/cli/', import.meta.url))

export const bin = fileURLToPath(new URL('../../lib/cli/bin.ts', import.meta.url))

/** Runs a command line in this process. */
export async function command (argv: readonly string[], { cwd = fixtures, colour = false, untilStopped = async (_printed: string): Promise<unknown> => undefined } = {}): Promise<Ended> {
  let out = ''
  let err = ''
  const status = await run(argv, {
    out: text => { out += text },
    err: text => { err += text },
    untilStopped: async () => await untilStopped(out),
    endAfter: async () => {},
    cwd,
    colour,
  })
  return { status, out, err }
}

/** Runs the command as a process of its own, out of the source. */
export async function spawned (argv: readonly string[], { cwd = fixtures, env = process.env } = {}): Promise<Ended> {
  const child = spawn(process.execPath, [...process.execArgv, bin, ...argv], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', chunk => { out += chunk })
  child.stderr.on('data', chunk => { err += chunk })
  const status = await new Promise<number | null>(resolve => child.on('close', resolve))
  return { status, out, err }
}
