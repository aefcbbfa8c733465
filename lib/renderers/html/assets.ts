import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The style and the script of a page. */
export interface Assets {
  readonly style: string
  readonly script: string
  /** The hashes that the Content-Security-Policy allows. */
  readonly hashes: { readonly style: string, readonly script: string }
  /** The version changes with the style and with the script, so that an open page notices that the server has a newer page. */
  readonly version: string
}

// The build replaces each call of `read` by the minified text (build.js).
const read = (...files: string[]) => files.map(file => readFileSync(new URL(file, import.meta.url), 'utf8')).join('')

const sha256 = (text: string) => createHash('sha256').update(text).digest()
const hash = (text: string) => `'sha256-${sha256(text).toString('base64')}'`

function toAssets (style: string, script: string): Assets {
  return {
    style,
    script,
    hashes: { style: hash(style), script: hash(script) },
    version: sha256(style + script).toString('hex').slice(0, 8),
  }
}

/** The assets of a page with few checks, of a page with a search, and of the page of a fleet. */
export const assets = {
  plain: toAssets(read('browser.css'), read('browser.js')),
  searchable: toAssets(read('browser.css', 'browser-search.css'), read('browser.js', 'browser-search.js')),
  fleet: toAssets(read('browser.css', 'browser-fleet.css'), read('browser.js')),
}
