import { closest, distance } from 'fastest-levenshtein'

/** Returns the known name that is most similar to `name`, or `undefined` if none is similar enough. */
export function nearest (name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const candidate = closest(name, known)
  return distance(name.toLowerCase(), candidate.toLowerCase()) <= Math.max(2, Math.floor(candidate.length / 4)) ? candidate : undefined
}
