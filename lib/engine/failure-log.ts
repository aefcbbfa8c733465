import type { FastifyBaseLogger } from 'fastify'
import type { ResolvedEntry } from '../config/entry.js'
import { redactBriefly, type Secrets } from '../values/redact.js'

/** How many different texts of a check are logged before it works again. */
const mostTexts = 10
/** How many causes and errors of an `AggregateError` are logged of one error. */
const mostCauses = 10

/** An error as it is logged. */
interface Described {
  type: string
  message: string
  code?: string
  stack?: string
  cause?: Described
  errors?: Described[]
}

/**
 * Logs why a check fails, once for each text until the check works again. A check that keeps failing would otherwise fill the log at
 * every probe.
 */
export class FailureLog {
  readonly #log: FastifyBaseLogger
  readonly #logged = new WeakMap<ResolvedEntry, Set<string>>()

  constructor (log: FastifyBaseLogger) {
    this.#log = log
  }

  /** Logs an error that the check did not mean to fail with, as an error. */
  unexpected (entry: ResolvedEntry, thrown: unknown, secrets: Secrets): void {
    this.#write('error', entry, thrown, text => redactBriefly(text, secrets), `health: ${entry.identifier} threw an unexpected error`)
  }

  /**
   * Logs the cause of a failure that is told in words, as a warning. Drivers quote users, databases and paths in their texts, of which the
   * options of the entry say nothing where the client is the app's.
   */
  cause (entry: ResolvedEntry, failure: string, cause: unknown, secrets: Secrets): void {
    this.#write('warn', entry, cause, text => redactBriefly(withoutQuotes(text), secrets), `health: ${entry.identifier} failed: ${failure}`)
  }

  /** Forgets what was logged, since the check works again. */
  recovered (entry: ResolvedEntry): void {
    this.#logged.delete(entry)
  }

  #write (level: 'error' | 'warn', entry: ResolvedEntry, thrown: unknown, clean: (text: string) => string, message: string): void {
    let left = mostCauses
    const err = describe(thrown, clean, () => left-- > 0)
    const logged = this.#logged.get(entry) ?? new Set()
    this.#logged.set(entry, logged)
    const text = `${level} ${err.type} ${withoutRandomParts(err.message)}`
    if (logged.has(text) || logged.size >= mostTexts) return
    logged.add(text)
    try {
      this.#log[level]({ err, check: entry.identifier }, message)
    } catch {
      // A log that cannot be written fails no check.
    }
  }
}

function withoutQuotes (text: string): string {
  return text.slice(0, 100_000).replace(/'[^'\n]*'|"[^"\n]*"/g, '[redacted]')
}

// Ports, ids, times of day and names of temporary files make no text of their own.
function withoutRandomParts (text: string): string {
  return text.replace(/'[^']*'|"[^"]*"|[^\s'"]*[/\\\d][^\s'"]*/g, '0')
}

/** The error and what caused it, as far as `isTaken` lets it. Nothing that is thrown can make it throw. */
function describe (thrown: unknown, clean: (text: string) => string, isTaken: () => boolean): Described {
  const read = (name: string): unknown => {
    try {
      return (thrown as Record<string, unknown>)[name]
    } catch {
      return undefined
    }
  }
  if (!isError(thrown)) return { type: typeof thrown, message: clean(textOf(thrown)) }
  const described: Described = { type: textOf(read('name')), message: clean(textOf(read('message'))) }
  const [stack, code, cause, errors] = ['stack', 'code', 'cause', 'errors'].map(read)
  if (stack !== undefined) described.stack = clean(textOf(stack))
  if (code !== undefined) described.code = clean(textOf(code))
  if (cause !== undefined && isTaken()) described.cause = describe(cause, clean, isTaken)
  if (Array.isArray(errors)) described.errors = errors.filter(isTaken).map(error => describe(error, clean, isTaken))
  return described
}

function isError (value: unknown): value is Error {
  try {
    return value instanceof Error
  } catch {
    // It is a proxy that was revoked, or that throws at everything.
    return false
  }
}

function textOf (value: unknown): string {
  try {
    return String(value)
  } catch {
    return 'something that has no text'
  }
}
