import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'
import { copyPlain, isList, isOptions, isRecord } from '../values/plain-data.js'
import { flag, func, milliseconds, numeric, oneOf, redisUrl, rule, text, texts, violations, type Violation } from '../values/rules.js'
import { named, reason, shown } from '../values/shown.js'
import type { OptionRule, OptionRules, RulesOf } from '../../types/check.js'
import type { FleetOptions } from '../../types/fleet.js'
import type { HealthOptions, Settings } from '../../types/options.js'
import type { ListenOptions, Service } from '../../types/settings.js'
import type { SystemCheckId } from '../../types/report.js'

/** A fault of the configuration, without its place. */
export interface Fault {
  readonly id: SystemCheckId
  readonly message: string
  readonly hint: string
}

const defaults: Readonly<Omit<Settings, 'subsets' | 'baseDir' | 'drainSubsets' | 'service'>> = {
  prefix: '/healthcheck',
  livenessPath: '/healthcheck/liveness',
  warningsAsErrors: true,
  sequential: false,
  diskUsageMax: 90,
  memoryMin: 100,
  failureStatus: 500,
  timeout: 3000,
  deadline: undefined,
  cacheFor: 0,
  details: 'always',
  logLevel: 'warn',
  listen: undefined,
  fleet: undefined,
  routes: true,
  openapi: true,
}

const isDuration = milliseconds().test

const isFailure = (value: unknown) => Number.isInteger(value) && (value as number) >= 400 && (value as number) <= 599

function orNull (rule: OptionRule): OptionRule {
  return { expected: `${rule.expected}, or null`, test: value => value === null || rule.test(value) }
}

const pathForm = 'a path that starts with / and does not end with one, without query, wildcard, parameter, escape, . or ..'
// No request can reach a path with . or .., since clients resolve them, or with an escape, since the router compares decoded paths.
const isPath = (value: unknown) => typeof value === 'string' && /^(?:\/(?!\.\.?(?:\/|$))[^/?#*:%\s]+)+$/.test(value)

const serviceRules = { releaseId: text(), serviceId: text(), version: text(), description: text() } satisfies RulesOf<Service>

const listenRules = {
  port: rule('a port, 0 to 65535', value => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535),
  host: text(),
  path: text(),
} satisfies RulesOf<ListenOptions>

const longestInstance = 200

const fleetRules = {
  name: rule(
    'a text of 1 to 100 characters without braces',
    value => typeof value === 'string' && /^[^{}]{1,100}$/.test(value),
    { required: true }
  ),
  client: rule('the name of a decorator, a function of the app, or a client of ioredis', value => {
    // A string with :// is a URL that was given by mistake.
    return typeof value === 'string' ? value !== '' && !value.includes('://') : func().test(value) || isRecord(value)
  }),
  url: redisUrl(),
  instance: rule(`a text of 1 to ${longestInstance} characters`, value =>
    typeof value === 'string' && value !== '' && value.length <= longestInstance),
  ttl: milliseconds(100),
  details: flag(),
} satisfies RulesOf<FleetOptions>

const settingRules = {
  subsets: rule('a plain object of lists of checks, by the name of the subset', isOptions),
  prefix: rule(`${pathForm}, or ''`, value => value === '' || value === '/' || isPath(value)),
  livenessPath: rule(`${pathForm}, or false`, value => value === false || isPath(value)),
  warningsAsErrors: flag(),
  sequential: flag(),
  diskUsageMax: orNull(numeric('a percentage, 0 to 100', 0, 100)),
  memoryMin: orNull(numeric('a number of MiB, 0 or more', 0, Number.MAX_SAFE_INTEGER)),
  failureStatus: rule('a status of 400 to 599, or an object of them by the name of the subset', value => {
    return isFailure(value) || (isOptions(value) && Object.values(value).every(isFailure))
  }),
  timeout: milliseconds(1),
  deadline: milliseconds(1),
  cacheFor: rule('a whole number of milliseconds, 0 or more, or an object of them by the name of the subset', value => {
    return isDuration(value) || (isOptions(value) && Object.values(value).every(isDuration))
  }),
  details: rule("'always', 'never', or a function of the request", value => value === 'always' || value === 'never' || func().test(value)),
  drainSubsets: texts(),
  logLevel: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  listen: rule('{ port, host } or { path }: a port of 0 to 65535, and non-empty strings', value =>
    isOptions(value) && violations(listenRules, value).length === 0 && !('path' in value && 'port' in value)),
  fleet: rule(
    'an object with the `name` of the fleet, and perhaps `client` or `url`, `instance`, `ttl` and `details`',
    value => isOptions(value) && fleetFaults(value).length === 0
  ),
  routes: flag(),
  openapi: flag(),
  service: rule(`an object of non-empty strings: ${Object.keys(serviceRules).join(', ')}`, value =>
    isOptions(value) && violations(serviceRules, value).length === 0),
  baseDir: text(),
} satisfies RulesOf<HealthOptions>

/**
 * Makes settings from the given options and the defaults. Invalid options are kept, and `settingsFaults` reports them.
 *
 * @throws FST_HEALTH_INVALID_CONFIGURATION if the options are no plain object.
 */
export function toSettings (options: HealthOptions): Settings {
  if (!isOptions(options)) {
    throw new FST_HEALTH_INVALID_CONFIGURATION(
      `The options of fastify-health are ${shown(options)}. They must be a plain object, such as { subsets: { … } }.`
    )
  }
  const given = Object.keys(options).map(name => [name, copyOf(options, name)] as const).filter(([, value]) => value !== undefined)
  return {
    ...defaults,
    drainSubsets: ['readiness'],
    service: {},
    baseDir: process.cwd(),
    subsets: {},
    ...Object.fromEntries(given),
  }
}

function copyOf (options: Record<string, unknown>, name: string): unknown {
  try {
    return name === 'subsets' ? copySubsets(options[name]) : copyPlain(options[name])
  } catch (error) {
    throw new FST_HEALTH_INVALID_CONFIGURATION(
      `Reading the option '${named(name)}' threw ${reason(error)}. An option must be a value, not a getter that throws.`
    )
  }
}

// The lists are copied, since the registry adds entries to them.
function copySubsets (subsets: unknown): unknown {
  if (!isOptions(subsets)) return subsets
  return Object.fromEntries(Object.entries(subsets).map(([name, entries]) => [name, isList(entries) ? [...entries] : entries]))
}

// Every setting must have a value, except those without a default.
const complete: OptionRules = Object.fromEntries(
  Object.entries(settingRules).map(([option, rule]) => [option, { ...rule, required: !['deadline', 'listen', 'fleet'].includes(option) }])
)

export interface SettingFault extends Fault {
  readonly option: string
}

/** Finds E001: the faults of the settings as they are now. */
export function settingsFaults (settings: Settings): SettingFault[] {
  const values = settings as unknown as Record<string, unknown>
  return violations(complete, values)
    .flatMap(violation => {
      const value = values[violation.option]
      if (violation.option === 'service' && isOptions(value)) return violations(serviceRules, value, 'service.')
      return violation.option === 'fleet' && isOptions(value) ? fleetFaults(value) : [violation]
    })
    .map((violation): SettingFault => ({ id: 'E001', ...violation }))
}

function fleetFaults (fleet: Record<string, unknown>): Violation[] {
  const found = violations(fleetRules, fleet, 'fleet.')
  if (fleet['client'] === undefined || fleet['url'] === undefined) return found
  return [
    ...found,
    {
      option: 'fleet.client',
      message: "both 'fleet.client' and 'fleet.url' are given",
      hint: 'Give `client` for a client of the app, or `url` for a connection of the fleet alone.',
    },
  ]
}

/** The page of the fleet has this name, so no subset can have it. */
export const fleetSubset = 'fleet'

/** Fastify's router accepts no longer parameter. The name of a subset that is added later is a parameter. */
const maxSubsetName = 100

/** Finds E003: the name of a subset cannot be a path segment. */
export function nameFault (name: string, fleet?: unknown): Fault | undefined {
  if (fleet !== undefined && name === fleetSubset) {
    return { id: 'E003', message: `'${name}' is where the fleet is shown`, hint: 'Rename the subset, or take the setting `fleet` away.' }
  }
  if (!/^[\w~-][\w.~-]*$/.test(name)) {
    return {
      id: 'E003',
      message: `'${named(name)}' cannot be a path segment`,
      hint: 'Use letters, digits, - . _ and ~, and no dot in front.',
    }
  }
  if (name.length > maxSubsetName) {
    return {
      id: 'E003',
      message: `'${name.slice(0, 20)}…' has ${name.length} characters`,
      hint: `Use ${maxSubsetName} at most: Fastify's router takes no more.`,
    }
  }
}

/** Finds E003: a router that ignores case cannot distinguish two subsets. */
export function caseFault (name: string, names: readonly string[]): Fault | undefined {
  const other = names.find(other => other !== name && other.toLowerCase() === name.toLowerCase())
  if (other !== undefined) {
    return {
      id: 'E003',
      message: `'${named(name)}' differs from '${named(other)}' by case only, which the router ignores`,
      hint: 'Rename one of them, or take `caseSensitive: false` away.',
    }
  }
}

/** Returns the value of a setting for one subset, or `otherwise` if the setting names only other subsets. */
export function ofSubset (value: number | Record<string, number>, subset: string, otherwise: number): number {
  if (typeof value === 'number') return value
  return Object.hasOwn(value, subset) ? value[subset] as number : otherwise
}

/** Returns the HTTP status of an unhealthy subset. */
export function failureStatusOf ({ failureStatus }: Pick<Settings, 'failureStatus'>, subset: string): number {
  return ofSubset(failureStatus, subset, 500)
}
