/** Writes a duration for a message, in whole seconds, or in milliseconds if it is below one second. */
export function elapsed (ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.floor(ms / 1000)} s`
}
