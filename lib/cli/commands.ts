import { dirname, resolve } from 'node:path'
import { formatOf } from './formats.js'
import type { CheckArguments, ManifestArguments, RunArguments, ServeArguments } from './args.js'
import type { Target } from './command.js'
import { packageIn, packageOf } from './package.js'
import type { TimeLimit } from './time-limit.js'
import { FST_HEALTH_INVALID_CONFIGURATION, FST_HEALTH_UNKNOWN_SUBSET, FST_HEALTH_USAGE } from '../errors.js'
import { settingsFaults } from '../config/options.js'
import type { HealthRegistry } from '../engine/registry.js'
import { longestTimer, suggestion } from '../values/rules.js'
import { lineOf, toSystemCheck } from '../config/faults.js'
import { counted, named } from '../values/shown.js'
import type { SystemCheck } from '../../types/report.js'

type Warn = (text: string) => void

/** Asks a subset, and prints its report. */
export async function ask ({ args, io, registries, time }: Target<RunArguments>): Promise<number> {
  const format = await formatOf(args.format)
  const { subset } = args
  const registry = registryOf(subset, registries, io.err)
  if (!args.skipChecks) stopAtErrors(await time.prepare(registry.systemChecks(subset)), io.err)
  const report = await registry.run(subset, { deadline: time.left() })
  if (report.results.length === 0) io.err(`Subset '${subset}' has no checks, so there was nothing to ask.\n`)
  const { text, status } = format(report, registry.settings, io.colour)
  io.out(text)
  return status
}

/** Looks for the faults of a configuration that show without its `setup`. Warnings are printed only if there is an error. */
export async function checkWithoutSetup ({ io, registries, time }: Target): Promise<number> {
  const found = await faultsWithoutSetup(registries, time)
  if (found.some(({ level }) => level === 'error')) stopAtErrors(found, io.out)
  return 0
}

/** Looks for faults of the configuration, and for clients of the app that it leaves out. */
export async function check ({ args, io, registries, time }: Target<CheckArguments>): Promise<number> {
  const faults = await faultsOf(registries, time)
  stopAtErrors(faults, io.out)
  const app = packageOf(dirname(resolve(io.cwd, args.config ?? args.app ?? 'health.config.js')))
  const unasked = app === undefined
    ? []
    : await time.prepare(import('./unasked.js').then(({ unaskedClients }) => unaskedClients(registries, app)))
  stopAtErrors(unasked, io.out)
  const found = [...faults, ...unasked]
  const subsets = registries.flatMap(registry => registry.subsets())
  const outcome = found.length === 0 ? 'No faults' : `No errors, and ${counted(found.length, 'warning')},`
  io.out(`${outcome} in ${counted(subsets.length, 'subset')}${subsets.length === 0 ? '' : `: ${subsets.join(', ')}`}.\n`)
  return 0
}

/** Serves the probes until the process is told to end. */
export async function serve ({ args, io, registries, time }: Target<ServeArguments>): Promise<number> {
  const registry = onlyOne(registries, 'one listener serves one of them')
  if (!args.skipChecks) stopAtErrors(await faultsOf([registry], time), io.err)
  registry.start()
  // Nothing else keeps the process alive.
  const alive = setInterval(() => {}, longestTimer)
  try {
    const { port, host } = args
    const address = await registry.listen({ port, host })
    io.out(`Serving the probes at ${address}\n`)
    await io.untilStopped()
    return 0
  } finally {
    clearInterval(alive)
    await time.close(registry.close())
  }
}

/** Prints the manifest that fits the configuration. */
export async function manifest ({ args, io, registries, time }: Target<ManifestArguments>): Promise<number> {
  const { target, kind, port, grpc, node, name = packageIn(io.cwd)?.name } = args
  const { manifests, toManifestInput } = await import('../manifests/index.js')
  const write = manifests.get(target)
  if (write === undefined) throw new FST_HEALTH_USAGE(`There is no manifest for '${target}'. ${suggestion(target, [...manifests.keys()])}`)
  // The script in .bin needs /usr/bin/env, which an image without a shell does not have.
  const program = node === undefined ? ['node_modules/.bin/fastify-health'] : [node, 'node_modules/fastify-health/dist/lib/cli/bin.js']
  const command = [
    ...program, ...(args.config === undefined ? [] : ['--config', args.config]), ...(args.app === undefined ? [] : ['--app', args.app]),
  ]
  const registry = onlyOne(registries, 'a manifest is of one')
  stopAtErrors(await faultsWithoutSetup([registry], time), io.err)
  io.out(write(await time.prepare(toManifestInput(registry, { name, kind, port, grpc, node, command }))))
  return 0
}

export function onlyOne (registries: readonly HealthRegistry[], why: string): HealthRegistry {
  const [registry, ...others] = registries as [HealthRegistry, ...HealthRegistry[]]
  if (others.length === 0) return registry
  const contexts = registries.map(({ mountedAt }) => `'${mountedAt}'`).join(', ')
  throw new FST_HEALTH_USAGE(
    `The app registers fastify-health ${registries.length} times, in contexts with the prefixes ${contexts}, and ${why}: put the ` +
    "options of that one into a file, with its context's prefix before `prefix` and `livenessPath`, and name it with --config."
  )
}

async function faultsOf (registries: readonly HealthRegistry[], time: TimeLimit): Promise<SystemCheck[]> {
  return (await time.prepare(Promise.all(registries.map(registry => registry.systemChecks())))).flat()
}

// Leaves out E007, which says that a client is missing. `setup` did not run, so clients are always missing.
async function faultsWithoutSetup (registries: readonly HealthRegistry[], time: TimeLimit): Promise<SystemCheck[]> {
  return (await faultsOf(registries, time)).filter(({ id }) => id !== 'E007')
}

export function registryOf (subset: string, registries: readonly HealthRegistry[], warn: Warn): HealthRegistry {
  const registry = registries.find(registry => registry.subsets().includes(subset))
  if (registry !== undefined) return registry
  // A fault in the settings may be the reason why the subset is missing.
  stopAtErrors(registries.flatMap(({ settings }) => settingsFaults(settings)).map(fault => toSystemCheck(fault)), warn)
  const { message } = new FST_HEALTH_UNKNOWN_SUBSET(named(subset))
  const names = registries.flatMap(registry => registry.subsets())
  throw new FST_HEALTH_INVALID_CONFIGURATION(`${message} ${names.length === 0 ? 'There are no subsets.' : suggestion(subset, names)}`)
}

export function stopAtErrors (found: readonly SystemCheck[], warn: Warn): void {
  for (const fault of found) if (fault.level === 'warning') warn(`${lineOf(fault)}\n`)
  const errors = found.filter(({ level }) => level === 'error')
  if (errors.length > 0) throw new FST_HEALTH_INVALID_CONFIGURATION(errors.map(lineOf).join('\n'))
}
