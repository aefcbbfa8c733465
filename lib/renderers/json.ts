import type { Renderer } from '../../types/renderer.js'
import type { Result } from '../../types/report.js'

/** Writes an object of statuses by identifier. */
export const json: Renderer = {
  name: 'json',
  mediaType: 'application/json',
  contentType: 'application/json; charset=utf-8',
  render: ({ results }) => statusesByName(results),
}

// Assigning the statuses one by one is three times as fast as `Object.fromEntries()`.
function statusesByName (results: readonly Result[]): Record<string, string> {
  const body: Record<string, string> = {}
  for (const { identifier, status } of results) {
    // An assignment to `__proto__` would not make a key.
    if (identifier === '__proto__') Object.defineProperty(body, identifier, { value: status, enumerable: true })
    else body[identifier] = status
  }
  return body
}
