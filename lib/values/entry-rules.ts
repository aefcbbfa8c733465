import { flag, milliseconds, rule, text } from './rules.js'
import type { EntryOptions, RulesOf } from '../../types/check.js'

/** The options that every entry may hold beside those of its check. */
export const entryRules = {
  identifier: text(),
  critical: flag(),
  enabled: flag(),
  timeout: milliseconds(1),
  cacheFor: milliseconds(),
  interval: milliseconds(1),
  maxStale: milliseconds(1),
  after: text(),
  maxFailures: rule('a whole number, 1 or more', value => Number.isSafeInteger(value) && (value as number) >= 1),
  maxTimeInError: milliseconds(1),
  shared: flag(),
} satisfies RulesOf<EntryOptions>
