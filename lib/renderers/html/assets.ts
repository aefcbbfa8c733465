import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** What a page holds beside the report. */
export interface Assets {
  readonly style: string
  readonly script: string
  /** It changes with either, so that a page that is open notices that another one is served. */
  readonly version: string
}

const read = (...files: string[]) => files.map(file => readFileSync(new URL(file, import.meta.url), 'utf8')).join('')

// The build replaces these lines by the same texts, minified (build.js).
const plain = { style: read('browser.css'), script: read('browser.js') }
const searchable = { style: read('browser.css', 'browser-search.css'), script: read('browser.js', 'browser-search.js') }
// So far.

const sha256 = (text: string) => createHash('sha256').update(text).digest()
const hash = (text: string) => `'sha256-${sha256(text).toString('base64')}'`
const versioned = ({ style, script }: Omit<Assets, 'version'>): Assets => ({ style, script, version: sha256(style + script).toString('hex').slice(0, 8) })

/** Of a page of few checks, and of one that has so many that there is something to search in. */
export const assets = { plain: versioned(plain), searchable: versioned(searchable) }

/** What the Content-Security-Policy lets in. */
export const hashes = {
  styles: [hash(plain.style), hash(searchable.style)],
  scripts: [hash(plain.script), hash(searchable.script)],
}
