import type { FastifyBaseLogger } from 'fastify'
import type { AskingArguments } from './args.js'
import { checkWithoutSetup } from './commands.js'
import { loadApp, loadConfig, type CommandConfig, type Loaded } from './load.js'
import type { Booted } from './boot.js'
import type { Command, IO, Target } from './command.js'
import { TimeLimit } from './time-limit.js'
import { lineLogger } from '../engine/logger.js'
import { createHealth } from '../create-health.js'

/** Loading and booting take at most this many milliseconds if there is no `--timeout`. */
const bootLimit = 30_000

/** Gives `command` the registries that the arguments name, and closes them and their app afterwards. */
export async function withRegistries<Args extends AskingArguments> (args: Args, io: IO, command: Command<Args>): Promise<number> {
  const time = new TimeLimit(args.timeout)
  const log = readableLog(io.err)
  const { app } = args

  const onBooted = async (boot: Promise<Booted>) => {
    const { app, registries } = await time.prepare(boot, bootLimit)
    try {
      return await command({ args, io, registries, time })
    } finally {
      await time.close(app.close())
    }
  }
  if (app !== undefined) {
    const { bootApp } = await import('./boot.js')
    return await onBooted(loadApp(app, io.cwd).then(loaded => bootApp(loaded, args.command !== 'run' || args.skipChecks, log)))
  }

  const loaded = await time.prepare(loadConfig(args.config, io.cwd), bootLimit)
  const bootAndRun = async () => {
    const { bootConfig } = await import('./boot.js')
    return await onBooted(bootConfig(loaded, log))
  }
  if (args.command === 'serve') return await bootAndRun()
  if (loaded.found.setup === undefined || args.command === 'manifest') return await withoutApp(loaded, { args, io, time }, command)
  if (args.command === 'check') {
    // A `setup` that fails would hide the other faults, so those are looked for first.
    await withoutApp(loaded, { args, io, time }, checkWithoutSetup)
    return await bootAndRun()
  }
  return await withoutApp(loaded, { args, io, time }, command, bootAndRun)
}

/**
 * Runs a command without an app. Most subsets of a worker need no client, so neither Fastify nor `setup` is needed. If a check asks for the
 * app, the output is dropped, and `withApp` runs the command again with an app.
 */
async function withoutApp<Args extends AskingArguments> (
  { found: config }: Loaded<CommandConfig>,
  target: Omit<Target<Args>, 'registries'>,
  command: Command<Args>,
  withApp?: () => Promise<number>
): Promise<number> {
  const { setup, ...options } = config
  const written: Array<() => void> = []
  const io = {
    ...target.io,
    out: (text: string) => { written.push(() => target.io.out(text)) },
    err: (text: string) => { written.push(() => target.io.err(text)) },
  }
  let appMissing = false
  const registry = createHealth(options, { log: readableLog(io.err), onAppMissing: () => { appMissing = true } })
  const asked = command({ ...target, io, registries: [registry] })
  await Promise.allSettled([asked])
  await target.time.close(registry.close())
  if (appMissing && withApp !== undefined) return await withApp()
  for (const write of written) write()
  return await asked
}

// Writes errors, which the report does not say, as lines for people. A line of JSON would be for programs.
function readableLog (write: (text: string) => void): FastifyBaseLogger {
  return lineLogger(line => {
    const { msg, err } = JSON.parse(line)
    write(err === undefined ? `${msg}\n` : `${msg}: ${err.stack ?? err.message}\n`)
  }, 'error')
}
