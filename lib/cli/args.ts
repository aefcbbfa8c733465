import { parseArgs } from 'node:util'
import { FST_HEALTH_USAGE } from '../errors.js'
import { longestTimer, suggestion } from '../values/rules.js'

export const usage = `Usage:
  fastify-health --subset <name> [options]    asks the checks of a subset
  fastify-health check [options]              looks for faults of the configuration
  fastify-health serve --port <port>          serves the probes of a process that serves none, until SIGTERM
  fastify-health fleet [options]              prints what the instances of the fleet know of each other
  fastify-health mute <check> -s <name> --for <time> --because <why>
                                              keeps a check from failing its subset, at every instance of the fleet
  fastify-health unmute <check> -s <name>     ends that
  fastify-health manifest <target> [options]  prints a manifest: kubernetes, docker, haproxy, prometheus

Options:
  -s, --subset <name>    the subset to ask
      --config <file>    a module that exports the plugin's options, or JSON (default: health.config.{js,mjs,ts})
      --app <file>       a module that exports a Fastify plugin which registers fastify-health
      --skip-checks      leaves the system checks out
      --format <format>  plain (default), json, html, health+json, openmetrics, nagios
      --timeout <ms>     how long the whole command may take
      --for <time>       of mute: until it ends by itself, such as 90s, 30m, 2h or 1d
      --because <why>    of mute: why
      --by <who>         of mute: who
      --kind <kind>      of a manifest: web (default) or worker, which serves no HTTP
      --name <name>      of a manifest: the service's (default: that of the package.json beside it)
      --port <port>      of serve: where to listen; of a manifest: where the service listens for its probes (default:
                         that of its listener, or 3000); a worker that has one is asked over HTTP
      --grpc             of a manifest: probes of gRPC, for kubernetes (default port: 50051)
      --host <host>      of serve: the address to listen at (default: 0.0.0.0)
      --node <path>      of a manifest: Node.js in the image, such as /nodejs/bin/node where there is no shell
  -h, --help
  -v, --version

Exit status: 0 healthy, 1 unhealthy, 2 could not ask; of nagios: 0 ok, 1 warning, 2 critical, 3 unknown.
`

export interface Arguments {
  readonly command: 'run' | 'check' | 'serve' | 'fleet' | 'mute' | 'unmute' | 'manifest' | 'help' | 'version'
  /** What is written behind the command: a manifest's target, or a check's identifier. */
  readonly target?: string
  readonly subset?: string
  readonly config?: string
  readonly app?: string
  readonly skipChecks: boolean
  readonly format: string
  readonly timeout?: number
  readonly kind?: 'web' | 'worker'
  /** Milliseconds. */
  readonly time?: number
  readonly because?: string
  readonly by?: string
  readonly name?: string
  readonly port?: number
  readonly grpc: boolean
  readonly host?: string
  readonly node?: string
}

const options = {
  subset: { type: 'string', short: 's' },
  config: { type: 'string' },
  app: { type: 'string' },
  'skip-checks': { type: 'boolean', default: false },
  format: { type: 'string', default: 'plain' },
  timeout: { type: 'string' },
  for: { type: 'string' },
  because: { type: 'string' },
  by: { type: 'string' },
  kind: { type: 'string' },
  name: { type: 'string' },
  port: { type: 'string' },
  grpc: { type: 'boolean', default: false },
  host: { type: 'string' },
  node: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', short: 'v', default: false },
} as const

/**
 * What a command line asks for.
 *
 * @throws FST_HEALTH_USAGE where it cannot be understood.
 */
export function parseArguments (argv: readonly string[]): Arguments {
  const { values, positionals: [command = 'run', target, ...rest] } = parse(argv)
  const { subset, config, app, format, timeout, for: time, because, by, kind, name, port, host, node } = values
  const given = {
    ...(subset === undefined ? {} : { subset }),
    ...(config === undefined ? {} : { config }),
    ...(app === undefined ? {} : { app }),
    ...(timeout === undefined ? {} : { timeout: toNumber('--timeout', timeout, 'a whole number of milliseconds, 1 or more', longestTimer) }),
    ...(time === undefined ? {} : { time: toTime(time) }),
    ...(because === undefined ? {} : { because }),
    ...(by === undefined ? {} : { by }),
    ...(kind === undefined ? {} : { kind: toKind(kind) }),
    ...(name === undefined ? {} : { name }),
    ...(port === undefined ? {} : { port: toNumber('--port', port, 'a port, 1 to 65535', 65_535) }),
    ...(host === undefined ? {} : { host }),
    ...(node === undefined ? {} : { node }),
    skipChecks: values['skip-checks'],
    grpc: values.grpc,
    format,
  }
  for (const [option, value] of Object.entries({ config, app, node, host })) if (value === '') throw new FST_HEALTH_USAGE(`--${option} is empty: it must name ${option === 'host' ? 'an address' : 'a file'}.`)
  if (values.help) return { ...given, command: 'help' }
  if (values.version) return { ...given, command: 'version' }
  if (app !== undefined && config !== undefined) throw new FST_HEALTH_USAGE('--app and --config exclude each other: an app brings its own configuration.')
  if (command === 'manifest' && target !== undefined && rest.length === 0) return { ...given, command, target }
  if (command === 'manifest' && target === undefined) throw new FST_HEALTH_USAGE('Name the target: fastify-health manifest kubernetes, docker, haproxy or prometheus.')
  if (command === 'serve' && target === undefined) {
    if (port === undefined) throw new FST_HEALTH_USAGE('Name the port to listen at: fastify-health serve --port 9000')
    return { ...given, command }
  }
  if ((command === 'check' || command === 'fleet') && target === undefined) return { ...given, command }
  if ((command === 'mute' || command === 'unmute') && rest.length === 0) {
    if (target === undefined || subset === undefined) throw new FST_HEALTH_USAGE(`Name the check and its subset: fastify-health ${command} <check> --subset <name>`)
    if (command === 'mute' && (time === undefined || because === undefined)) throw new FST_HEALTH_USAGE('Say for how long and why: --for 2h --because "a move of the database"')
    return { ...given, command, target }
  }
  if (command !== 'run' || target !== undefined) throw new FST_HEALTH_USAGE(`There is no command '${[command, target, ...rest].join(' ').trim()}'. To ask a subset: fastify-health --subset <name>`)
  if (subset === undefined) throw new FST_HEALTH_USAGE('Name the subset to ask: fastify-health --subset <name>')
  return { ...given, command }
}

function parse (argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true })
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    const [, name] = /'--([^']+)'/.exec(message) ?? []
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || name === undefined) throw new FST_HEALTH_USAGE(message)
    throw new FST_HEALTH_USAGE(`There is no option '--${name}'. ${suggestion(`--${name}`, Object.keys(options).map(known => `--${known}`))}`)
  }
}

function toNumber (option: string, text: string, expected: string, max: number): number {
  const number = Number(text)
  // Number() takes 1e3, 0x10 and spaces as well, which nobody means here.
  if (!/^\d+$/.test(text) || number < 1 || number > max) throw new FST_HEALTH_USAGE(`${option} is '${text}': it must be ${expected}.`)
  return number
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function toTime (text: string): number {
  const [, count, unit] = /^(\d{1,7})([smhd])$/.exec(text) ?? []
  if (unit === undefined || Number(count) === 0) throw new FST_HEALTH_USAGE(`--for is '${text}': it must be a whole number of seconds, minutes, hours or days, such as 90s, 30m, 2h or 1d.`)
  return Number(count) * (units[unit] as number)
}

function toKind (text: string): 'web' | 'worker' {
  if (text !== 'web' && text !== 'worker') throw new FST_HEALTH_USAGE(`--kind is '${text}': it must be web or worker.`)
  return text
}
