import { inspect } from 'node:util'

const ids = new WeakMap<WeakKey, number>()
let lastId = 0

/** Returns a number that is unique for each object, function or symbol. */
export function idOf (reference: WeakKey): number {
  let id = ids.get(reference)
  if (id === undefined) ids.set(reference, id = ++lastId)
  return id
}

/** Returns whether a value is an array. A revoked proxy is none. */
export function isList (value: unknown): value is unknown[] {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

/** Returns whether a value is a plain object or an array. Those are copied, and other objects are passed by reference. */
export function isPlain (value: unknown): value is Record<string, unknown> | unknown[] {
  if (typeof value !== 'object' || value === null) return false
  try {
    if (Array.isArray(value)) return true
    const prototype = Object.getPrototypeOf(value)
    return prototype === Object.prototype || prototype === null
  } catch {
    // The value is a revoked proxy, or a proxy that throws.
    return false
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !isList(value)

/** Returns whether the names of an object's members can be listed, which is not possible with a revoked proxy. */
export function isReadable (value: unknown): boolean {
  try {
    return Object.keys(value as object).length >= 0
  } catch {
    return false
  }
}

/**
 * Returns whether an object may hold options. An object that is not plain and has no members, such as a Map, a Date or a Promise, was given
 * by mistake.
 */
export function isOptions (value: unknown): value is Record<string, unknown> {
  return isRecord(value) && isReadable(value) && (isPlain(value) || Object.keys(value).length > 0)
}

/** Makes a deep copy of plain objects and arrays, even with cycles. Functions, instances and clients are passed by reference. */
export function copyPlain<T> (value: T, copies?: Map<unknown, unknown>): T {
  if (!isPlain(value)) return value
  const earlier = copies?.get(value)
  if (earlier !== undefined) return earlier as T
  const copy: any = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value))
  const entries = Object.entries(value)
  // Most checks have no options.
  if (entries.length === 0 && copies === undefined) return copy
  copies ??= new Map()
  copies.set(value, copy)
  for (const [key, item] of entries) {
    const value = copyPlain(item, copies)
    // An assignment to `__proto__` would set the prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { value, writable: true, enumerable: true, configurable: true })
    else copy[key] = value
  }
  return copy
}

function isReference (value: unknown): value is WeakKey {
  if (typeof value === 'symbol') return Symbol.keyFor(value) === undefined
  return typeof value === 'function' || (typeof value === 'object' && value !== null && !isPlain(value))
}

/** Returns a key that is the same for two values only if a check cannot distinguish them. */
export function keyOf (value: unknown, seen = new Map<unknown, number>()): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (isReference(value)) return `#${idOf(value)}`
  if (!isPlain(value)) return inspect(value)
  // An object that was written before is named by its number. Otherwise a cycle would have no end, and an object that many others hold
  // would be written once for each path to it.
  const earlier = seen.get(value)
  if (earlier !== undefined) return `^${earlier}`
  seen.set(value, seen.size)
  if (Array.isArray(value)) return `[${value.map(item => keyOf(item, seen)).join()}]`
  return `{${Object.keys(value).sort().map(key => `${JSON.stringify(key)}:${keyOf(value[key], seen)}`).join()}}`
}
