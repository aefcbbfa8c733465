import { FST_HEALTH_INVALID_CHECK, HealthCheckError } from './errors.js'
import { entryRules } from './values/entry-rules.js'
import { isRecord } from './values/plain-data.js'
import { func, oneOf, rule, text, violations } from './values/rules.js'
import { brief, shown } from './values/shown.js'
import type {
  Check, CheckClass, CheckContext, EntryOptions, OptionRules, Requirement, RequirementsContext, Scope, RulesOf,
} from '../types/check.js'

// All copies of the package in one process share this symbol, so that a check of another copy still counts.
const checkBrand = Symbol.for('fastify-health.check')

/**
 * A check asks one dependency one question. Each run makes a new instance, with a copy of the entry's options.
 *
 * @example
 * class PaymentsCheck extends HealthCheck<{ url: string }> {
 *   override get identifier () { return 'Payments API' }
 *   override async check ({ signal }: CheckContext) {
 *     const response = await fetch(this.options.url, { signal })
 *     if (!response.ok) throw new ServiceUnavailable(`answered ${response.status}`)
 *   }
 * }
 */
export abstract class HealthCheck<Options extends object = Record<never, never>> implements Check<Options> {
  /** The rules of its options. A violation is E008. Without rules, the check accepts any option. */
  static readonly rules: OptionRules | undefined = undefined
  /** The scope of the dependency. The warnings W002 and W003 depend on it. */
  static readonly scope: Scope | undefined = undefined

  readonly options: Options & EntryOptions
  /** The failures that this run has recorded. */
  readonly errors: Error[] = []
  /** `true` says that a failure of the check fails the subset. */
  critical = true
  /** The milliseconds that a run may take, unless the entry has a `timeout`. `undefined` stands for the setting `timeout`. */
  timeout: number | undefined = undefined

  constructor (options: Options & EntryOptions) {
    this.options = options
  }

  /** The name of the result, unless the entry has an `identifier`. */
  get identifier (): string {
    return this.constructor.name
  }

  get [checkBrand] (): true { return true }

  /** Asks the dependency. The check fails if this throws, rejects, resolves to `false`, or calls `addError`. */
  abstract check (context: CheckContext): unknown

  /** Lists what is missing for the check to run (E007), such as a decorator or a driver. */
  requirements (_context: RequirementsContext): Requirement[] | Promise<Requirement[]> {
    return []
  }

  /** Records a failure. A string counts as a `HealthCheckError` of that text. The cause is logged, and never shown. */
  addError (error: Error | string, cause?: unknown): void {
    if (typeof error === 'string') this.errors.push(new HealthCheckError(error, cause === undefined ? {} : { cause }))
    else this.errors.push(error)
  }
}

export function isCheckClass (value: unknown): value is CheckClass {
  try {
    return typeof value === 'function' && value.prototype instanceof Object && checkBrand in value.prototype
  } catch {
    // The value is a revoked proxy, or a proxy that throws.
    return false
  }
}

/** The definition of a check: the options of an entry, and the members of a class. Durations are milliseconds. */
export interface CheckDefinition extends EntryOptions {
  /** The name of the result, unless the entry has an `identifier`. */
  identifier: string
  /**
   * The rules of the options of its entries. A violation is E008.
   *
   * @default {} (no options)
   */
  rules?: OptionRules
  /** The scope of the dependency. The warnings W002 and W003 depend on it. */
  scope?: Scope
  /** Lists what is missing for the check to run (E007), such as a decorator or a driver. */
  requirements?: (context: RequirementsContext) => Requirement[] | Promise<Requirement[]>
  /** Asks the dependency. It fails by throwing or by `this.addError`. `this` is the instance, as in a subclass. */
  check (this: HealthCheck, context: CheckContext): unknown
}

const definitionRules = {
  ...entryRules,
  identifier: text({ required: true }),
  rules: rule('an object of rules, by the name of the option', isRecord),
  scope: oneOf(['local', 'shared', 'workers']),
  requirements: func(),
  check: func({ required: true }),
} satisfies RulesOf<CheckDefinition>

/**
 * Makes a check from a function. The returned class is an entry, and can be used in `[entry, options]` as well.
 *
 * @throws FST_HEALTH_INVALID_CHECK, a TypeError, if a key is unknown or its value is invalid.
 */
export function defineCheck (definition: CheckDefinition): CheckClass<Record<never, never>> {
  const given: unknown = definition
  if (!isRecord(given)) {
    throw new FST_HEALTH_INVALID_CHECK(`the definition is ${shown(given)}. It must be an object of \`identifier\`, \`check\` and options.`)
  }
  const found = violations(definitionRules, given)
  if (found.length > 0) throw new FST_HEALTH_INVALID_CHECK(brief(found.map(({ message, hint }) => `${message}. ${hint}`).join(' ')))
  const { identifier, critical = true, timeout, rules = {}, scope, requirements, check, ...entryOptions } = definition
  return class extends HealthCheck {
    // System checks use this name.
    static override readonly name: string = identifier
    static override readonly rules: OptionRules = rules
    static override readonly scope: Scope | undefined = scope
    static readonly entryOptions: EntryOptions = entryOptions
    override critical = critical
    override timeout = timeout
    override get identifier () { return identifier }
    override check (context: CheckContext) { return check.call(this, context) }
    override requirements (context: RequirementsContext) { return requirements?.(context) ?? [] }
  }
}
