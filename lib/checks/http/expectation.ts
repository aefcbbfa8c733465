import type { IncomingHttpHeaders } from 'node:http'
import { inspect } from 'node:util'
import { isPattern } from '../../values/rules.js'

export type StatusExpectation = number | readonly number[] | { readonly from: number, readonly to: number }

/** An expected answer. A part that is left out may be anything, except the status. */
export interface HttpExpectation {
  /**
   * A status, a list of them, or a range that includes both ends.
   *
   * @default { from: 200, to: 299 }
   */
  status?: StatusExpectation
  /** For each name of a header, a text that its value must contain, or a pattern that it must match. */
  headers?: Readonly<Record<string, string | RegExp>>
  /** A text that the body must contain, or a pattern that it must match. The body is read as UTF-8. */
  body?: string | RegExp
  /**
   * The expected JSON of the body. An object must have the keys that are named here, with values as expected. An array must have the same
   * number of items, each as expected. Any other value must be equal.
   */
  json?: unknown
}

const compressions = ['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'compress']

const tests: Readonly<Record<keyof HttpExpectation, (value: unknown) => boolean>> = {
  status: value => isStatus(value) || (Array.isArray(value) ? value.length > 0 && value.every(isStatus) : isRange(value)),
  headers: value => isJSONObject(value) && Object.values(value).every(isPattern),
  body: isPattern,
  json: () => true,
}

export function isExpectation (value: unknown): value is HttpExpectation {
  return isJSONObject(value) && Object.entries(value).every(([name, expected]) =>
    Object.hasOwn(tests, name) && (expected === undefined || tests[name as keyof HttpExpectation](expected)))
}

export function needsBody ({ body, json }: HttpExpectation): boolean {
  return body !== undefined || json !== undefined
}

/** Returns what is wrong with a status, or `undefined`. */
export function statusMismatch ({ status = { from: 200, to: 299 } }: HttpExpectation, answered: number): string | undefined {
  const fits = typeof status === 'number'
    ? status === answered
    : 'from' in status ? status.from <= answered && answered <= status.to : status.includes(answered)
  return fits ? undefined : `answered ${answered}`
}

/** Returns what is wrong with the headers, or `undefined`. */
export function headersMismatch ({ headers = {} }: HttpExpectation, answered: IncomingHttpHeaders): string | undefined {
  for (const [name, expected] of Object.entries(headers)) {
    const key = name.toLowerCase()
    if (!Object.hasOwn(answered, key)) return `the header '${name}' is missing`
    if (!matchesText(String(answered[key]), expected)) return `the header '${name}' ${doesNot(expected)}`
  }
}

/** Returns what is wrong with the encoding of a body, or `undefined`. Some servers ignore the encoding that the request asks for. */
export function encodingMismatch ({ 'content-encoding': encoding = 'identity' }: IncomingHttpHeaders): string | undefined {
  const name = encoding.trim().toLowerCase()
  if (name === 'identity') return undefined
  return `the body is encoded${compressions.includes(name) ? ` as ${name}` : ''}: expect only a status and headers of it`
}

/** Returns what is wrong with a body, or `undefined`. `complete` says that `bytes` are the whole body. */
export function bodyMismatch (
  { body, json }: HttpExpectation,
  { bytes, complete }: { bytes: Buffer, complete: boolean },
  maxBytes: number
): string | undefined {
  // The decoder removes the byte order mark with which some servers begin.
  const text = new TextDecoder().decode(bytes)
  if (body !== undefined && !matchesText(text, body)) return `the body ${doesNot(body)}${complete ? '' : ` in its first ${maxBytes} bytes`}`
  if (json === undefined) return undefined
  if (!complete) return `the body is longer than ${maxBytes} bytes`
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return 'the body is not JSON'
  }
  return jsonMismatch(json, parsed, [])
}

function jsonMismatch (expected: unknown, actual: unknown, path: ReadonlyArray<string | number>): string | undefined {
  const where = path.length === 0 ? 'the JSON' : `'${path.join('.')}' of the JSON`
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return `${where} is not a list of ${expected.length}`
    return first(expected.entries(), (index, item) => jsonMismatch(item, actual[index], [...path, index]))
  }
  if (isJSONObject(expected)) {
    if (!isJSONObject(actual)) return `${where} is not an object`
    return first(Object.entries(expected), (key, value) => Object.hasOwn(actual, key)
      ? jsonMismatch(value, actual[key], [...path, key])
      : `'${[...path, key].join('.')}' of the JSON is missing`)
  }
  return expected === actual ? undefined : `${where} is not ${expectationInShort(expected)}`
}

function first<Key> (entries: Iterable<[Key, unknown]>, mismatch: (key: Key, value: unknown) => string | undefined): string | undefined {
  for (const [key, value] of entries) {
    const found = mismatch(key, value)
    if (found !== undefined) return found
  }
}

// `search` is used, since `test` of a global pattern continues where it last stopped.
function matchesText (text: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? text.includes(expected) : text.search(expected) !== -1
}

function doesNot (expected: string | RegExp): string {
  return `does not ${typeof expected === 'string' ? 'contain' : 'match'} ${expectationInShort(expected)}`
}

// The text is shortened. An expectation with a URL is not shown, since the URL may hold a secret.
function expectationInShort (expected: unknown): string {
  const text = inspect(expected)
  if (text.includes('://') || text.includes(':\\/\\/')) return 'what is expected'
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function isStatus (value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 200 && (value as number) <= 599
}

function isRange (value: unknown): boolean {
  return isJSONObject(value) && Object.keys(value).length === 2 && isStatus(value['from']) && isStatus(value['to']) &&
    value['from'] <= value['to']
}

function isJSONObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof RegExp)
}
