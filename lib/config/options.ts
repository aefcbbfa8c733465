import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'
import { copyPlain } from '../values/plain-data.js'
import { flag, func, milliseconds, numeric, oneOf, rule, shown, text, texts, violations } from '../values/rules.js'
import type { OptionRule, OptionRules } from '../../types/check.js'
import type { Entry, HealthOptions, Settings } from '../../types/options.js'
import type { ListenOptions, Service } from '../../types/settings.js'
import type { SystemCheckId } from '../../types/report.js'

/** What is wrong with the configuration, before it is known where. */
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
  routes: true,
  openapi: true,
}

export const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
// A Map or a Date has no options that could be read, and would count as none.
const isPlainObject = (value: unknown): value is Record<string, unknown> => isRecord(value) && !(value instanceof Map || value instanceof Set || value instanceof Date)
const isDuration = milliseconds().test

const isFailure = (value: unknown) => Number.isInteger(value) && (value as number) >= 400 && (value as number) <= 599

function orNull (rule: OptionRule): OptionRule {
  return { expected: `${rule.expected}, or null`, test: value => value === null || rule.test(value) }
}

const path = 'a path that starts with / and does not end with one, without query, wildcard, parameter, escape, . or ..'
// Clients resolve . and .. themselves, and the router compares what it has decoded: a path with either is never asked for.
const isPath = (value: unknown) => typeof value === 'string' && /^(?:\/(?!\.\.?(?:\/|$))[^/?#*:%\s]+)+$/.test(value)

const serviceRules: OptionRules & Record<keyof Service, OptionRule> = { releaseId: text(), serviceId: text(), version: text(), description: text() }

const listenRules: OptionRules & Record<keyof ListenOptions, OptionRule> = {
  port: rule('a port, 0 to 65535', value => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535),
  host: text(),
  path: text(),
}

const rules: OptionRules = {
  subsets: rule('a plain object of lists of checks, by the name of the subset', isPlainObject),
  prefix: rule(`${path}, or ''`, value => value === '' || value === '/' || isPath(value)),
  livenessPath: rule(`${path}, or false`, value => value === false || isPath(value)),
  warningsAsErrors: flag(),
  sequential: flag(),
  diskUsageMax: orNull(numeric('a percentage, 0 to 100', 0, 100)),
  memoryMin: orNull(numeric('a number of MiB, 0 or more', 0, Number.MAX_SAFE_INTEGER)),
  failureStatus: rule('a status of 400 to 599, or an object of them by the name of the subset', value => {
    return isFailure(value) || (isRecord(value) && Object.values(value).every(isFailure))
  }),
  timeout: milliseconds(1),
  deadline: milliseconds(1),
  cacheFor: rule('a whole number of milliseconds, 0 or more, or an object of them by the name of the subset', value => {
    return isDuration(value) || (isRecord(value) && Object.values(value).every(isDuration))
  }),
  details: rule("'always', 'never', or a function of the request", value => value === 'always' || value === 'never' || func().test(value)),
  drainSubsets: texts(),
  logLevel: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  listen: rule('{ port, host } or { path }: a port of 0 to 65535, and texts that are not empty', value => isRecord(value) && violations(listenRules, value).length === 0 && !('path' in value && 'port' in value)),
  routes: flag(),
  openapi: flag(),
  service: rule(`an object of texts that are not empty: ${Object.keys(serviceRules).join(', ')}`, value => isRecord(value) && violations(serviceRules, value).length === 0),
  baseDir: text(),
}

/**
 * Fresh settings of the given options and the defaults. Options that do not fit are kept as they are, to be told by `settingsFaults`.
 *
 * @throws FST_HEALTH_INVALID_CONFIGURATION where they are no object at all.
 */
export function toSettings (options: HealthOptions): Settings {
  if (!isPlainObject(options)) throw new FST_HEALTH_INVALID_CONFIGURATION(`The options of fastify-health are ${shown(options)}. They must be a plain object, such as { subsets: { … } }.`)
  const { subsets = {}, ...others } = options
  const given = Object.entries(copyPlain(others)).filter(([, value]) => value !== undefined)
  return {
    ...defaults,
    drainSubsets: ['readiness'],
    service: {},
    baseDir: process.cwd(),
    ...Object.fromEntries(given),
    subsets: copySubsets(subsets),
  }
}

// The lists are the registry's own, since entries can be added to them.
function copySubsets (subsets: unknown): Settings['subsets'] {
  if (!isPlainObject(subsets)) return subsets as Settings['subsets']
  return Object.fromEntries(Object.entries(subsets).map(([name, entries]) => [name, Array.isArray(entries) ? [...entries] : entries as Entry[]]))
}

// Every setting has a value, but for those without a default.
const complete: OptionRules = Object.fromEntries(Object.entries(rules).map(([option, rule]) => [option, { ...rule, required: option !== 'deadline' && option !== 'listen' }]))

export interface SettingFault extends Fault {
  readonly option: string
}

/** E001: what is wrong with the settings as they are now. */
export function settingsFaults (settings: Settings): SettingFault[] {
  const values = settings as unknown as Record<string, unknown>
  return violations(complete, values)
    .flatMap(violation => violation.option === 'service' && isRecord(values['service']) ? violations(serviceRules, values['service'], 'service.') : [violation])
    .map((violation): SettingFault => ({ id: 'E001', ...violation }))
}

/** As long as Fastify's router takes a parameter, which is what the name of a subset that is added later is to it. */
const longestName = 100

/** Where a subset's name is no path segment (E003). */
export function nameFault (name: string): Fault | undefined {
  if (!/^[\w~-][\w.~-]*$/.test(name)) return { id: 'E003', message: `'${name}' cannot be a path segment`, hint: 'Use letters, digits, - . _ and ~, and no dot in front.' }
  if (name.length > longestName) return { id: 'E003', message: `'${name.slice(0, 20)}…' has ${name.length} characters`, hint: `Use ${longestName} at most: Fastify's router takes no more.` }
}

/** Where the router, told to ignore case, takes the subset for another one (E003). */
export function caseFault (name: string, names: readonly string[]): Fault | undefined {
  const other = names.find(other => other !== name && other.toLowerCase() === name.toLowerCase())
  if (other !== undefined) return { id: 'E003', message: `'${name}' differs from '${other}' by case only, which the router ignores`, hint: 'Rename one of them, or take `caseSensitive: false` away.' }
}

/** What a setting that may be given by subset is for this one; `otherwise` where it names others only. */
export function ofSubset (value: number | Record<string, number>, subset: string, otherwise: number): number {
  if (typeof value === 'number') return value
  return Object.hasOwn(value, subset) ? value[subset] as number : otherwise
}

/** The status that an unhealthy subset answers with. */
export function failureStatusOf ({ failureStatus }: Pick<Settings, 'failureStatus'>, subset: string): number {
  return ofSubset(failureStatus, subset, 500)
}
