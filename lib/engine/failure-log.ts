import type { FastifyBaseLogger } from 'fastify'
import type { ResolvedEntry } from '../config/entry.js'
import { redactBriefly } from '../values/redact.js'
import type { Secrets } from '../values/secrets.js'

/** The log takes this many different texts of a check until the check works again. */
const mostTexts = 10
/** The log takes this many causes, and errors of an `AggregateError`, of one error. */
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
 * Logs the reason why a check fails, once for each text until the check works again. Otherwise a check that keeps failing would write to
 * the log at every probe.
 */
export class FailureLog {
  readonly #log: FastifyBaseLogger
  readonly #logged = new WeakMap<ResolvedEntry, Set<string>>()

  constructor (log: FastifyBaseLogger) {
    this.#log = log
  }

  /** Logs, as an error, an exception that is no `HealthCheckError`. */
  unexpected (entry: ResolvedEntry, thrown: unknown, secrets: Secrets): void {
    this.#write('error', entry, thrown, text => redactBriefly(text, secrets), `health: ${entry.identifier} threw an unexpected error`)
  }

  /**
   * Logs, as a warning, the cause of a failure. Quoted text is removed, since drivers quote users, databases and paths, and the options of
   * the entry do not name those if the client belongs to the app.
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
      // A check must not fail because the log cannot be written.
    }
  }
}

function withoutQuotes (text: string): string {
  return text.slice(0, 100_000).replace(/'[^'\n]*'|"[^"\n]*"/g, '[redacted]')
}

// Texts that differ only in ports, ids, times or names of temporary files count as the same.
function withoutRandomParts (text: string): string {
  return text.replace(/'[^']*'|"[^"]*"|[^\s'"]*[/\\\d][^\s'"]*/g, '0')
}

/** Describes an error and its causes, as long as `isTaken` agrees. It never throws, whatever was thrown. */
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
    // The value is a revoked proxy, or a proxy that throws at every access.
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
