import { dirname, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const line = /^(?: +at (?:.* \()?(?:async )?)?((?:file:\/\/|\/|[a-z]:\\).*?):(\d+(?::\d+)?)\)?$/i
// An app that is bundled as CommonJS has no import.meta.url.
const here = `${dirname(dirname(toPath(String(import.meta.url))))}${sep}`

/**
 * Where in the files of the user an error comes from, as ` (/app/health.config.js:5:9)`: neither in this package nor in another one.
 * Empty where that cannot be told. `module` is the path or URL of what could not be loaded for it.
 */
export function placeOf (error: unknown, module?: string): string {
  if (!(error instanceof Error)) return ''
  for (const text of String(error.stack).split('\n')) {
    const [, file, place] = line.exec(text) ?? []
    if (file === undefined) continue
    const path = toPath(file)
    if (!path.startsWith(here) && !path.includes(`${sep}node_modules${sep}`)) return ` (${path}:${place})`
  }
  // Of a syntax error in an ES module Node.js keeps the place to itself, until it prints it.
  return module !== undefined && error instanceof SyntaxError ? ` (\`node --check ${toPath(module)}\` shows where)` : ''
}

function toPath (file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file) : file
}
