import { readFileSync } from 'node:fs'
import { parseArguments } from './args.js'
import { usage } from './usage.js'
import type { IO } from './command.js'
import { ask, check, manifest, serve } from './commands.js'
import { fleet, mute, unmute } from './fleet.js'
import { withRegistries } from './target.js'
import type { Ending } from './watchdog.js'
import { oneLine, reason } from '../values/shown.js'
import { FST_HEALTH_USAGE } from '../errors.js'
import { redact } from '../values/redact.js'

/** The input and output of the process. The working directory is `undefined` if it was deleted. */
type ProcessIO = Omit<IO, 'cwd'> & { readonly cwd: string | undefined }

const couldNotAsk = 2

/** How long a command that ends by itself at its time limit may take for that, in milliseconds. */
const slack = 250

// An error, a name or an argument may hold escape sequences, which control the terminal, or a carriage return, which forges a line.
function printable<Given extends ProcessIO> (io: Given): Given {
  const plain = (text: string) => text.replace(/[^\P{Cc}\n]/gu, ' ')
  // The colours of this command stay.
  const coloured = (text: string) => text.replace(/[^\P{Cc}\n](?:\[\d{1,2}m)?/gu, found =>
    found.startsWith('\u001b[') ? found : ` ${found.slice(1)}`)
  return { ...io, err: text => io.err(plain(text)), out: text => io.out(io.colour ? coloured(text) : plain(text)) }
}

/** Runs a command line, and returns the exit status: 0 healthy, 1 unhealthy, 2 could not ask. It never rejects. */
export async function run (argv: readonly string[], given: ProcessIO): Promise<number> {
  const { cwd } = given
  if (cwd === undefined) {
    return await fail(
      new FST_HEALTH_USAGE('The working directory does not exist any more: start the command in one that does.'),
      argv,
      given
    )
  }
  const io = printable({ ...given, cwd })
  try {
    const args = parseArguments(argv)
    if ('timeout' in args && args.timeout !== undefined && args.command !== 'serve') {
      const text = `The command did not end within ${args.timeout} ms: the configuration, the app or a check blocks the thread. Look ` +
        'there for a loop, or for a call that is not asynchronous.'
      await io.endAfter({ time: args.timeout + slack, ...await ending(text, argv) })
    }
    switch (args.command) {
      case 'help':
        io.out(usage)
        return 0
      case 'version':
        io.out(`${version()}\n`)
        return 0
      case 'init': {
        const { init } = await import('./init.js')
        init(io)
        return 0
      }
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

/** Prints an exception that no command caught, and returns the exit status. */
export async function crash (thrown: unknown, argv: readonly string[], io: ProcessIO): Promise<number> {
  return await fail(
    new Error(
      `An exception that nothing caught stopped the command: ${reason(thrown)}. Catch it where the configuration, the app or the check ` +
      'throws it.'
    ),
    argv,
    printable(io)
  )
}

async function fail ({ code, message }: Error & { code?: unknown }, argv: readonly string[], io: ProcessIO): Promise<number> {
  // A message about the usage is one line. An argument that it quotes may have more.
  const said = code === 'FST_HEALTH_USAGE' ? oneLine(message) : message
  // `redact` would remove the address of the separate listener, which looks like that of a dependency but is no secret.
  const isOfListener = code === 'FST_HEALTH_ADDRESS_IN_USE' || code === 'FST_HEALTH_CANNOT_LISTEN'
  const { status, text, descriptor } = await ending(isOfListener ? said : redact(said), argv)
  if (descriptor === 1) io.out(text)
  else io.err(code === 'FST_HEALTH_USAGE' ? `${text}Try fastify-health --help.\n` : text)
  return status
}

/** Says what is printed where, and what to exit with, if nothing could be asked for the reason of `text`. */
async function ending (text: string, argv: readonly string[]): Promise<Omit<Ending, 'time'>> {
  if (!asksForNagios(argv)) return { status: couldNotAsk, text: `${text}\n`, descriptor: 2 }
  const { nagiosUnknown } = await import('../renderers/nagios.js')
  const { line, exitCode } = nagiosUnknown(text)
  return { status: exitCode, text: `${line}\n`, descriptor: 1 }
}

// A monitoring plugin reports even wrong arguments in the Nagios format, so the format is looked up before the arguments are parsed.
function asksForNagios (argv: readonly string[]): boolean {
  return argv.some((argument, index) => argument === '--format=nagios' || (argument === '--format' && argv[index + 1] === 'nagios'))
}

function version (): string {
  return JSON.parse(readFileSync(new URL(import.meta.resolve('fastify-health/package.json')), 'utf8')).version
}
