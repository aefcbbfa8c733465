import { isPlain } from './plain-data.js'

interface Part {
  readonly object: Record<string, unknown> | unknown[]
  /** The names of its members, in their order. An array has none. */
  readonly names: readonly string[]
  readonly values: readonly unknown[]
}

/** The plain objects and arrays that a value consists of, with what each of them held. */
export type Snapshot = readonly Part[]

/** Records a value, so that later changes in place can be noticed. It returns `undefined` if a part of the value cannot be read. */
export function snapshotOf (value: unknown): Snapshot | undefined {
  const found = new Map<unknown, Part>()
  const parts = [value]
  try {
    // Parts that are added during the loop are visited, too.
    for (const part of parts) {
      if (!isPlain(part) || found.has(part)) continue
      const names = Array.isArray(part) ? [] : Object.keys(part)
      const values = Array.isArray(part) ? [...part] : names.map(name => part[name])
      found.set(part, { object: part, names, values })
      for (const value of values) parts.push(value)
    }
    return [...found.values()]
  } catch {
    return undefined
  }
}

/** Returns whether nothing of a recorded value was changed in place, and it is the same object still. */
export function isUnchanged (value: unknown, snapshot: Snapshot): boolean {
  try {
    return snapshot[0]?.object === value && snapshot.every(isAsRecorded)
  } catch {
    // A member is a getter that throws by now.
    return false
  }
}

function isAsRecorded ({ object, names, values }: Part): boolean {
  if (Array.isArray(object)) return object.length === values.length && values.every((value, index) => Object.is(value, object[index]))
  const now = Object.keys(object)
  return now.length === names.length && names.every((name, index) => name === now[index] && Object.is(values[index], object[name]))
}
