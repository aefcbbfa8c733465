import type { Renderer } from '../../types/renderer.js'

/** An object of statuses by identifier. */
export const json: Renderer = {
  name: 'json',
  mediaType: 'application/json',
  contentType: 'application/json; charset=utf-8',
  // Entries rather than assignments, so that an identifier such as __proto__ is a key like any other.
  render: ({ results }) => Object.fromEntries(results.map(({ identifier, status }) => [identifier, status])),
}
