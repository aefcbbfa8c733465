import { isRecord } from '../values/plain-data.js'
import { statusOf, type Outcome } from '../engine/report.js'
import { oneLine } from '../values/shown.js'
import type { FailingCheck, FleetInstance, FleetMute, InstanceSubset } from '../../types/fleet.js'
import type { Failure, FailureKind, Observation, Report } from '../../types/report.js'

/** The limits on the length of a text and of a message, on the number of items, and on the bytes that an instance reports of one subset. */
const maxTextLength = 120
const longestMessage = 1000
const mostFailing = 10
const mostBytes = 1500
const mostFailures = 10

const kinds: readonly FailureKind[] = ['warning', 'unavailable', 'unexpected result', 'unknown error']

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isText = (value: unknown): value is string => typeof value === 'string'

function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const shortened = (text: string, most = maxTextLength) => text.length > most ? `${text.slice(0, most - 1)}…` : text

// The command prints values of Redis on a terminal, and any program may have written them.
const clean = (text: string, most?: number) => shortened(oneLine(text), most)

/** Writes an outcome. Messages and observed values are written only with `details`. */
export function writtenOutcome ({ errors, duration, observed }: Outcome, details: boolean): string {
  const failures = errors.slice(0, mostFailures).map(({ kind, message }) => details ? [kind, shortened(message, longestMessage)] : [kind])
  return JSON.stringify({
    d: Math.round(duration * 1000) / 1000,
    e: failures,
    ...(details && observed !== undefined ? { o: observed.map(({ name, value, unit }) => [name, value, unit]) } : {}),
  })
}

/** Reads an outcome, or returns `undefined` if the fleet did not write it. */
export function readOutcome (text: string, startedAt: number): Outcome | undefined {
  const value = parsed(text)
  if (!isRecord(value) || !isNumber(value['d']) || !Array.isArray(value['e'])) return undefined
  const errors = value['e'].map(readFailure)
  const observed = value['o'] === undefined ? [] : Array.isArray(value['o']) ? value['o'].map(readObservation) : [undefined]
  if (!errors.every(error => error !== undefined) || !observed.every(item => item !== undefined)) return undefined
  const outcome = { errors, startedAt, duration: value['d'] }
  return observed.length === 0 ? outcome : { ...outcome, observed }
}

function readFailure (value: unknown): Failure | undefined {
  if (!Array.isArray(value)) return undefined
  const [kind, message = ''] = value
  return kinds.includes(kind) && isText(message) ? { kind, message: clean(message, longestMessage) } : undefined
}

function readObservation (value: unknown): Observation | undefined {
  if (!Array.isArray(value)) return undefined
  const [name, seen, unit] = value
  if (!isText(name) || !(isText(seen) || isNumber(seen))) return undefined
  return { name: clean(name), value: isText(seen) ? clean(seen) : seen, ...(isText(unit) ? { unit: clean(unit) } : {}) }
}

/** The report of an instance about itself. */
export interface Self {
  readonly instance: string
  readonly since: number
  readonly version: string | undefined
  readonly releaseId: string | undefined
  readonly draining: boolean
  /** The instance counts as gone this many milliseconds after its last report. */
  readonly ttl: number
  readonly reports: readonly Report[]
}

/** Writes the report of an instance. Moments are written as ages, since the clocks of the hosts may differ. */
export function writtenInstance (
  { instance, since, version, releaseId, draining, ttl, reports }: Self,
  now: number,
  details: boolean
): string {
  return JSON.stringify({
    n: instance,
    s: Math.round(now - since),
    t: ttl,
    ...(draining ? { d: 1 } : {}),
    ...(version === undefined ? {} : { v: shortened(version) }),
    ...(releaseId === undefined ? {} : { r: shortened(releaseId) }),
    u: reports.map(report =>
      [report.subset, Number(isHealthyBeforeDraining(report)), Math.round(now - report.startedAt), writtenFailing(report, now, details)]),
  })
}

/** Returns whether the checks of a subset are healthy, even if the subset fails because it drains. */
export function isHealthyBeforeDraining ({ healthy, draining, results }: Report): boolean {
  return draining ? results.every(({ healthy, critical, muted }) => healthy || !critical || muted !== undefined) : healthy
}

function writtenFailing ({ results }: Report, now: number, details: boolean): unknown[] {
  const failing = results
    .filter(({ healthy }) => !healthy)
    .map(result => ({ ...result, since: result.since ?? result.startedAt }))
    .sort((a, b) => Number(b.critical) - Number(a.critical) || a.since - b.since)
    .slice(0, mostFailing)
    .map(({ identifier, errors, critical, muted, since }) => [
      shortened(identifier),
      [...new Set(errors.map(({ kind }) => kind))].join('; '),
      Math.round(now - since),
      Number(critical),
      Number(muted !== undefined),
      ...(details ? [shortened(statusOf(errors))] : []),
    ])
  while (Buffer.byteLength(JSON.stringify(failing)) > mostBytes) failing.pop()
  return failing
}

const recorded = /^(\d+) (.*)$/s

/**
 * Reads the record of an instance, or returns `undefined` if the fleet did not write it.
 *
 * @param redisNow the moment on the clock of Redis
 * @param now the same moment on the clock of this host
 */
export function readInstance (text: string, redisNow: number, now: number): FleetInstance | undefined {
  const [, at, json] = recorded.exec(text) ?? []
  const value = parsed(json ?? '')
  if (!isRecord(value) || !isText(value['n']) || !isNumber(value['s']) || !isNumber(value['t']) || !Array.isArray(value['u'])) {
    return undefined
  }
  const seen = now - (redisNow - Number(at))
  const subsets = value['u'].map(subset => readSubset(subset, seen))
  if (!subsets.every(subset => subset !== undefined)) return undefined
  const { v: version, r: releaseId } = value
  return {
    instance: clean(value['n'], 200),
    state: redisNow >= Number(at) + value['t'] ? 'gone' : value['d'] === 1 ? 'draining' : 'up',
    since: seen - value['s'],
    seen,
    ...(isText(version) ? { version: clean(version) } : {}),
    ...(isText(releaseId) ? { releaseId: clean(releaseId) } : {}),
    subsets,
  }
}

function readSubset (value: unknown, seen: number): InstanceSubset | undefined {
  if (!Array.isArray(value)) return undefined
  const [subset, healthy, age, failing] = value
  if (!isText(subset) || !isNumber(age) || !Array.isArray(failing)) return undefined
  const checks = failing.map(check => readFailing(check, seen))
  if (!checks.every(check => check !== undefined)) return undefined
  return { subset: clean(subset), healthy: healthy === 1, at: seen - age, failing: checks }
}

function readFailing (value: unknown, seen: number): FailingCheck | undefined {
  if (!Array.isArray(value)) return undefined
  const [identifier, kind, age, critical, muted, status = kind] = value
  if (!isText(identifier) || !isText(kind) || !isText(status) || !isNumber(age)) return undefined
  return {
    identifier: clean(identifier),
    kind: clean(kind),
    status: clean(status),
    critical: critical === 1,
    muted: muted === 1,
    since: seen - age,
  }
}

/** Returns the name of a mute in Redis. */
export function muteName (subset: string, identifier: string): string {
  return JSON.stringify([subset, identifier])
}

export function muteWords (words: { because?: string, by?: string }): string {
  return JSON.stringify(words)
}

const muteRecord = /^(\d+) (\d+) (.*)$/s

/** Reads a mute, or returns `undefined` if the fleet did not write it. */
export function readMute (name: string, text: string, redisNow: number, now: number): FleetMute | undefined {
  const about = parsed(name)
  const [, since, until, json] = muteRecord.exec(text) ?? []
  const words = parsed(json ?? '')
  if (!Array.isArray(about) || !isText(about[0]) || !isText(about[1]) || !isRecord(words)) return undefined
  const { because, by } = words
  const local = (at: string | undefined) => now - (redisNow - Number(at))
  return {
    subset: about[0],
    identifier: about[1],
    since: local(since),
    until: local(until),
    ...(isText(because) ? { because: clean(because) } : {}),
    ...(isText(by) ? { by: clean(by) } : {}),
  }
}
