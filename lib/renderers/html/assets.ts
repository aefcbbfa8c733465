import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** What a page holds beside the report. */
export interface Assets {
  readonly style: string
  readonly script: string
  /** What the Content-Security-Policy lets in. */
  readonly hashes: { readonly style: string, readonly script: string }
  /** It changes with either, so that a page that is open notices that another one is served. */
  readonly version: string
}

// The build puts the texts in place of each call of `read`, minified (build.js).
const read = (...files: string[]) => files.map(file => readFileSync(new URL(file, import.meta.url), 'utf8')).join('')

const sha256 = (text: string) => createHash('sha256').update(text).digest()
const hash = (text: string) => `'sha256-${sha256(text).toString('base64')}'`

function toAssets (style: string, script: string): Assets {
  return { style, script, hashes: { style: hash(style), script: hash(script) }, version: sha256(style + script).toString('hex').slice(0, 8) }
}

/** Of a page of few checks, of one that has so many that there is something to search in, and of the page of a fleet. */
export const assets = {
  plain: toAssets(read('browser.css'), read('browser.js')),
  searchable: toAssets(read('browser.css', 'browser-search.css'), read('browser.js', 'browser-search.js')),
  fleet: toAssets(read('browser.css', 'browser-fleet.css'), read('browser.js')),
}
