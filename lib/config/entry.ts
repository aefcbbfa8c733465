import { statSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { builtInChecks } from '../checks/index.js'
import { isCheckClass } from '../check.js'
import { exportsOf } from './exports.js'
import type { Fault } from './options.js'
import { isRecord } from '../values/plain-data.js'
import { placeOf } from './place.js'
import { entryRules } from '../values/entry-rules.js'
import { copyPlain, idOf, keyOf } from '../values/plain-data.js'
import { redact, redactBriefly, secretsOf, type Secrets } from '../values/redact.js'
import { flag, func, milliseconds, oneOf, rule, shown, suggestion, text, violations, type Violation } from '../values/rules.js'
import type { CheckClass, EntryOptions, OptionRule, OptionRules } from '../../types/check.js'

/** An entry as written: what to load, and with which options. */
export interface ParsedEntry {
  /** How errors call it. */
  readonly label: string
  readonly check: string | CheckClass
  /** The configuration's own object, not a copy. */
  readonly options: Record<string, unknown> & EntryOptions
}

/** An entry whose check is known. */
export interface ResolvedEntry extends ParsedEntry {
  readonly Check: CheckClass
  /** The same for all entries that ask the same question, whatever they make of the answer. */
  readonly question: string
  readonly identifier: string
  readonly critical: boolean
  /** Milliseconds, where the entry or its class says. */
  readonly timeout: number | undefined
}

export function isFault (value: object): value is Fault {
  return 'hint' in value
}

const howToWrite = 'An entry is "module#Export", [specifier, options], a HealthCheck class, [Class, options], or what defineCheck() returns.'
/** What an entry without options has. */
export const noOptions = Object.freeze({})

export function parseEntry (entry: unknown): ParsedEntry | Fault {
  const [check, options = noOptions, ...rest] = Array.isArray(entry) ? entry : [entry]
  const malformed = (message: string, hint = howToWrite): Fault => ({ id: 'E005', message, hint })
  if (rest.length > 0) return malformed(`it is an array of ${rest.length + 2} items`)
  if (typeof check === 'string' ? check === '' : !isCheckClass(check)) return malformed(isDefinition(check) ? 'it is what defineCheck() takes, not a check' : `${shown(check)} is no check`, isDefinition(check) ? 'Wrap it: defineCheck({ … }).' : howToWrite)
  const label = typeof check === 'string' ? labelOf(check) : check.name === '' ? 'a class without a name' : check.name
  if (shown(options) !== 'an object') return malformed(`the options of ${label} are ${shown(options)}`)
  return { label, check, options }
}

function isDefinition (value: unknown): boolean {
  return isRecord(value) && typeof value['check'] === 'function'
}

/** Whether the entry is left out. */
export function isDisabled ({ check, options }: ParsedEntry): boolean {
  const { enabled = typeof check === 'string' ? true : check.entryOptions?.enabled } = options
  return enabled === false
}

/** What an instance must be, whether its options or its class say so. */
const classRules: OptionRules = {
  identifier: text({ required: true }),
  critical: flag({ required: true }),
  timeout: milliseconds(1),
  check: func({ required: true }),
}

/** Finds the identifier, and everything that is wrong with the options (E008). */
export function resolveEntry (parsed: ParsedEntry, Check: CheckClass): ResolvedEntry | Fault {
  const { label } = parsed
  const options = Check.entryOptions === undefined ? parsed.options : { ...Check.entryOptions, ...parsed.options }
  const invalid = (message: string, hint: string): Fault => ({ id: 'E008', message: `${label}: ${message}`, hint })
  const misdeclared = staticFault(Check)
  if (misdeclared !== undefined) return invalid(misdeclared.message, misdeclared.hint)
  // A check without rules takes any option of its own.
  const known = Object.keys(entryRules)
  let checked: Violation[]
  try {
    checked = Check.rules === undefined
      ? violations(entryRules, Object.fromEntries(Object.entries(options).filter(([name]) => known.includes(name))))
      : violations({ ...entryRules, ...Check.rules }, options)
  } catch (error) {
    return invalid(`a \`test\` of its \`static rules\` threw ${reason(error, secretsOf(options))}`, 'Correct the rule: its `test` returns true or false of any value.')
  }
  const last = checked.pop()
  // What to do about each of them stands with it.
  if (last !== undefined) return invalid([...checked.map(({ message, hint }) => `${message}. ${hint}`), last.message].join(' '), last.hint)
  if (options.shared === true && options.interval === undefined) return invalid("'interval' is missing", 'A check that is `shared` has to have one: it is how often one instance of the fleet asks.')
  let asked = 'constructor'
  try {
    const check = new Check(copyPlain(options))
    asked = '`identifier`, `critical` or `timeout`'
    const { identifier = check.identifier, critical = check.critical, timeout = check.timeout } = options
    const [said] = violations(classRules, { identifier, critical, timeout, check: check.check })
    if (said !== undefined) return invalid(said.message, said.hint)
    return { ...parsed, options, Check, question: questionOf(Check, options), identifier, critical, timeout }
  } catch (error) {
    return invalid(`its ${asked} threw ${reason(error, secretsOf(options))}`, 'Correct its options or its class.')
  }
}

/** What a class declares in a way that nothing can be made of. */
function staticFault ({ rules, scope }: CheckClass): Pick<Fault, 'message' | 'hint'> | undefined {
  const [misplaced] = violations(staticRules, { rules, scope })
  if (misplaced !== undefined) return { message: `its static ${misplaced.message}`, hint: misplaced.hint }
  for (const [name, rule] of Object.entries<Partial<OptionRule> | null>(rules ?? {})) {
    if (!func().test(rule?.test)) return { message: `its \`static rules\` have no \`test\` for '${name}'`, hint: 'A rule is { expected, test }, and its `test` a function of the value.' }
  }
}

const staticRules: OptionRules = {
  rules: rule('an object of rules, by the name of the option', isRecord),
  scope: oneOf(['local', 'shared', 'workers']),
}

function questionOf (Check: CheckClass, options: object): string {
  const own = Object.fromEntries(Object.entries(options).filter(([name]) => !Object.hasOwn(entryRules, name)))
  return `${idOf(Check)} ${keyOf(own)}`
}

/** Loads the class that a specifier names (E004 where it cannot). */
export async function loadCheck (specifier: string, baseDir: string): Promise<CheckClass | Fault> {
  const [module, name = 'default'] = splitSpecifier(specifier)
  const fault = (message: string, hint: string): Fault => ({ id: 'E004', message: `${labelOf(specifier)} ${message}`, hint })
  const builtIn = Object.hasOwn(builtInChecks, module) ? builtInChecks[module] : undefined
  if (builtIn === undefined && module.startsWith('fastify-health/')) return fault('is none of the built-in checks', suggestion(module, Object.keys(builtInChecks)))
  let exported: Readonly<Record<string, unknown>>
  let url: string | undefined
  try {
    if (builtIn === undefined) url = await locate(module, baseDir)
    exported = exportsOf(await (builtIn?.() ?? import(url as string)))
  } catch (error) {
    return isUnderstood(url, error)
      ? fault('throws when it is loaded', `${reason(error)}${placeOf(error, url)}. Correct it there.`)
      : fault('cannot be loaded', `${reason(error)}. ${howToLoad(module, url, error)}`)
  }
  const found = Object.hasOwn(exported, name) ? exported[name] : undefined
  if (isCheckClass(found)) return found
  const checks = Object.keys(exported).filter(key => isCheckClass(exported[key]))
  const what = found === undefined ? `has no export '${name}'` : `exports ${shown(found)} as '${name}', which is no HealthCheck`
  return fault(what, checks.length === 0 ? `It exports no HealthCheck at all, but: ${Object.keys(exported).join(', ')}.` : suggestion(name, checks))
}

function splitSpecifier (specifier: string): [module: string, name?: string] {
  // A # in front is an import of the package's own.
  const end = specifier.indexOf('#', 1)
  return end === -1 ? [specifier] : [specifier.slice(0, end), specifier.slice(end + 1)]
}

async function locate (module: string, baseDir: string): Promise<string> {
  if (isRelative(module) || isAbsolute(module)) return pathToFileURL(resolve(baseDir, module)).href
  if (module.startsWith('file:')) return module
  // An import() would look beside this package, not beside the app.
  const { resolve: resolveModule } = await import('import-meta-resolve')
  return resolveModule(module, pathToFileURL(resolve(baseDir, 'entry.js')).href)
}

// What it imports may be missing as well, with the same code.
function isUnderstood (url: string | undefined, error: unknown): boolean {
  return !isUnknownExtension(error) && url?.startsWith('file:') === true && statSync(fileURLToPath(url), { throwIfNoEntry: false })?.isFile() === true
}

function isUnknownExtension (error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'ERR_UNKNOWN_FILE_EXTENSION'
}

function howToLoad (module: string, url: string | undefined, error: unknown): string {
  if (isUnknownExtension(error)) return `This Node.js cannot load ${module} as it is: compile it, or run with a loader such as tsx.`
  const kind = url === undefined ? 'package' : isRelative(module) ? 'relative module' : undefined
  return kind === undefined ? howToWrite : `A ${kind} is looked up from \`baseDir\`, which is the working directory unless the options say otherwise.`
}

function isRelative (module: string): boolean {
  return /^\.\.?\//.test(module)
}

// The URL of a service that was put in its place may hold a password.
function labelOf (specifier: string): string {
  return specifier.startsWith('file:') ? specifier : redact(specifier)
}

/** The first line of what was thrown, with nothing secret in it. */
export function reason (error: unknown, secrets?: Secrets): string {
  // Node.js says no more of a connection that failed at each of several addresses.
  if (error instanceof AggregateError && error.message === '') return reason(error.errors[0], secrets)
  return redactBriefly(error instanceof Error ? error.message.split('\n', 1)[0] as string : shown(error), secrets)
}
