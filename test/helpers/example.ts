import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Ended } from './command.js'
import { until } from './leaks.js'
import { processesOf, signal } from './processes.js'
import { reap } from './reaper.js'
import type { Scope } from './server.js'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** The command as it is published. */
export const bin = join(root, 'dist/lib/cli/bin.js')

export interface RegistryContext {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** A process that runs for a test. */
export interface Running {
  readonly child: ChildProcess
  /** Its temporary folder. */
  readonly folder: string
  /** What it printed so far, to stdout and stderr. */
  output (): string
  /** What it exits with; a signal's name where it was killed. */
  readonly exit: Promise<number | string>
}

/** Runs a file of examples/ until the test ends. */
export function startExample (t: Scope, file: string, surroundings: RegistryContext = {}): Running {
  return start(t, [process.execPath, join(root, 'examples', file)], surroundings)
}

/** Runs a program until the test ends, with a temporary folder of its own. */
export function start (t: Scope, words: readonly string[], { cwd = root, env = {} }: RegistryContext = {}): Running {
  const folder = temporaryFolder(t)
  const child = launch(words, { cwd, env: { HOME: folder, TMPDIR: folder, ...env } })
  const output = printed(child)
  const exit = once(child, 'exit').then(([code, signal]) => code ?? signal)
  t.after(async () => {
    // npm leaves the programs that it started behind.
    for (const pid of processesOf(child.pid, folder)) signal(pid, 'SIGKILL')
    await exit
  })
  return { child, folder, output: () => output.out + output.err, exit }
}

/** Runs a program to its end. */
export async function runToEnd (words: readonly string[], surroundings: RegistryContext = {}): Promise<Ended> {
  const child = launch(words, surroundings)
  const output = printed(child)
  const [status] = await once(child, 'close')
  return { status, ...output }
}

/** Runs an ES module to its end, as one that lies in the root of the package; gives what it printed, as JSON. */
export async function evaluate (source: string, surroundings: RegistryContext = {}): Promise<unknown> {
  const { status, out, err } = await runToEnd(evaluation(source), surroundings)
  if (status !== 0) throw new Error(`It exited with ${status}:\n${out}${err}`)
  return JSON.parse(out)
}

/** The command that runs an ES module. */
export function evaluation (source: string): string[] {
  return [process.execPath, '--input-type=module', '--eval', source]
}

/** Runs the command line to its end. */
export async function fastifyHealth (argv: readonly string[], surroundings: RegistryContext = {}): Promise<Ended> {
  return await runToEnd([process.execPath, bin, ...argv], surroundings)
}

/** A temporary folder of the test's own. What has it as its HOME is ended with the test's process. */
export function temporaryFolder (t: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-'))
  reap(folder)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Waits until a process has printed `text`, and gives what it matched.
 *
 * @throws {Error} with all it printed, once it ends or 100 s are over
 */
export async function saying (text: string | RegExp, { child, output }: Running): Promise<RegExpMatchArray> {
  const found = () => output().match(text)
  await until(() => found() !== null || child.exitCode !== null || child.signalCode !== null, { timeout: 100_000 }).catch(() => {})
  return found() ?? fail(`It never printed ${text}:\n${output()}`)
}

function fail (message: string): never {
  throw new Error(message)
}

/** Where a service that has just started says that it listens. */
export async function addressOf (service: Running): Promise<string> {
  const [, address] = await saying(/listens on (http:\S+)\s/, service)
  return address as string
}

/** Asks a service. */
export function client (address: string) {
  return {
    /** Status and body. */
    async ask (path: string, options: RequestInit = {}): Promise<[number, string]> {
      const response = await fetch(`${address}${path}`, { signal: AbortSignal.timeout(15_000), ...options })
      return [response.status, await response.text()]
    },
  }
}

// As at a shell: tap would have its own loaders in the process, and count what is not the package's source. They are put into
// the environment when a process is made, so that only the process itself can drop them.
function launch ([command = '', ...args]: readonly string[], { cwd = root, env = {} }: RegistryContext): ChildProcess {
  return spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', command, ...args], { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
}

function printed (child: ChildProcess): { out: string, err: string } {
  const output = { out: '', err: '' }
  child.stdout?.on('data', chunk => { output.out += chunk })
  child.stderr?.on('data', chunk => { output.err += chunk })
  return output
}
