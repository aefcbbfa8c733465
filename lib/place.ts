import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const line = /^(?: +at (?:.* \()?(?:async )?)?((?:file:\/\/|\/|[a-z]:\\).*?):(\d+(?::\d+)?)\)?$/i
const here = fileURLToPath(new URL('.', import.meta.url))

/**
 * Where in the files of the user an error comes from, as ` (/app/health.config.js:5:9)`: neither in this package nor in another one.
 * Empty where that cannot be told. `module` is the path or URL of what could not be loaded for it.
 */
export async function placeOf (error: unknown, module?: string): Promise<string> {
  if (!(error instanceof Error)) return ''
  const place = placeIn(String(error.stack))
  if (place !== '' || module === undefined || !(error instanceof SyntaxError)) return place
  // Of a syntax error in an ES module Node.js keeps the place to itself, until it prints it.
  const { execFile } = await import('node:child_process')
  return placeIn(await new Promise<string>(resolve => {
    execFile(process.execPath, ['--check', toPath(module)], { timeout: 2000 }, (_error, _out, printed) => resolve(printed))
  }))
}

function placeIn (stack: string): string {
  for (const text of stack.split('\n')) {
    const [, file, place] = line.exec(text) ?? []
    if (file === undefined) continue
    const path = toPath(file)
    if (!path.startsWith(here) && !path.includes(`${sep}node_modules${sep}`)) return ` (${path}:${place})`
  }
  return ''
}

function toPath (file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file) : file
}
