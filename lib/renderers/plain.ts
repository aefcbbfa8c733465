import type { Renderer } from '../../types/renderer.js'

/** A line a check. */
export const plain: Renderer = {
  name: 'plain',
  mediaType: 'text/plain',
  contentType: 'text/plain; charset=utf-8',
  render: ({ results }) => results.map(({ identifier, status }) => `${identifier.padEnd(24)} ... ${status}\n`).join(''),
}
