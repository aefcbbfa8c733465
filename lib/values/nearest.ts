import { closest, distance } from 'fastest-levenshtein'

/** Returns the known name that is most similar to `name`, or `undefined` if none is similar enough. */
export function nearest (name: string, known: readonly string[]): string | undefined {
  // A long name is similar to none, and comparing it would take long.
  if (known.length === 0 || name.length > 2 * Math.max(...known.map(({ length }) => length)) + 2) return undefined
  const candidate = closest(name, known)
  return distance(name.toLowerCase(), candidate.toLowerCase()) <= Math.max(2, Math.floor(candidate.length / 4)) ? candidate : undefined
}
