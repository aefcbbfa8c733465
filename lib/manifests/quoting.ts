/** A text in double quotes, or a list of such: JSON is YAML, and what a Dockerfile takes. */
export function quoted (value: string | readonly string[]): string {
  return Array.isArray(value) ? `[${value.map(item => JSON.stringify(item)).join(', ')}]` : JSON.stringify(value)
}

/** Lines, each `depth` levels further in. */
export function indented (lines: readonly string[], depth: number): string[] {
  return lines.map(line => `${'  '.repeat(depth)}${line}`)
}

/** A path as a request line has it. A dollar sign stays: routers do not take its escape for it, and outside of quotes nobody minds. */
export function requestPath (path: string): string {
  return path.replace(/[^\x21-\x7e]|["'<>\\^`{|}]/gu, character => character === "'" ? '%27' : encodeURIComponent(character))
}
