import { oneLine } from '../engine/report.js'
import type { Renderer } from '../../types/renderer.js'

/** A line a check. */
export const plain: Renderer = {
  name: 'plain',
  mediaType: 'text/plain',
  contentType: 'text/plain; charset=utf-8',
  render: ({ results }) => results.map(({ identifier, status }) => row(identifier, status)).join(''),
}

export function row (identifier: string, status: string): string {
  return `${oneLine(identifier).padEnd(24)} ... ${status}\n`
}
