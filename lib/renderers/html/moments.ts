import { day, hour, minute, second } from '../../values/units.js'

/** Writes a moment as `2026-02-03T12:00:00Z`. */
export function utc (at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}

/** Writes a moment as `2026-02-03 12:00:00 UTC`. */
export function momentInWords (at: number): string {
  return utc(at).replace('T', ' ').replace('Z', ' UTC')
}

/** Writes how long ago something was, in at most two units. */
export function age (ms: number): string {
  if (ms < second) return 'now'
  if (ms < minute) return `${Math.floor(ms / second)} s ago`
  if (ms < hour) return `${Math.floor(ms / minute)} min ago`
  if (ms < 2 * day) return `${Math.floor(ms / hour)} h ${Math.floor(ms % hour / minute)} min ago`
  return `${Math.floor(ms / day)} d ${Math.floor(ms % day / hour)} h ago`
}

export function taken (ms: number): string {
  return ms < 999.95 ? `${ms.toFixed(1)} ms` : `${(ms / second).toFixed(2)} s`
}
