import type { FastifyBaseLogger } from 'fastify'
import { lineLogger } from '../../lib/engine/logger.js'

export interface RecordedLog {
  readonly log: FastifyBaseLogger
  /** Every line so far. */
  readonly lines: Array<Record<string, any>>
  /** The messages of those lines. */
  messages (): string[]
}

/** A logger of every level that remembers what it was given. */
export function recordedLog (): RecordedLog {
  const lines: Array<Record<string, any>> = []
  return {
    log: lineLogger(line => { lines.push(JSON.parse(line)) }, 'trace'),
    lines,
    messages: () => lines.map(({ msg }) => msg),
  }
}
