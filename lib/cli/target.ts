import type { FastifyBaseLogger } from 'fastify'
import type { Arguments } from './args.js'
import { loadApp, loadConfig, type CommandConfig } from './load.js'
import type { Booted } from './boot.js'
import type { IO } from './run.js'
import { monotonic } from '../clock.js'
import { FST_HEALTH_USAGE } from '../errors.js'
import { lineLogger } from '../logger.js'
import { createHealth, type HealthRegistry } from '../registry.js'

/** What a command works on. */
export interface Target {
  readonly args: Arguments
  readonly io: IO
  readonly registries: readonly HealthRegistry[]
  /** Milliseconds left of `--timeout`, where it was given. */
  readonly left: () => number | undefined
}

/** Says what to exit with. */
export type Command = (target: Target) => Promise<number>

/** How long loading and booting may take where `--timeout` does not say, and closing in any case, in milliseconds. */
const patience = 30_000
const closingTime = 1000

/** Gives `command` the registries that the arguments name, and closes them and their app afterwards. */
export async function withRegistries (args: Arguments, io: IO, command: Command): Promise<number> {
  const begun = monotonic()
  const left = () => args.timeout === undefined ? undefined : Math.max(1, Math.round(args.timeout - (monotonic() - begun)))
  const log = readableLog(io.err)
  const { app, skipChecks } = args

  const onBooted = async (boot: Promise<Booted>) => {
    const { app, registries } = await within(left() ?? patience, boot)
    try {
      return await command({ args, io, registries, left })
    } finally {
      await within(closingTime, app.close()).catch(() => {})
    }
  }
  if (app !== undefined) {
    const { bootApp } = await import('./boot.js')
    return await onBooted(loadApp(app, io.cwd).then(async plugin => await bootApp(plugin, skipChecks || args.command !== 'run', log)))
  }

  const config = await within(left() ?? patience, loadConfig(args.config, io.cwd))
  const bootAndRun = async () => {
    const { bootConfig } = await import('./boot.js')
    return await onBooted(bootConfig(config, log))
  }
  if (config.setup === undefined || args.command === 'manifest') return await withoutApp(config, { args, io, left }, command)
  if (args.command === 'check') return await bootAndRun()
  return await withoutApp(config, { args, io, left }, command, bootAndRun)
}

/**
 * Most subsets of a worker need no client, and so neither Fastify nor what `setup` connects to: tried without, and only where
 * a check then asks for the app, all over again with it.
 */
async function withoutApp (config: CommandConfig, target: Omit<Target, 'registries'>, command: Command, withApp?: () => Promise<number>): Promise<number> {
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
  await registry.close()
  if (appMissing && withApp !== undefined) return await withApp()
  for (const write of written) write()
  return await asked
}

// Only what the report does not say, for people rather than for a log's reader.
function readableLog (write: (text: string) => void): FastifyBaseLogger {
  return lineLogger(line => {
    const { msg, err } = JSON.parse(line)
    write(err === undefined ? `${msg}\n` : `${msg}: ${err.stack ?? err.message}\n`)
  }, 'error')
}

async function within<T> (ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new FST_HEALTH_USAGE(`Nothing could be asked within ${ms} ms: the configuration or the app was still starting. Raise --timeout.`)), ms)
  })
  return await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
