import createError from '@fastify/error'
import type { FailureKind } from '../types/report.js'

// All copies of the package in one process share this symbol, so that an error of another copy still counts.
const errorBrand = Symbol.for('fastify-health.error')

/** The base of all errors of checks, with the kind "unknown error". Clients that may see details see its text. */
export class HealthCheckError extends Error {
  readonly kind: FailureKind = 'unknown error'

  constructor (message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }

  get [errorBrand] (): true { return true }
}

/** A warning. It fails the subset unless `warningsAsErrors` is `false`. */
export class ServiceWarning extends HealthCheckError {
  override readonly kind = 'warning'
}

/** The dependency cannot be reached, or refuses to answer. */
export class ServiceUnavailable extends HealthCheckError {
  override readonly kind = 'unavailable'
}

/** The dependency gave an unexpected answer. */
export class ServiceReturnedUnexpectedResult extends HealthCheckError {
  override readonly kind = 'unexpected result'
}

export function isHealthCheckError (error: unknown): error is HealthCheckError {
  return error instanceof Error && errorBrand in error
}

/** Makes the error of a run whose requirements are missing. Boot reports them too, but a subset may change later. */
export function lacking (missing: ReadonlyArray<{ readonly message: string }>): HealthCheckError {
  return new HealthCheckError(missing.map(({ message }) => `E007 ${message}`).join('; '))
}

/** An error with a code, like the errors of Fastify. */
export interface CodedError extends Error {
  readonly code: string
  readonly statusCode?: number
}

/** The class of a coded error. The values are inserted into its message, but for a `cause`. */
export interface CodedErrorClass {
  new (...values: Array<string | number | { readonly cause: unknown }>): CodedError
  readonly prototype: CodedError
}

// The types stand here, so that users of the package need no types of @fastify/error. As in Fastify, the key equals the code, and the
// caller gives the values for %s.
export const FST_HEALTH_INVALID_CONFIGURATION: CodedErrorClass = createError('FST_HEALTH_INVALID_CONFIGURATION', '%s')
export const FST_HEALTH_INVALID_CHECK: CodedErrorClass = createError('FST_HEALTH_INVALID_CHECK', 'defineCheck: %s', 500, TypeError)
export const FST_HEALTH_INVALID_OBSERVATION: CodedErrorClass = createError(
  'FST_HEALTH_INVALID_OBSERVATION',
  'observe(name, value, unit): %s is %s. It must be %s.',
  500,
  TypeError
)
export const FST_HEALTH_INVALID_MUTE: CodedErrorClass = createError(
  'FST_HEALTH_INVALID_MUTE',
  'mute: %s is %s. It must be %s.',
  500,
  TypeError
)
export const FST_HEALTH_UNKNOWN_CHECK: CodedErrorClass = createError('FST_HEALTH_UNKNOWN_CHECK', "Subset '%s' has no check '%s'. %s", 404)
export const FST_HEALTH_ADDRESS_IN_USE: CodedErrorClass = createError(
  'FST_HEALTH_ADDRESS_IN_USE',
  'The probes cannot listen at %s: something else listens there. Choose another one in `listen`, or stop the other process.'
)
export const FST_HEALTH_CANNOT_LISTEN: CodedErrorClass = createError(
  'FST_HEALTH_CANNOT_LISTEN',
  'The probes cannot listen at %s: %s. Choose another address in `listen`.'
)
export const FST_HEALTH_NO_LISTENER: CodedErrorClass = createError(
  'FST_HEALTH_NO_LISTENER',
  'This registry cannot listen: make it with createHealth of fastify-health.'
)
export const FST_HEALTH_NO_FLEET: CodedErrorClass = createError(
  'FST_HEALTH_NO_FLEET',
  "There is no fleet here: name it in the setting `fleet`, such as { name: 'shop', url: 'redis://…' }."
)
export const FST_HEALTH_FLEET_UNAVAILABLE: CodedErrorClass = createError(
  'FST_HEALTH_FLEET_UNAVAILABLE',
  'The fleet cannot be asked: %s.',
  503
)
export const FST_HEALTH_UNKNOWN_SUBSET: CodedErrorClass = createError('FST_HEALTH_UNKNOWN_SUBSET', "Subset: '%s' does not exist.", 404)
export const FST_HEALTH_NOT_ACCEPTABLE: CodedErrorClass = createError(
  'FST_HEALTH_NOT_ACCEPTABLE',
  'Not Acceptable: Supported content types: %s',
  406
)
export const FST_HEALTH_INVALID_RESPONSE: CodedErrorClass = createError(
  'FST_HEALTH_INVALID_RESPONSE',
  'The response does not match its schema: %s',
  500
)
export const FST_HEALTH_ALREADY_REGISTERED: CodedErrorClass = createError(
  'FST_HEALTH_ALREADY_REGISTERED',
  'There is an app.health here already. Where it is of fastify-health, list every subset in one registration, or add one with ' +
  'app.health.add(subset, ...entries); else name the other decorator otherwise.'
)
export const FST_HEALTH_INVALID_DURATION: CodedErrorClass = createError('FST_HEALTH_INVALID_DURATION', '%s must be %s; it is %s.')
export const FST_HEALTH_NO_APP: CodedErrorClass = createError(
  'FST_HEALTH_NO_APP',
  'This check asks for `app`, and there is no Fastify instance here: give it a connection of its own (`url` or `connectionString`), or ' +
  'run it with --app or a `setup(app)`.'
)
export const FST_HEALTH_TIMEOUT: CodedErrorClass = createError('FST_HEALTH_TIMEOUT', 'timed out after %s ms')
export const FST_HEALTH_CLOSED: CodedErrorClass = createError('FST_HEALTH_CLOSED', 'The health registry is closed.')
export const FST_HEALTH_USAGE: CodedErrorClass = createError('FST_HEALTH_USAGE', '%s')

/** Every coded error of the package, by its code: `error instanceof errorCodes.FST_HEALTH_ADDRESS_IN_USE`. */
export const errorCodes = {
  FST_HEALTH_INVALID_CONFIGURATION,
  FST_HEALTH_INVALID_CHECK,
  FST_HEALTH_INVALID_OBSERVATION,
  FST_HEALTH_INVALID_MUTE,
  FST_HEALTH_UNKNOWN_CHECK,
  FST_HEALTH_ADDRESS_IN_USE,
  FST_HEALTH_CANNOT_LISTEN,
  FST_HEALTH_NO_LISTENER,
  FST_HEALTH_NO_FLEET,
  FST_HEALTH_FLEET_UNAVAILABLE,
  FST_HEALTH_UNKNOWN_SUBSET,
  FST_HEALTH_NOT_ACCEPTABLE,
  FST_HEALTH_INVALID_RESPONSE,
  FST_HEALTH_ALREADY_REGISTERED,
  FST_HEALTH_INVALID_DURATION,
  FST_HEALTH_NO_APP,
  FST_HEALTH_TIMEOUT,
  FST_HEALTH_CLOSED,
  FST_HEALTH_USAGE,
} as const
