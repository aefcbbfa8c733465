import { muteInWords } from '../engine/report.js'
import { oneLine } from '../values/shown.js'
import type { Renderer } from '../../types/renderer.js'
import type { Result } from '../../types/report.js'

/** Writes one line for each check. */
export const plain: Renderer = {
  name: 'plain',
  mediaType: 'text/plain',
  contentType: 'text/plain; charset=utf-8',
  render: ({ results }) => results.map(result => statusLine(result.identifier, statusInWords(result))).join(''),
}

/** Returns the status. If the check is muted, the text also says who muted it, until when and why. */
export function statusInWords ({ status, muted }: Result): string {
  return muted === undefined ? status : `${status} (${muteInWords(muted)})`
}

export function statusLine (identifier: string, status: string): string {
  return `${oneLine(identifier).padEnd(24)} ... ${status}\n`
}
