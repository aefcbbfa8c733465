/** Quotes a text, or each text of a list. The result is JSON, which YAML and a Dockerfile accept. */
export function quoted (value: string | readonly string[]): string {
  return Array.isArray(value) ? `[${value.map(item => JSON.stringify(item)).join(', ')}]` : JSON.stringify(value)
}

/** Indents lines by `depth` levels. */
export function indented (lines: readonly string[], depth: number): string[] {
  return lines.map(line => `${'  '.repeat(depth)}${line}`)
}

/** Escapes a path for a request line. A dollar sign stays, since routers do not treat its escape as the same path. */
export function requestPath (path: string): string {
  return path.replace(/[^\x21-\x7e]|["'<>\\^`{|}]/gu, character => character === "'" ? '%27' : encodeURIComponent(character))
}
