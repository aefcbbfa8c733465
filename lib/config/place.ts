import { dirname, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const stackLine = /^(?: +at (?:.* \()?(?:async )?)?((?:file:\/\/|\/|[a-z]:\\).*?):(\d+(?::\d+)?)\)?$/i
// An app that is bundled as CommonJS has no import.meta.url.
const here = `${dirname(dirname(toPath(String(import.meta.url))))}${sep}`

/**
 * Returns the place in the user's own files where an error was thrown, as ` (/app/health.config.js:5:9)`, or '' if it is unknown. Files of
 * this package and of others are skipped. `module` is the path or URL of the module that could not be loaded.
 */
export function placeOf (error: unknown, module?: string): string {
  if (!(error instanceof Error)) return ''
  for (const text of String(error.stack).split('\n')) {
    const [, file, place] = stackLine.exec(text) ?? []
    if (file === undefined) continue
    const path = toPath(file)
    if (!path.startsWith(here) && !path.includes(`${sep}node_modules${sep}`)) return ` (${path}:${place})`
  }
  // The error object of a syntax error in an ES module does not have the place. Only Node.js itself prints it.
  return module !== undefined && error instanceof SyntaxError ? ` (\`node --check ${toPath(module)}\` shows where)` : ''
}

function toPath (file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file) : file
}
