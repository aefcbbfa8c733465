/** Milliseconds as a message says them: whole seconds, and below one second milliseconds. */
export function elapsed (ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.floor(ms / 1000)} s`
}
