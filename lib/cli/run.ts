import { readFileSync } from 'node:fs'
import { parseArguments, usage } from './args.js'
import type { IO } from './command.js'
import { ask, check, manifest, serve } from './commands.js'
import { fleet, mute, unmute } from './fleet.js'
import { withRegistries } from './target.js'
import { oneLine, reason } from '../values/shown.js'
import { FST_HEALTH_USAGE } from '../errors.js'
import { redact } from '../values/redact.js'

/** What the process gives: its working directory may have been deleted. */
type ProcessIO = Omit<IO, 'cwd'> & { readonly cwd: string | undefined }

const couldNotAsk = 2

// Escape sequences in an error, a name or an argument would reach the terminal, and a carriage return would forge a line.
function printable<Given extends ProcessIO> (io: Given): Given {
  const plain = (text: string) => text.replace(/[^\P{Cc}\n]/gu, ' ')
  // The colours of this command stay.
  const coloured = (text: string) => text.replace(/[^\P{Cc}\n](?:\[\d{1,2}m)?/gu, found => found.startsWith('\u001b[') ? found : ` ${found.slice(1)}`)
  return { ...io, err: text => io.err(plain(text)), out: text => io.out(io.colour ? coloured(text) : plain(text)) }
}

/** Runs a command line, and says what to exit with: 0 healthy, 1 unhealthy, 2 could not ask. Never rejects. */
export async function run (argv: readonly string[], given: ProcessIO): Promise<number> {
  const { cwd } = given
  if (cwd === undefined) return await fail(new FST_HEALTH_USAGE('The working directory does not exist any more: start the command in one that does.'), argv, given)
  const io = printable({ ...given, cwd })
  try {
    const args = parseArguments(argv)
    switch (args.command) {
      case 'help':
        io.out(usage)
        return 0
      case 'version':
        io.out(`${version()}\n`)
        return 0
      case 'check': return await withRegistries(args, io, check)
      case 'serve': return await withRegistries(args, io, serve)
      case 'fleet': return await withRegistries(args, io, fleet)
      case 'mute': return await withRegistries(args, io, mute)
      case 'unmute': return await withRegistries(args, io, unmute)
      case 'manifest': return await withRegistries(args, io, manifest)
      case 'run': return await withRegistries(args, io, ask)
    }
  } catch (error) {
    return await fail(error as Error, argv, io)
  }
}

/** Tells what was thrown where no command could catch it, and says what to exit with. */
export async function crash (thrown: unknown, argv: readonly string[], io: ProcessIO): Promise<number> {
  return await fail(new Error(`An exception that nothing caught stopped the command: ${reason(thrown)}. Catch it where the configuration, the app or the check throws it.`), argv, printable(io))
}

async function fail ({ code, message }: Error & { code?: unknown }, argv: readonly string[], io: ProcessIO): Promise<number> {
  // The address of the probes' own listener is no secret, and looks like a dependency's.
  const text = code === 'FST_HEALTH_ADDRESS_IN_USE' || code === 'FST_HEALTH_CANNOT_LISTEN' ? message : redact(message)
  if (asksForNagios(argv)) {
    const { nagiosUnknown } = await import('../renderers/nagios.js')
    const { line, exitCode } = nagiosUnknown(text)
    io.out(`${line}\n`)
    return exitCode
  }
  // A message about the usage is one line. An argument that it quotes may have more.
  io.err(`${code === 'FST_HEALTH_USAGE' ? oneLine(text) : text}\n`)
  if (code === 'FST_HEALTH_USAGE') io.err('Try fastify-health --help.\n')
  return couldNotAsk
}

// Known before the arguments are, which may be what is wrong: a monitoring plugin says so in its own words.
function asksForNagios (argv: readonly string[]): boolean {
  return argv.some((argument, index) => argument === '--format=nagios' || (argument === '--format' && argv[index + 1] === 'nagios'))
}

function version (): string {
  return JSON.parse(readFileSync(new URL(import.meta.resolve('fastify-health/package.json')), 'utf8')).version
}
