import { inspect } from 'node:util'
import { test } from 'tap'
import fc from 'fast-check'
import Fastify from 'fastify'
import health, { createHealth } from '../../lib/index.js'
import { builtInChecks } from '../../lib/checks/index.js'
import { defineCheck, isCheckClass, type CheckDefinition } from '../../lib/check.js'
import { lineOf } from '../../lib/config/faults.js'
import { toSettings } from '../../lib/config/options.js'
import { entryRules } from '../../lib/values/entry-rules.js'
import { flag, text, url } from '../../lib/values/rules.js'
import type { HealthRegistry } from '../../lib/engine/registry.js'
import type { CheckClass, OptionRule } from '../../types/check.js'
import type { HealthOptions } from '../../types/options.js'
import type { SystemCheck } from '../../types/report.js'
import { hostile, hostileText, type Hostile } from '../helpers/hostile.js'
import { recordedLog } from '../helpers/recorded-log.js'

const seed = 20_260_113

const Fine = defineCheck({ identifier: 'Fine', check () {} })

/** Takes options of its own, and needs none. */
class Ruled extends Fine {
  static override readonly rules = { url: url(['http']), name: text(), quiet: flag() }
}

/** A line has a message and a hint of 1000 characters at most, a subset, and an entry. */
const longestLine = 2500

function fail (message: string): never {
  throw new Error(message.slice(0, 1000))
}

/** Any text that a user may read: without control characters, of limited length, and with one of the names. */
function assertText (said: string, names: readonly string[] = ['']): void {
  if (/[^\P{Cc}\n]/u.test(said)) fail(`control characters: ${JSON.stringify(said)}`)
  if (said.split('\n').some(line => line.length > longestLine)) fail(`too long: ${said}`)
  if (!names.some(name => said.includes(name))) fail(`none of ${names.join()}: ${said}`)
}

function assertCoded (error: unknown, names: readonly string[]): void {
  const { code, message } = error as Error & { code?: string }
  if (!(error instanceof Error && typeof code === 'string' && code.startsWith('FST_HEALTH_'))) fail(`no code: ${inspect(error)}`)
  assertText(message, names)
}

async function assertFaults (registry: HealthRegistry, names: readonly string[]): Promise<SystemCheck[]> {
  const faults = await registry.systemChecks()
  for (const { level, message, hint, ...fault } of faults) {
    assertText(lineOf({ level, message, hint, ...fault }), level === 'error' ? names : [''])
    assertText(`${message} ${hint}`)
  }
  return faults
}

/** Runs some subsets. Each is healthy if there are no errors of the configuration, and time is enough. */
async function assertReports (registry: HealthRegistry, faults: readonly SystemCheck[]): Promise<void> {
  const isBroken = (subset: string) => faults.some(fault => fault.level === 'error' && (fault.subset ?? subset) === subset)
  for (const subset of registry.subsets().slice(0, 3)) {
    const { healthy, results } = await registry.run(subset)
    const isLate = results.some(({ status }) => status.includes('timed out'))
    if (healthy === isBroken(subset) && !isLate) fail(`${subset} is ${healthy ? 'healthy' : 'not'}: ${faults.map(lineOf).join()} ${inspect(results)}`)
    for (const { status } of results) assertText(status)
  }
}

async function assertRegistry (options: HealthOptions, names: readonly string[]): Promise<void> {
  let registry: HealthRegistry
  try {
    registry = createHealth(options, { log: recordedLog().log })
  } catch (error) {
    return assertCoded(error, names)
  }
  await assertReports(registry, await assertFaults(registry, names))
  await registry.close()
}

async function assertPlugin (options: HealthOptions, names: readonly string[]): Promise<void> {
  const app = Fastify()
  app.register(health, options)
  try {
    await app.ready()
  } catch (error) {
    await app.close()
    return assertCoded(error, names)
  }
  const { settings: { prefix, livenessPath, routes } } = app.health
  const path = `${prefix === '/' ? '' : prefix}/readiness`
  for (const [url, isThere] of [[path, app.health.subsets().includes('readiness') && path !== livenessPath], [livenessPath, true]] as const) {
    if (url === false) continue
    const { statusCode } = await app.inject({ url: encodeURI(url), query: { format: 'json' } })
    if (!(routes && isThere ? [200, 500] : [404]).includes(statusCode)) fail(`${url} answered ${statusCode}`)
  }
  await app.close()
}

/** What a value holds, as far as it can be read without running any of it. */
function picture (value: unknown): string {
  try {
    return inspect(value, { depth: Infinity, showHidden: true, showProxy: true, maxArrayLength: 10, maxStringLength: 100, customInspect: false })
  } catch {
    return 'it cannot be read'
  }
}

async function unchanged (value: unknown, use: () => Promise<void>): Promise<void> {
  const before = picture(value)
  await use()
  if (picture(value) !== before) fail(`it was ${before}, and is ${picture(value)}`)
}

async function holds <T> (numRuns: number, arbitrary: fc.Arbitrary<T>, use: (value: T) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(arbitrary, async value => { await use(value) }), { seed, numRuns })
}

function member (name: string, { make }: Hostile): object {
  // An assignment to `__proto__` would set the prototype.
  return Object.defineProperty({}, name, { value: make(), enumerable: true, writable: true, configurable: true })
}

const settings = Object.keys(toSettings({}))
/** Of the options that are objects, the members and a valid value. */
const objects: Readonly<Record<string, readonly [names: string[], valid: object]>> = {
  service: [['releaseId', 'serviceId', 'version', 'description'], { version: '1' }],
  listen: [['port'], { host: '127.0.0.1' }],
  fleet: [['name', 'client', 'url', 'instance', 'ttl', 'details'], { name: 'shop', url: 'redis://127.0.0.1:1' }],
  failureStatus: [['readiness'], { readiness: 503 }],
  cacheFor: [['readiness'], { readiness: 0 }],
  subsets: [['readiness'], { integrations: [Fine] }],
}

interface Setting {
  readonly option: string
  readonly make: () => unknown
}

const setting: fc.Arbitrary<Setting> = fc.oneof(
  fc.constantFrom(...settings).chain(option => hostile(objects[option]?.[0]).map(({ make }) => ({ option, make }))),
  fc.constantFrom(...Object.keys(objects)).chain(option => {
    const [names, valid] = objects[option] as typeof objects[string]
    return fc.tuple(fc.constantFrom(...names), hostile()).map(([name, value]) => ({ option, make: () => ({ ...valid, ...member(name, value) }) }))
  })
)

// A fault of a subset names the subset.
const namesOf = (option: string) => [`'${option}`, ...option === 'subsets' ? ["subset '"] : [], ...option === 'fleet' ? ['fleet: '] : []]

test('a registry works with any value of any option, or names it in an error with a code', async t => {
  await holds(400, setting, async ({ option, make }) => {
    const options = { subsets: { readiness: [Fine] }, [option]: make() }
    await unchanged(options, async () => await assertRegistry(options as HealthOptions, namesOf(option)))
  })
  t.pass()
})

test('an app boots and answers with any value of any option, or names it in an error with a code', async t => {
  await holds(70, setting, async ({ option, make }) => {
    const options = { subsets: { readiness: [Fine] }, [option]: make() }
    await unchanged(options, async () => await assertPlugin(options as HealthOptions, option === 'listen' ? [...namesOf(option), '`listen`'] : namesOf(option)))
  })
  t.pass()
})

test('an address that no listener can have is told with a code', async t => {
  const host = fc.constantFrom('', ' ', '192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', 'h'.repeat(300), '\u001b[31m', 'a\0b', '127.0.0.1', '::1')
  const path = fc.tuple(fc.constantFrom('/proc/none/', '/dev/null/', '/'.repeat(200)), hostileText).map(([folder, name]) => folder + name)
  const listen = fc.oneof(fc.record({ host, port: fc.constant(0) }), fc.record({ path }))
  await holds(30, listen, async listen => await assertPlugin({ subsets: { readiness: [Fine] }, listen }, ["'listen'", '`listen`']))
  t.pass()
})

test('the options as a whole may be anything, with any name', async t => {
  await holds(200, hostile(settings), async ({ make }) => {
    const options = make()
    await unchanged(options, async () => await assertRegistry(options as HealthOptions, ['']))
  })
  await holds(150, fc.tuple(hostileText, hostile()), async ([name, value]) => await assertRegistry(member(name, value), ['']))
  t.pass()
})

test('a setting that becomes anything while the registry runs fails a subset, and throws nothing', async t => {
  await holds(200, setting, async ({ option, make }) => {
    const registry = createHealth({ subsets: { readiness: [Fine] } }, { log: recordedLog().log })
    await registry.run('readiness')
    Object.assign(registry.settings, { [option]: make() })
    await assertReports(registry, await assertFaults(registry, namesOf(option)))
    await registry.close()
  })
  t.pass()
})

test('an entry may be anything, and have any options', async t => {
  const names = Object.keys(entryRules)
  await holds(200, fc.oneof(hostile(['check', 'identifier']), hostile().map(({ what, make }) => ({ what, make: () => [make(), make()] }))), async ({ make }) => {
    const options = { subsets: { readiness: [Fine, make()] } } as unknown as HealthOptions
    await unchanged(options, async () => await assertRegistry(options, ["subset 'readiness'"]))
  })
  const named = fc.oneof(fc.constantFrom(...names, 'url', 'name', 'quiet'), hostileText)
  await holds(400, fc.tuple(fc.constantFrom(Fine, Ruled), named, hostile()), async ([Check, name, value]) => {
    const options = { subsets: { readiness: [[Check, member(name, value)]] } } as unknown as HealthOptions
    await unchanged(options, async () => await assertRegistry(options, /^\w{1,50}$/.test(name) ? [`'${name}`, 'reading its options threw', 'it comes after '] : ["subset 'readiness'"]))
  })
  await holds(100, fc.tuple(fc.constantFrom(Fine, Ruled), hostile([...names, 'url'])), async ([Check, { make }]) => {
    const options = { subsets: { readiness: [[Check, make()]] } } as unknown as HealthOptions
    await unchanged(options, async () => await assertRegistry(options, ["subset 'readiness'"]))
  })
  t.pass()
})

test('defineCheck takes any definition, or refuses it with a code', async t => {
  const names = [...Object.keys(entryRules), 'check', 'rules', 'scope', 'requirements']
  const definition = fc.oneof(hostile(names), fc.tuple(fc.constantFrom(...names), hostile()).map(([name, value]) => ({ make: () => ({ identifier: 'Fine', check () {}, ...member(name, value) }) })))
  await holds(300, definition, async ({ make }) => {
    let Check: CheckClass
    try {
      Check = defineCheck(make() as CheckDefinition)
    } catch (error) {
      return assertCoded(error, ['defineCheck: '])
    }
    const registry = createHealth({ subsets: { readiness: [Check] } }, { log: recordedLog().log })
    await assertFaults(registry, ['subset '])
    await registry.close()
  })
  t.pass()
})

/** Values one of which fits most rules. */
const usual = ['x', 'redis://127.0.0.1:1', 'amqp://127.0.0.1:1', 'postgres://127.0.0.1:1/x', 'http://127.0.0.1:1', 'smtp://127.0.0.1:1', 'mongodb://127.0.0.1:1', 'nats://127.0.0.1:1', 'mysql://127.0.0.1:1', 'mqtt://127.0.0.1:1', 1, 1000, true, ['x'], ['127.0.0.1:1'], () => {}, {}]

function usualFor ({ test }: OptionRule): unknown {
  return usual.find(value => test(value))
}

test('every option of every built-in check takes any value, or names it in a fault', async t => {
  const modules = await Promise.all(Object.values(builtInChecks).map(async load => await load()))
  const classes = [...new Set(modules.flatMap(module => Object.values(module)).filter(isCheckClass))].filter(({ rules }) => rules !== undefined && Object.keys(rules).length > 0)
  t.ok(classes.length > 30, `${classes.length} classes`)
  const asked = fc.constantFrom(...classes).chain(Check => {
    const rules = Object.entries(Check.rules as Record<string, OptionRule>)
    const [required, others] = [rules.filter(([, { required }]) => required), rules.filter(([, { required }]) => !required)]
    const rest = fc.subarray(others, { maxLength: Math.min(2, others.length) }).map(chosen => Object.fromEntries([...required, ...chosen].map(([name, rule]) => [name, usualFor(rule)])))
    const value = fc.oneof({ weight: 4, arbitrary: hostile(['servername', 'ca', 'status', 'headers', 'user']) }, { weight: 1, arbitrary: fc.constantFrom(...usual).map(value => ({ what: 'a usual value', make: () => value })) })
    return fc.record({ Check: fc.constant(Check), rest, name: fc.constantFrom(...rules.map(([name]) => name)), value })
  })
  await holds(300, asked, async ({ Check, rest, name, value }) => {
    const options = { subsets: { readiness: [[Check, { ...rest, ...member(name, value) }]] } } as unknown as HealthOptions
    await unchanged(options, async () => {
      const registry = createHealth(options, { log: recordedLog().log })
      await assertFaults(registry, [`'${name}'`, `'${name}.`, `\`${name}`, 'reading its options threw', "' is missing", 'E007'])
      await registry.close()
    })
  })
})
