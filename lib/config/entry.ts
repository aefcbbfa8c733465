import { statSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { builtInChecks } from '../checks/index.js'
import { isCheckClass } from '../check.js'
import { exportsOf } from './exports.js'
import type { Fault } from './options.js'
import { placeOf } from './place.js'
import { entryRules } from '../values/entry-rules.js'
import { copyPlain, idOf, isList, isOptions, isRecord, keyOf } from '../values/plain-data.js'
import { redactBriefly } from '../values/redact.js'
import { secretsOf } from '../values/secrets.js'
import { flag, func, milliseconds, oneOf, rule, suggestion, text, violations } from '../values/rules.js'
import { named, reason, shown } from '../values/shown.js'
import type { CheckClass, EntryOptions, OptionRule, OptionRules } from '../../types/check.js'

/** An entry as the configuration has it: the check to load, and its options. */
export interface ParsedEntry {
  /** The name of the entry in errors. */
  readonly label: string
  readonly check: string | CheckClass
  /** The options object of the configuration itself, not a copy. */
  readonly options: Record<string, unknown> & EntryOptions
}

/** An entry whose class is loaded. */
export interface ResolvedEntry extends ParsedEntry {
  readonly Check: CheckClass
  /** The key of the question. Entries that differ only in the options of every entry have the same key. */
  readonly question: string
  readonly identifier: string
  readonly critical: boolean
  /** The timeout in milliseconds, if the entry or its class has one. */
  readonly timeout: number | undefined
}

export function isFault (value: object): value is Fault {
  return 'hint' in value
}

const howToWrite = 'An entry is "module#Export", [specifier, options], a HealthCheck class, [Class, options], or what defineCheck() ' +
  'returns.'
/** The options of an entry that has none. */
export const noOptions = Object.freeze({})

export function parseEntry (entry: unknown): ParsedEntry | Fault {
  const malformed = (message: string, hint = howToWrite): Fault => ({ id: 'E005', message, hint })
  try {
    const [check, options = noOptions, ...rest]: any[] = isList(entry) ? entry : [entry]
    if (rest.length > 0) return malformed(`it is an array of ${rest.length + 2} items`)
    if (typeof check === 'string' ? check === '' : !isCheckClass(check)) {
      return isDefinition(check)
        ? malformed('it is what defineCheck() takes, not a check', 'Wrap it: defineCheck({ … }).')
        : malformed(`${shown(check)} is no check`)
    }
    const label = typeof check === 'string' ? specifierLabel(check) : check.name === '' ? 'a class without a name' : named(check.name)
    if (!isOptions(options)) return malformed(`the options of ${label} are ${shown(options)}`)
    return { label, check, options }
  } catch (error) {
    return malformed(`reading it threw ${reason(error)}`)
  }
}

function isDefinition (value: unknown): boolean {
  return isRecord(value) && typeof value['check'] === 'function'
}

/** Returns whether `enabled: false` leaves the entry out. */
export function isDisabled ({ check, options }: ParsedEntry): boolean {
  const { enabled = typeof check === 'string' ? true : check.entryOptions?.enabled } = options
  return enabled === false
}

/** The rules for the members of an instance. */
const classRules: OptionRules = {
  identifier: text({ required: true }),
  critical: flag({ required: true }),
  timeout: milliseconds(1),
  check: func({ required: true }),
}

/** Finds the identifier of an entry, and the faults of its options (E008). */
export function resolveEntry (parsed: ParsedEntry, Check: CheckClass): ResolvedEntry | Fault {
  const { label } = parsed
  const options = Check.entryOptions === undefined ? parsed.options : { ...Check.entryOptions, ...parsed.options }
  const invalid = (message: string, hint: string): Fault => ({ id: 'E008', message: `${label}: ${message}`, hint })
  const misdeclared = staticFault(Check)
  if (misdeclared !== undefined) return invalid(misdeclared.message, misdeclared.hint)
  // A check without rules accepts any option, so only the options of every entry are tested.
  const known = Object.keys(entryRules)
  const checked = Check.rules === undefined
    ? violations(entryRules, Object.fromEntries(Object.entries(options).filter(([name]) => known.includes(name))))
    : violations({ ...entryRules, ...Check.rules }, options)
  const last = checked.pop()
  // The message has the hint of each violation but the last, whose hint becomes the hint of the fault.
  if (last !== undefined) return invalid([...checked.map(({ message, hint }) => `${message}. ${hint}`), last.message].join(' '), last.hint)
  if (options.shared === true && options.interval === undefined) {
    return invalid("'interval' is missing", 'A check that is `shared` has to have one: it is how often one instance of the fleet asks.')
  }
  let asked = 'constructor'
  try {
    const check = new Check(copyPlain(options))
    asked = '`identifier`, `critical` or `timeout`'
    const { identifier = check.identifier, critical = check.critical, timeout = check.timeout } = options
    const [said] = violations(classRules, { identifier, critical, timeout, check: check.check })
    if (said !== undefined) return invalid(said.message, said.hint)
    return { ...parsed, options, Check, question: questionKey(Check, options), identifier, critical, timeout }
  } catch (error) {
    return invalid(`its ${asked} threw ${reason(error, secretsOf(options))}`, 'Correct its options or its class.')
  }
}

/** Finds a static member of a class that has a wrong type. */
function staticFault ({ rules, scope }: CheckClass): Pick<Fault, 'message' | 'hint'> | undefined {
  const [misplaced] = violations(staticRules, { rules, scope })
  if (misplaced !== undefined) return { message: `its static ${misplaced.message}`, hint: misplaced.hint }
  for (const [name, rule] of Object.entries<Partial<OptionRule> | null>(rules ?? {})) {
    if (!func().test(rule?.test)) {
      return {
        message: `its \`static rules\` have no \`test\` for '${name}'`,
        hint: 'A rule is { expected, test }, and its `test` a function of the value.',
      }
    }
  }
}

const staticRules: OptionRules = {
  rules: rule('an object of rules, by the name of the option', isRecord),
  scope: oneOf(['local', 'shared', 'workers']),
}

function questionKey (Check: CheckClass, options: object): string {
  const own = Object.fromEntries(Object.entries(options).filter(([name]) => !Object.hasOwn(entryRules, name)))
  return `${idOf(Check)} ${keyOf(own)}`
}

/** Loads the class that a specifier names. It returns the fault E004 if that fails. */
export async function loadCheck (specifier: string, baseDir: string): Promise<CheckClass | Fault> {
  const [module, name = 'default'] = splitSpecifier(specifier)
  const fault = (message: string, hint: string): Fault => ({ id: 'E004', message: `${specifierLabel(specifier)} ${message}`, hint })
  const builtIn = Object.hasOwn(builtInChecks, module) ? builtInChecks[module] : undefined
  if (builtIn === undefined && module.startsWith('fastify-health/')) {
    return fault('is none of the built-in checks', suggestion(module, Object.keys(builtInChecks)))
  }
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
  return fault(
    what,
    checks.length === 0 ? `It exports no HealthCheck at all, but: ${Object.keys(exported).join(', ')}.` : suggestion(name, checks)
  )
}

function splitSpecifier (specifier: string): [module: string, name?: string] {
  // A specifier that begins with # is an entry of `imports` in package.json.
  const end = specifier.indexOf('#', 1)
  return end === -1 ? [specifier] : [specifier.slice(0, end), specifier.slice(end + 1)]
}

async function locate (module: string, baseDir: string): Promise<string> {
  if (isRelative(module) || isAbsolute(module)) return pathToFileURL(resolve(baseDir, module)).href
  if (module.startsWith('file:')) return module
  // An import() would search from this package, not from the app.
  const { resolve: resolveModule } = await import('import-meta-resolve')
  return resolveModule(module, pathToFileURL(resolve(baseDir, 'entry.js')).href)
}

// A module that exists was understood. The error code does not say so, since a missing import of the module has the same code.
function isUnderstood (url: string | undefined, error: unknown): boolean {
  return !isUnknownExtension(error) && url?.startsWith('file:') === true && isFile(url)
}

function isFile (url: string): boolean {
  try {
    return statSync(fileURLToPath(url)).isFile()
  } catch {
    return false
  }
}

function isUnknownExtension (error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'ERR_UNKNOWN_FILE_EXTENSION'
}

function howToLoad (module: string, url: string | undefined, error: unknown): string {
  if (isUnknownExtension(error)) return `This Node.js cannot load ${module} as it is: compile it, or run with a loader such as tsx.`
  const kind = url === undefined ? 'package' : isRelative(module) ? 'relative module' : undefined
  return kind === undefined
    ? howToWrite
    : `A ${kind} is looked up from \`baseDir\`, which is the working directory unless the options say otherwise.`
}

function isRelative (module: string): boolean {
  return /^\.\.?\//.test(module)
}

// Somebody may have written the URL of a service here by mistake, and it may hold a password.
function specifierLabel (specifier: string): string {
  return named(specifier.startsWith('file:') ? specifier : redactBriefly(specifier))
}
