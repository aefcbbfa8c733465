import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import getPort, { portNumbers } from 'get-port'
import { until } from './leaks.js'
import { processesOf, signal } from './processes.js'
import { reap } from './reaper.js'

/** As much of a tap test as a server needs: it is closed when the test ends. */
export interface Scope {
  after (close: () => unknown): void
}

/** A program that runs for a test: a worker, or (with a port and a URL) a server. */
export interface Program {
  /** The main process. @throws {Error} while stopped */
  readonly pid: number
  /** Its temporary folder. */
  readonly folder: string
  /** Ends every process of it; its port refuses afterwards. A frozen one is thawed first. Nothing happens while stopped. */
  stop (): Promise<void>
  /** Resolves once it answers in its own protocol. @throws {Error} with the end of its log, if it ends or never answers */
  start (): Promise<void>
  restart (): Promise<void>
  /** Stops the whole process tree with SIGSTOP: ports accept, and nothing answers. */
  freeze (): void
  thaw (): void
  /** Thaws, stops and removes the folder; may be called again. */
  close (): Promise<void>
  /** Every process of it that is alive now. */
  processes (): number[]
  /** What it wrote to stdout and stderr so far, over all its starts. */
  log (): string
}

export interface Server extends Program {
  /** The same over stop, start and restart. */
  readonly port: number
  /** How a client connects, with user and password if there are any. */
  readonly url: string
}

export interface User {
  readonly uid: number
  readonly gid: number
}

/** How to start a program, and how to know that it is there. */
export interface Recipe {
  command: string
  args: string[]
  env?: Record<string, string>
  /** Asks one question in the program's own protocol; rejects while there is no answer. */
  answers: () => Promise<unknown>
  /** Asks it to end in order; SIGTERM unless told. */
  stopSignal?: NodeJS.Signals
  /** Milliseconds it gets to end in order, before it is killed; 5000 unless told. */
  grace?: number
}

const startTimeout = 60_000
const stopTimeout = 20_000
const logFile = 'server.log'
const execute = promisify(execFile)

/**
 * Makes a temporary folder, lets `prepare` fill it, starts the program and closes it after the test.
 *
 * @param options.port the port it will listen on, if any: stopping waits until it refuses
 * @param options.user who runs it, and owns the folder; this process's user unless told
 */
export async function launch (
  t: Scope,
  name: string,
  prepare: (running: Running) => Recipe | Promise<Recipe>,
  options: { port?: number, user?: User | undefined } = {}
): Promise<Running> {
  const running = new Running(name, options.port, options.user)
  t.after(() => running.close())
  running.recipe = await prepare(running)
  await running.start()
  return running
}

/** A free port of the loopback, below those that the system gives to outgoing connections: it stays free over a restart. */
export async function freePort (): Promise<number> {
  const first = randomInt(15_000, 32_000)
  return getPort({ port: portNumbers(first, 32_767) })
}

/** Sends `bytes` on a new connection and waits until the answer contains `expected`. */
export async function exchange (port: number, bytes: string, expected: string, timeout = 1000): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    socket.setEncoding('utf8').setTimeout(timeout, () => socket.destroy(new Error(`No answer on port ${port} in ${timeout} ms`)))
    socket.write(bytes)
    let answer = ''
    for await (const chunk of socket) {
      answer += chunk
      if (answer.includes(expected)) return
    }
    throw new Error(`Port ${port} answered ${JSON.stringify(answer)}`)
  } finally {
    socket.destroy()
  }
}

/** Whether nothing listens on a port of the loopback. */
export async function refuses (port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect')
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}

async function timeout (milliseconds: number): Promise<never> {
  await sleep(milliseconds, undefined, { ref: false })
  throw new Error('The question was never answered')
}

export class Running implements Program {
  readonly folder: string
  recipe: Recipe | undefined
  readonly #name: string
  readonly #port: number | undefined
  readonly #user: User | undefined
  #child: ChildProcess | undefined

  constructor (name: string, port?: number, user?: User) {
    this.#name = name
    this.#port = port
    this.#user = user
    this.folder = mkdtempSync(join(tmpdir(), `fastify-health-${name.toLowerCase()}-`))
    reap(this.folder)
    if (user) chownSync(this.folder, user.uid, user.gid)
  }

  get pid (): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error(`${this.#name} is stopped: it has no process`)
    return pid
  }

  /**
   * Runs a command of the program's to its end, in its folder and as its user.
   *
   * @returns what it wrote to stdout
   * @throws {Error} with all it wrote, when it fails
   */
  async run (command: string, args: string[], env: Record<string, string> = {}): Promise<string> {
    try {
      const { stdout } = await execute(command, args, { ...this.#surroundings(env), encoding: 'utf8' })
      return stdout
    } catch (error) {
      const { stdout = '', stderr = '', message } = error as Error & { stdout?: string, stderr?: string }
      throw new Error(`${message}\n${stdout}${stderr}`)
    }
  }

  async start (): Promise<void> {
    if (this.#child) throw new Error(`${this.#name} is running already`)
    if (!this.recipe) throw new Error(`${this.#name} has no recipe`)
    const { answers } = this.recipe
    const child = this.#child = this.#spawn(this.recipe)
    const ended = new Promise<never>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => reject(new Error(`${this.#name} ended with ${code ?? signal}:\n${this.#lastWords()}`)))
    }).finally(() => {
      if (this.#child === child) this.#child = undefined
    })
    // After the start nobody waits for its end any more.
    ended.catch(() => {})
    const deadline = Date.now() + startTimeout
    for (;;) {
      try {
        await Promise.race([answers(), ended, timeout(deadline - Date.now())])
        return
      } catch (error) {
        if (this.#child !== child) return await ended
        if (Date.now() >= deadline) {
          throw new Error(`${this.#name} did not answer in ${startTimeout} ms: ${error}\n${this.#lastWords()}`)
        }
      }
      await sleep(25)
    }
  }

  async stop (): Promise<void> {
    this.thaw()
    const child = this.#child
    if (child?.pid !== undefined) {
      const exit = once(child, 'exit')
      signal(child.pid, this.recipe?.stopSignal ?? 'SIGTERM')
      await Promise.race([exit, sleep(this.recipe?.grace ?? 5000, undefined, { ref: false })])
    }
    await until(() => {
      const left = this.processes()
      for (const pid of left) signal(pid, 'SIGKILL')
      return left.length === 0
    }, { timeout: stopTimeout })
    this.#child = undefined
    const port = this.#port
    if (port !== undefined) await until(() => refuses(port), { timeout: stopTimeout })
  }

  async restart (): Promise<void> {
    await this.stop()
    await this.start()
  }

  freeze (): void {
    let frozen = 0
    let all = this.processes()
    // A process may have made another one before the signal reached it.
    while (all.length > frozen) {
      for (const pid of all) signal(pid, 'SIGSTOP')
      frozen = all.length
      all = this.processes()
    }
  }

  thaw (): void {
    for (const pid of this.processes()) signal(pid, 'SIGCONT')
  }

  async close (): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  processes (): number[] {
    return processesOf(this.#child?.pid, this.folder)
  }

  log (): string {
    const path = join(this.folder, logFile)
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }

  #lastWords (): string {
    return this.log().slice(-4000)
  }

  #spawn ({ command, args, env = {} }: Recipe): ChildProcess {
    // A file, not a pipe: a server that writes much does not wait for a test that reads nothing.
    const log = openSync(join(this.folder, logFile), 'a')
    try {
      return spawn(command, args, { ...this.#surroundings(env), detached: true, stdio: ['ignore', log, log] })
    } finally {
      closeSync(log)
    }
  }

  #surroundings (env: Record<string, string>): { cwd: string, env: Record<string, string>, uid?: number, gid?: number } {
    return {
      cwd: this.folder,
      // Nothing of the developer's own environment: a PGPASSWORD or a DJANGO_SETTINGS_MODULE would change what is tested.
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LANG: 'C.UTF-8', TMPDIR: this.folder, ...env, HOME: this.folder },
      ...this.#user,
    }
  }
}
