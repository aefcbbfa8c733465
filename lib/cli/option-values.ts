import { longestMute } from '../engine/mutes.js'
import { FST_HEALTH_USAGE } from '../errors.js'
import { longestTimer } from '../values/rules.js'
import { day, hour, minute, second } from '../values/units.js'

/** @throws FST_HEALTH_USAGE if the value is an empty text. */
export function filled<Value extends string | undefined> (option: string, expected: string, value: Value): Value {
  if (value === '') throw new FST_HEALTH_USAGE(`--${option} is empty: it must name ${expected}.`)
  return value
}

export function toTimeout (text: string): number {
  return toNumber('--timeout', text, 'a whole number of milliseconds, 1 or more', longestTimer)
}

export function toPort (text: string): number {
  return toNumber('--port', text, 'a port, 1 to 65535', 65_535)
}

function toNumber (option: string, text: string, expected: string, max: number): number {
  const number = Number(text)
  // `Number()` would also accept 1e3, 0x10 and spaces.
  if (!/^\d+$/.test(text) || number < 1 || number > max) throw new FST_HEALTH_USAGE(`${option} is '${text}': it must be ${expected}.`)
  return number
}

const units: Readonly<Record<string, number>> = { s: second, m: minute, h: hour, d: day }

/** Returns the milliseconds of a duration such as `90s` or `2h`. */
export function toTime (text: string): number {
  const [, count, unit] = /^(\d{1,7})([smhd])$/.exec(text) ?? []
  if (unit === undefined || Number(count) === 0) {
    throw new FST_HEALTH_USAGE(
      `--for is '${text}': it must be a whole number of seconds, minutes, hours or days, such as 90s, 30m, 2h or 1d.`
    )
  }
  const time = Number(count) * (units[unit] as number)
  if (time > longestMute) throw new FST_HEALTH_USAGE(`--for is '${text}': a mute lasts 90 days at most.`)
  return time
}

export function toKind (text: string): 'web' | 'worker' {
  if (text !== 'web' && text !== 'worker') throw new FST_HEALTH_USAGE(`--kind is '${text}': it must be web or worker.`)
  return text
}
