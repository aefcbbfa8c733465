import { closest, distance } from 'fastest-levenshtein'

/** The name among `known` that `name` was most likely meant to be, if any is near enough. */
export function nearest (name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const candidate = closest(name, known)
  return distance(name.toLowerCase(), candidate.toLowerCase()) <= Math.max(2, Math.floor(candidate.length / 4)) ? candidate : undefined
}
