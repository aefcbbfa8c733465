import { inspect } from 'node:util'

const ids = new WeakMap<WeakKey, number>()
let lastId = 0

/** A number of its own for anything passed by reference. */
export function idOf (reference: WeakKey): number {
  let id = ids.get(reference)
  if (id === undefined) ids.set(reference, id = ++lastId)
  return id
}

/** Whether it is an object or array of data, which is copied; anything else passes by reference. */
export function isPlain (value: unknown): value is Record<string, unknown> | unknown[] {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return true
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** A deep copy of plain objects and arrays, cycles included; functions, instances and clients pass by reference. */
export function copyPlain<T> (value: T, copies?: Map<unknown, unknown>): T {
  if (!isPlain(value)) return value
  const earlier = copies?.get(value)
  if (earlier !== undefined) return earlier as T
  const copy: any = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value))
  const entries = Object.entries(value)
  // Most checks have no options, and nothing in them leads back to them.
  if (entries.length === 0) return copy
  copies ??= new Map()
  copies.set(value, copy)
  for (const [key, item] of entries) {
    Object.defineProperty(copy, key, { value: copyPlain(item, copies), writable: true, enumerable: true, configurable: true })
  }
  return copy
}

function isReference (value: unknown): value is WeakKey {
  if (typeof value === 'symbol') return Symbol.keyFor(value) === undefined
  return typeof value === 'function' || (typeof value === 'object' && value !== null && !isPlain(value))
}

/** A text that is the same for two values if, and only if, a check could not tell them apart. */
export function keyOf (value: unknown, open: unknown[] = []): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (isReference(value)) return `#${idOf(value)}`
  if (!isPlain(value)) return inspect(value)
  const depth = open.indexOf(value)
  if (depth !== -1) return `^${depth}`
  const inner = [...open, value]
  if (Array.isArray(value)) return `[${value.map(item => keyOf(item, inner)).join()}]`
  return `{${Object.keys(value).sort().map(key => `${JSON.stringify(key)}:${keyOf(value[key], inner)}`).join()}}`
}
