import { test } from 'tap'
import fc from 'fast-check'
import { parseArguments } from '../../lib/cli/args.js'
import { FST_HEALTH_USAGE } from '../../lib/errors.js'
import { command } from '../helpers/command.js'
import { hostileText } from '../helpers/hostile.js'

const seed = 20_260_113

const some = (...usual: string[]) => fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...usual) }, { weight: 2, arbitrary: hostileText })
const number = some('0', '1', '5000', '65535', '65536', '2147483647', '2147483648', '9007199254740993', '-1', '+1', '1.5', '1e3', '0x10', ' 1', '١', 'Infinity', '9'.repeat(400))

/** The options, and what they are given. */
const values: Readonly<Record<string, fc.Arbitrary<string>>> = {
  subset: some('good', 'bad', 'lenient', 'broken', 'liveness', 'odd', 'toString'),
  config: some('hostile.config.js', 'health.config.json', 'empty.config.js', 'torn.json', 'number.js', 'no-default.js', 'throwing.config.js', 'throws-null.js', 'unknown-extension.yaml'),
  app: some('app.js', 'app-without-health.js', 'number.js'),
  format: some('plain', 'json', 'html', 'health+json', 'openmetrics', 'nagios'),
  timeout: number,
  for: some('90s', '30m', '2h', '1d', '0s', '9999999d', '99999999d', '1.5h', '1w', 'h'),
  because: hostileText,
  by: hostileText,
  kind: some('web', 'worker'),
  name: some('shop'),
  port: number,
  host: fc.constantFrom('127.0.0.1', '192.0.2.1', '', '\u001b[31m', 'h'.repeat(300)),
  node: some('/nodejs/bin/node'),
}
const flags = ['skip-checks', 'grpc', 'help', 'version']

const option = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...Object.keys(values)).chain(name => fc.tuple(fc.constant(name), values[name] as fc.Arbitrary<string>, fc.boolean()).map(([name, value, joined]) => joined ? [`--${name}=${value}`] : [`--${name}`, value])) },
  { weight: 2, arbitrary: fc.constantFrom(...flags).map(name => [`--${name}`]) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('-s', '-h', '-v', '-sv', '--no-grpc', '--grpc=', '--', '-'), hostileText).map(([short, value]) => [short, value]) },
  { weight: 1, arbitrary: hostileText.map(text => [`--${text}`]) }
)

const manifest = fc.tuple(fc.constant('manifest'), some('kubernetes', 'docker', 'haproxy', 'prometheus'))
const muting = fc.tuple(fc.constantFrom('mute', 'unmute'), some('Fine'))
const words = fc.oneof(fc.constant([]), fc.constantFrom(['check'], ['serve'], ['fleet']), manifest, muting, fc.array(hostileText, { maxLength: 2 }))
const taken = new Map(Object.entries({ check: [], serve: ['port', 'host'], fleet: ['format'], mute: ['subset', 'for', 'because', 'by'], unmute: ['subset'], manifest: ['kind', 'name', 'port', 'node'] }))

/** Command lines that get further than most, since their options are those that the command takes. */
const fitting = words.chain(words => {
  const names = [...taken.get(words[0] ?? '') ?? ['subset', 'format'], 'config', 'timeout']
  return fc.tuple(...names.map(name => fc.option((values[name] as fc.Arbitrary<string>).map(value => [`--${name}=${value}`]), { nil: [] as string[], freq: ['config', 'timeout'].includes(name) ? 1 : 8 })))
    .map(options => [...words, ...options.flat()])
})

const argv = fc.oneof(
  { weight: 1, arbitrary: fc.array(hostileText, { maxLength: 4 }) },
  { weight: 2, arbitrary: fc.tuple(words, fc.array(option, { maxLength: 5 })).map(([words, options]) => [...words, ...options.flat()]) },
  { weight: 3, arbitrary: fitting }
)

const isWhole = (value: unknown, least: number, most: number) => value === undefined || (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most)

test('any command line is understood, with numbers that are whole and in range, or is FST_HEALTH_USAGE', async t => {
  const understood = new Set<string>()
  fc.assert(fc.property(argv, argv => {
    try {
      const args = parseArguments(argv)
      understood.add(args.command)
      const { timeout, port, time } = args as { timeout?: number, port?: number, time?: number }
      return isWhole(timeout, 1, 2 ** 31 - 1) && isWhole(port, 1, 65_535) && isWhole(time, 1000, 90 * 24 * 60 * 60 * 1000)
    } catch (error) {
      return error instanceof FST_HEALTH_USAGE && error.message !== ''
    }
  }), { seed, numRuns: 2000 })
  t.strictSame([...understood].sort(), ['check', 'fleet', 'help', 'manifest', 'mute', 'run', 'serve', 'unmute', 'version'])
})

test('any command line ends with an exit status, and prints no control character', async t => {
  const statuses = new Set<number | null>()
  await fc.assert(fc.asyncProperty(argv, async argv => {
    const { status, out, err } = await command(argv)
    statuses.add(status)
    const said = out + err
    if (/[^\P{Cc}\n]/u.test(said)) throw new Error(`control characters: ${JSON.stringify(said).slice(0, 1000)}`)
    // 3 is what a monitoring plugin ends with where it could not ask.
    if (![0, 1, 2].includes(status as number) && !(status === 3 && out.startsWith('FASTIFY-HEALTH UNKNOWN - '))) throw new Error(`exit status ${status}`)
    if (status === 2 && said === '') throw new Error('nothing is said')
  }), { seed, numRuns: 400 })
  t.strictSame([...statuses].sort(), [0, 1, 2, 3])
})

test('nothing that a configuration holds reaches the terminal as a control character, in any format', async t => {
  for (const format of ['plain', 'json', 'html', 'health+json', 'openmetrics', 'nagios']) {
    for (const subset of ['odd', 'name\u001b[31m\nE001 forged']) {
      const { out, err } = await command(['--config', 'hostile.config.js', '-s', subset, '--format', format])
      t.notMatch(out + err, /[^\P{Cc}\n]/u, `${format} of ${subset}`)
    }
  }
})
