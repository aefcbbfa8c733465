import { parseArgs } from 'node:util'
import { FST_HEALTH_USAGE } from '../errors.js'
import { suggestion } from '../values/rules.js'
import { filled, toKind, toPort, toTime, toTimeout } from './option-values.js'

/** The configuration that a command asks, and the time limit. */
interface ConfigSource {
  readonly config: string | undefined
  readonly app: string | undefined
  /** The limit on the time of the command, in milliseconds. */
  readonly timeout: number | undefined
}

export interface RunArguments extends ConfigSource {
  readonly command: 'run'
  readonly subset: string
  readonly skipChecks: boolean
  readonly format: string
}

export interface CheckArguments extends ConfigSource {
  readonly command: 'check'
}

export interface ServeArguments extends ConfigSource {
  readonly command: 'serve'
  readonly port: number
  readonly host: string
  readonly skipChecks: boolean
}

export interface FleetArguments extends ConfigSource {
  readonly command: 'fleet'
  readonly format: string
}

export interface MuteArguments extends ConfigSource {
  readonly command: 'mute'
  readonly check: string
  readonly subset: string
  /** The duration of the mute, in milliseconds. */
  readonly time: number
  readonly because: string
  readonly by: string | undefined
}

export interface UnmuteArguments extends ConfigSource {
  readonly command: 'unmute'
  readonly check: string
  readonly subset: string
}

export interface ManifestArguments extends ConfigSource {
  readonly command: 'manifest'
  readonly target: string
  readonly kind: 'web' | 'worker' | undefined
  readonly name: string | undefined
  readonly port: number | undefined
  readonly grpc: boolean
  readonly node: string | undefined
}

/** The arguments of the commands that ask a configuration. */
export type AskingArguments =
  | RunArguments
  | CheckArguments
  | ServeArguments
  | FleetArguments
  | MuteArguments
  | UnmuteArguments
  | ManifestArguments

export type Arguments = AskingArguments | { readonly command: 'help' | 'init' | 'version' }

const options = {
  subset: { type: 'string', short: 's' },
  config: { type: 'string' },
  app: { type: 'string' },
  'skip-checks': { type: 'boolean' },
  format: { type: 'string' },
  timeout: { type: 'string' },
  for: { type: 'string' },
  because: { type: 'string' },
  by: { type: 'string' },
  kind: { type: 'string' },
  name: { type: 'string' },
  port: { type: 'string' },
  grpc: { type: 'boolean' },
  host: { type: 'string' },
  node: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

type Option = keyof typeof options
type Values = ReturnType<typeof parse>['values']

interface Syntax {
  /** `false` means that the command asks no configuration. */
  readonly asks?: false
  /** The options of the command, without those of `ConfigSource`, which every command has that asks a configuration. */
  readonly options: readonly Option[]
  /** The number of words that may follow the command's name. */
  readonly operands: 0 | 1
  readonly read: (source: ConfigSource, values: Values, operand: string | undefined) => Arguments
}

type CommandName = AskingArguments['command'] | 'init'

const ofSource: readonly Option[] = ['config', 'app', 'timeout']

const commands: Readonly<Record<CommandName, Syntax>> = {
  run: {
    options: ['subset', 'skip-checks', 'format'],
    operands: 0,
    read (source, { subset, 'skip-checks': skipChecks = false, format = 'plain' }) {
      if (subset === undefined) throw new FST_HEALTH_USAGE('Name the subset to ask: fastify-health --subset <name>')
      return { ...source, command: 'run', subset, skipChecks, format }
    },
  },
  check: { options: [], operands: 0, read: source => ({ ...source, command: 'check' }) },
  init: { asks: false, options: [], operands: 0, read: () => ({ command: 'init' }) },
  serve: {
    options: ['port', 'host', 'skip-checks'],
    operands: 0,
    read (source, { port, host = '0.0.0.0', 'skip-checks': skipChecks = false }) {
      if (port === undefined) throw new FST_HEALTH_USAGE('Name the port to listen at: fastify-health serve --port 9000')
      return { ...source, command: 'serve', port: toPort(port), host: filled('host', 'an address', host), skipChecks }
    },
  },
  fleet: { options: ['format'], operands: 0, read: (source, { format = 'plain' }) => ({ ...source, command: 'fleet', format }) },
  mute: {
    options: ['subset', 'for', 'because', 'by'],
    operands: 1,
    read (source, { for: time, because, by, ...values }, operand) {
      const which = muted('mute', values, operand)
      if (time === undefined || because === undefined) {
        throw new FST_HEALTH_USAGE('Say for how long and why: --for 2h --because "a move of the database"')
      }
      return { ...source, command: 'mute', ...which, time: toTime(time), because, by }
    },
  },
  unmute: {
    options: ['subset'],
    operands: 1,
    read: (source, values, operand) => ({ ...source, command: 'unmute', ...muted('unmute', values, operand) }),
  },
  manifest: {
    options: ['kind', 'name', 'port', 'grpc', 'node'],
    operands: 1,
    read (source, { kind, name, port, grpc = false, node }, target) {
      if (target === undefined) {
        throw new FST_HEALTH_USAGE('Name the target: fastify-health manifest kubernetes, docker, haproxy or prometheus.')
      }
      return {
        ...source,
        command: 'manifest',
        target,
        kind: kind === undefined ? undefined : toKind(kind),
        name,
        port: port === undefined ? undefined : toPort(port),
        grpc,
        node: filled('node', 'a file', node),
      }
    },
  },
}

/**
 * Parses a command line.
 *
 * @throws FST_HEALTH_USAGE if it cannot be understood, or the command would ignore an option.
 */
export function parseArguments (argv: readonly string[]): Arguments {
  const { values, positionals: [command = 'run', ...operands] } = parse(argv)
  if (values.help) return { command: 'help' }
  if (values.version) return { command: 'version' }
  const syntax = isCommand(command) ? commands[command] : undefined
  if (syntax === undefined || operands.length > syntax.operands) {
    throw new FST_HEALTH_USAGE(`There is no command '${[command, ...operands].join(' ')}'. To ask a subset: fastify-health --subset <name>`)
  }
  const taken = [...syntax.options, ...syntax.asks === false ? [] : ofSource]
  const ignored = (Object.keys(values) as Option[]).find(option => !taken.includes(option))
  if (ignored !== undefined) {
    const name = command === 'run' ? 'fastify-health --subset' : `fastify-health ${command}`
    throw new FST_HEALTH_USAGE(
      `${name} does not take --${ignored}. It ` +
      `takes${taken.length === 0 ? ' no options' : `: ${taken.map(option => `--${option}`).join(', ')}`}.`
    )
  }
  return syntax.read(sourceOf(values), values, operands[0])
}

function isCommand (word: string): word is CommandName {
  return Object.hasOwn(commands, word)
}

function sourceOf ({ config, app, timeout }: Values): ConfigSource {
  if (app !== undefined && config !== undefined) {
    throw new FST_HEALTH_USAGE('--app and --config exclude each other: an app brings its own configuration.')
  }
  return {
    config: filled('config', 'a file', config),
    app: filled('app', 'a file', app),
    timeout: timeout === undefined ? undefined : toTimeout(timeout),
  }
}

function muted (command: string, { subset }: Values, check: string | undefined) {
  if (check === undefined || subset === undefined) {
    throw new FST_HEALTH_USAGE(`Name the check and its subset: fastify-health ${command} <check> --subset <name>`)
  }
  return { check, subset }
}

function parse (argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true })
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    const [, name] = /'--([^']+)'/.exec(message) ?? []
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || name === undefined) throw new FST_HEALTH_USAGE(message)
    throw new FST_HEALTH_USAGE(
      `There is no option '--${name}'. ${suggestion(`--${name}`, Object.keys(options).map(known => `--${known}`))}`
    )
  }
}
