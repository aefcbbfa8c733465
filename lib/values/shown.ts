import { inspect } from 'node:util'
import { isList, isReadable } from './plain-data.js'
import { redactBriefly } from './redact.js'
import type { Secrets } from './secrets.js'

/** Removes line breaks and control characters, so that a printed text forges no line and no colour. */
export function oneLine (text: string): string {
  // A pattern that begins with \s* would take quadratic time for a text of many spaces.
  return text.replace(/[\s\p{Cc}]+/gu, space => /\p{Cc}/u.test(space) ? ' ' : space).trim()
}

/** A message and a hint have at most this many characters. */
const longestText = 1000

/** Makes one line of limited length. */
export function brief (text: string, longest = longestText): string {
  // The text is cut first, since it may have any length.
  const line = oneLine(text.slice(0, 2 * longest))
  return line.length > longest || text.length > 2 * longest ? `${line.slice(0, longest)}…` : line
}

const longestName = 100

/** Makes the name of an option, a subset or a check fit into a message. */
export function named (name: string): string {
  return brief(name, longestName)
}

/** Returns a number of things, such as `1 check` or `2 checks`. */
export function counted (count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Describes a value for an error. The text is short, and shows no value that may hold credentials. */
export function shown (value: unknown, secret = false): string {
  const type = value === null ? 'null' : typeof value
  if (secret || (typeof value === 'string' && value.includes('://'))) {
    return `a ${type} that does not fit (not shown: it may hold credentials)`
  }
  if (type === 'object' || type === 'function') {
    if (!isReadable(value)) return `${type === 'object' ? 'an' : 'a'} ${type} that cannot be read`
    return isList(value) ? 'an array' : type === 'object' ? 'an object' : 'a function'
  }
  const text = oneLine(inspect(value, { maxStringLength: longestShown + 1 }))
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text
}

const longestShown = 80

/** Returns the first line of the thrown error's message, without secrets. */
export function reason (thrown: unknown, secrets?: Secrets): string {
  return oneLine(redactBriefly(firstLine(thrown), secrets))
}

function firstLine (thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return shown(thrown)
    // Node.js gives an empty message if a connection failed at several addresses.
    if (thrown instanceof AggregateError && thrown.message === '') return firstLine(thrown.errors[0])
    return thrown.message.split('\n', 1)[0] as string
  } catch {
    return 'an error that cannot be read'
  }
}
