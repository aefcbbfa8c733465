import { parseArgs } from 'node:util'
import { FST_HEALTH_USAGE } from '../errors.js'
import { longestTimer, suggestion } from '../values/rules.js'

export const usage = `Usage:
  fastify-health --subset <name> [options]    asks the checks of a subset
  fastify-health check [options]              looks for faults of the configuration
  fastify-health serve --port <port>          serves the probes of a process that serves none, until SIGTERM
  fastify-health manifest <target> [options]  prints a manifest: kubernetes, docker, haproxy, prometheus

Options:
  -s, --subset <name>    the subset to ask
      --config <file>    a module that exports the plugin's options, or JSON (default: health.config.{js,mjs,ts})
      --app <file>       a module that exports a Fastify plugin which registers fastify-health
      --skip-checks      leaves the system checks out
      --format <format>  plain (default), json, html, health+json, openmetrics, nagios
      --timeout <ms>     how long the whole command may take
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
  readonly command: 'run' | 'check' | 'serve' | 'manifest' | 'help' | 'version'
  readonly target?: string
  readonly subset?: string
  readonly config?: string
  readonly app?: string
  readonly skipChecks: boolean
  readonly format: string
  readonly timeout?: number
  readonly kind?: 'web' | 'worker'
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
  const { subset, config, app, format, timeout, kind, name, port, host, node } = values
  const given = {
    ...(subset === undefined ? {} : { subset }),
    ...(config === undefined ? {} : { config }),
    ...(app === undefined ? {} : { app }),
    ...(timeout === undefined ? {} : { timeout: toNumber('--timeout', timeout, 'a whole number of milliseconds, 1 or more', longestTimer) }),
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
  if (command === 'check' && target === undefined) return { ...given, command }
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

function toKind (text: string): 'web' | 'worker' {
  if (text !== 'web' && text !== 'worker') throw new FST_HEALTH_USAGE(`--kind is '${text}': it must be web or worker.`)
  return text
}
