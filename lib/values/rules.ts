import { nearest } from './nearest.js'
import { isReadable } from './plain-data.js'
import { secretName, secretsOf } from './secrets.js'
import { named, reason, shown } from './shown.js'
import type { OptionRule, OptionRules } from '../../types/check.js'

type RuleOptions = Pick<OptionRule, 'required' | 'secret'>

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value)

/** Makes a rule from a test and the description of a valid value. */
export function rule (expected: string, test: OptionRule['test'], options: RuleOptions = {}): OptionRule {
  return { expected, test, ...options }
}

export function text (options?: RuleOptions): OptionRule {
  return rule('a non-empty string', value => typeof value === 'string' && value !== '', options)
}

/** A string for the system or a database, which accept no NUL byte. */
export function withoutNul (expected: string, options?: RuleOptions): OptionRule {
  return rule(expected, value => typeof value === 'string' && value !== '' && !value.includes('\0'), options)
}

export function flag (options?: RuleOptions): OptionRule {
  return rule('true or false', value => typeof value === 'boolean', options)
}

export function numeric (expected: string, min: number, max: number, options?: RuleOptions): OptionRule {
  return rule(expected, value => typeof value === 'number' && value >= min && value <= max, options)
}

/** The timers of Node.js take at most 2^31-1 ms. */
export const longestTimer = 2 ** 31 - 1

export function milliseconds (min = 0, options?: RuleOptions): OptionRule {
  return rule(`a whole number of milliseconds, ${min} or more`, value => isWhole(value) && value >= min && value <= longestTimer, options)
}

export function port (options?: RuleOptions): OptionRule {
  return rule('a port, 1 to 65535', value => isWhole(value) && value >= 1 && value <= 65_535, options)
}

export function oneOf (values: readonly string[], options?: RuleOptions): OptionRule {
  return rule(`one of ${values.map(value => `'${value}'`).join(', ')}`, value => values.includes(value as string), options)
}

export function texts (options?: RuleOptions): OptionRule {
  return rule(
    'a list of non-empty strings',
    value => Array.isArray(value) && value.every(item => typeof item === 'string' && item !== ''),
    options
  )
}

/** Returns whether a value can say what a text must contain or match. */
export function isPattern (value: unknown): value is string | RegExp {
  return (typeof value === 'string' && value !== '') || value instanceof RegExp
}

export function func (options?: RuleOptions): OptionRule {
  return rule('a function', value => typeof value === 'function', options)
}

/** A URL with one of the schemes, which are given without a colon. It is secret, since it may hold a password. */
export function url (schemes: readonly string[], options: RuleOptions = {}): OptionRule {
  const expected = `a URL that starts with ${schemes.map(scheme => `${scheme}://`).join(' or ')}`
  return rule(expected, value => {
    if (typeof value !== 'string' || !URL.canParse(value)) return false
    return schemes.includes(new URL(value).protocol.slice(0, -1))
  }, { secret: true, ...options })
}

/** A URL that drivers can decode. Some drivers throw at each run if they cannot decode it, and others take a bare % literally. */
export function decodableUrl (schemes: readonly string[], options?: RuleOptions): OptionRule {
  const { expected, test, ...rest } = url(schemes, options)
  return rule(
    `${expected}, in which a % that begins no escape is written %25`,
    value => test(value) && isDecodable(new URL(value as string)),
    rest
  )
}

function isDecodable ({ username, password, hostname, pathname }: URL): boolean {
  try {
    decodeURIComponent([username, password, hostname, pathname].join('/'))
    return true
  } catch {
    return false
  }
}

const database = /^\d{1,9}$/

/** The URL of a Redis. Its path or `?db=` is the number of a database. Drivers read anything else as 0 or NaN. */
export function redisUrl (options?: RuleOptions): OptionRule {
  const { expected, test, ...rest } = decodableUrl(['redis', 'rediss'], options)
  return rule(`${expected}, and whose path is empty or the number of a database`, value => {
    if (!test(value)) return false
    const { pathname, searchParams } = new URL(value as string)
    return (pathname.length < 2 || database.test(pathname.slice(1))) && searchParams.getAll('db').every(number => database.test(number))
  }, rest)
}

export interface Violation {
  readonly option: string
  readonly message: string
  readonly hint: string
}

/**
 * Lists every violation of `rules` in `values`. An unknown option is a violation too. `within` is put before the names if they belong to an
 * option that is an object.
 */
export function violations (rules: OptionRules, values: Readonly<Record<string, unknown>>, within = ''): Violation[] {
  if (!isReadable(values)) {
    return [{
      option: within.slice(0, -1),
      message: `${within === '' ? 'the options' : `'${within.slice(0, -1)}'`} cannot be read`,
      hint: 'Give a plain object.',
    }]
  }
  const found: Violation[] = []
  const known = Object.keys(rules)
  let isListed = false
  for (const name of Object.keys(values)) {
    const option = `${within}${name}`
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    try {
      const value = values[name]
      if (value === undefined || rule?.test(value)) continue
      if (rule === undefined) {
        const isFar = nearest(name, known) === undefined
        found.push({
          option,
          message: `there is no option '${named(option)}'`,
          hint: isFar && isListed ? 'It is none of those, either.' : suggestion(name, known),
        })
        isListed ||= isFar
      } else {
        found.push({
          option,
          message: `'${option}' is ${shown(value, rule.secret || secretName.test(name))}`,
          hint: `It must be ${rule.expected}.`,
        })
      }
    } catch (error) {
      // A getter, a proxy or the `test` of a rule threw.
      const hint = rule === undefined
        ? 'Give a value, not a getter that throws.'
        : `It must be ${rule.expected}. If it is, correct the rule: its \`test\` returns true or false for any value.`
      found.push({ option, message: `looking at '${named(option)}' threw ${reason(error, secretsOf(values))}`, hint })
    }
  }
  for (const [name, rule] of Object.entries(rules)) {
    const option = `${within}${name}`
    if (rule.required && isMissing(values, name)) {
      found.push({ option, message: `'${option}' is missing`, hint: `It must be ${rule.expected}.` })
    }
  }
  return found
}

function isMissing (values: Readonly<Record<string, unknown>>, name: string): boolean {
  try {
    return values[name] === undefined
  } catch {
    // The option was found to be one that throws.
    return !Object.hasOwn(values, name)
  }
}

/** Makes the hint for an unknown name. It suggests the most similar known name, or lists all. */
export function suggestion (name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  if (near !== undefined) return `Did you mean '${near}'?`
  return known.length === 0 ? 'It takes none.' : `There is: ${known.map(item => `'${item}'`).join(', ')}.`
}

/** A client of the app: the name of a decorator, a function of the app, or a value that `fits`. */
export function ofApp (takes: string, fits: (value: unknown) => boolean): OptionRule {
  return rule(`the name of a decorator, a function of the app, or ${takes}`,
    value => (typeof value === 'string' && value !== '') || typeof value === 'function' || fits(value), { secret: true })
}
