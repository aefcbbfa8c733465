import { FST_HEALTH_INVALID_CHECK, HealthCheckError } from './errors.js'
import { entryRules } from './values/entry-rules.js'
import { func, oneOf, rule, text, violations } from './values/rules.js'
import type { Check, CheckClass, CheckContext, EntryOptions, OptionRules, Requirement, RequirementsContext, Scope } from '../types/check.js'

// Shared by every copy of the package in one process, so that a check built against another copy still counts.
const brand = Symbol.for('fastify-health.check')

/**
 * One question to one dependency. A fresh instance is made for every run, with a copy of the entry's options.
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
  /** What its options must be: a violation is E008. Without it, any option is taken. */
  static readonly rules: OptionRules | undefined = undefined
  /** Whom it asks; W002 and W003 are about this. */
  static readonly scope: Scope | undefined = undefined

  readonly options: Options & EntryOptions
  /** What it found wrong in this run. */
  readonly errors: Error[] = []
  /** Whether its failure fails the subset. */
  critical = true
  /** Milliseconds it may take, where the entry does not say; default: the settings' `timeout`. */
  timeout: number | undefined = undefined

  constructor (options: Options & EntryOptions) {
    this.options = options
  }

  /** The name its result is keyed by. */
  get identifier (): string {
    return this.constructor.name
  }

  get [brand] (): true { return true }

  /** Fails by throwing, or by any number of `addError`. */
  abstract check (context: CheckContext): unknown

  /** What is missing for it to run at all (E007): a decorator, a driver. */
  requirements (_context: RequirementsContext): Requirement[] | Promise<Requirement[]> {
    return []
  }

  /** Records a failure and goes on; a string counts as a `HealthCheckError` of that text. The cause is logged, and shown to nobody. */
  addError (error: Error | string, cause?: unknown): void {
    if (typeof error === 'string') this.errors.push(new HealthCheckError(error, cause === undefined ? {} : { cause }))
    else this.errors.push(error)
  }
}

export function isCheckClass (value: unknown): value is CheckClass {
  return typeof value === 'function' && value.prototype instanceof Object && brand in value.prototype
}

/** What `defineCheck` takes: the options of an entry, and what a class declares. Durations are milliseconds. */
export interface CheckDefinition extends EntryOptions {
  /** The name its result is keyed by. */
  identifier: string
  /** What the options of its entries must be: a violation is E008. Default: it takes none. */
  rules?: OptionRules
  /** Whom it asks; W002 and W003 are about this. */
  scope?: Scope
  /** What is missing for it to run at all (E007): a decorator, a driver. */
  requirements?: (context: RequirementsContext) => Requirement[] | Promise<Requirement[]>
  /** Throw to fail, or `this.addError` any number of times; `this` is what a subclass's would be. */
  check (this: HealthCheck, context: CheckContext): unknown
}

const definitionRules: OptionRules = {
  ...entryRules,
  identifier: text({ required: true }),
  rules: rule('an object of rules, by the name of the option', value => typeof value === 'object' && value !== null && !Array.isArray(value)),
  scope: oneOf(['local', 'shared', 'workers']),
  requirements: func(),
  check: func({ required: true }),
}

/**
 * A check without a class. What it returns is an entry, and may stand in `[entry, options]`, too.
 *
 * @throws FST_HEALTH_INVALID_CHECK, a TypeError, where a key is unknown or its value does not fit.
 */
export function defineCheck (definition: CheckDefinition): CheckClass<Record<never, never>> {
  const found = violations(definitionRules, { ...definition })
  if (found.length > 0) throw new FST_HEALTH_INVALID_CHECK(found.map(({ message, hint }) => `${message}. ${hint}`).join(' '))
  const { identifier, critical = true, timeout, rules = {}, scope, requirements, check, ...entryOptions } = definition
  return class extends HealthCheck {
    // What system checks call it.
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
