import { wordsFor } from '../clients/driver-errors.js'
import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'
import { func, longestTimer, rule, violations } from '../values/rules.js'
import type { OptionRules } from '../../types/check.js'

/** The worker's side of a heartbeat. */
export interface Heartbeat {
  /**
   * Beats now, and resolves once it has. While one beat is on its way, further ones are one with it, so that it may be called as
   * often as there is progress. Never rejects: `onError` is told. After `stop` it does nothing.
   *
   * @returns whether the beat was written; `false` after `stop`
   */
  beat (): Promise<boolean>
  /** Ends the heartbeat, so that the worker is at once seen as gone. Never rejects: `onError` is told. */
  stop (): Promise<void>
}

export interface PulseOptions {
  /**
   * Milliseconds between two beats; default 1,000. The timer never keeps the process alive, and a blocked event loop stops it.
   * `false`: only the worker's own `beat()` beats, so that the heartbeat means progress and not merely a process that runs.
   */
  interval?: number | false
  /** Told when a beat fails, once until one succeeds again. Default: a process warning that names the kind of failure. */
  onError?: (error: unknown) => void
}

export const pulseRules = {
  interval: rule('a whole number of milliseconds, 1 or more, or false', value =>
    value === false || (Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= longestTimer)),
  onError: func(),
}

/** @throws FST_HEALTH_INVALID_CONFIGURATION that names everything that is wrong with the options */
export function assertOptions (name: string, options: object, rules: OptionRules): void {
  const found = violations(rules, options as Record<string, unknown>)
  if (found.length === 0) return
  throw new FST_HEALTH_INVALID_CONFIGURATION(found.map(({ message, hint }) => `${name}: ${message}. ${hint}`).join('\n'))
}

/** Writes a beat every so often, and on demand, until it is stopped by `end`. */
export function startPulse (write: () => Promise<void>, end: () => Promise<void>, { interval = 1000, onError = warn }: PulseOptions): Heartbeat {
  let underWay: Promise<boolean> | undefined
  let stopping: Promise<void> | undefined
  let failing = false

  async function attempt (work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      failing = false
    } catch (error) {
      if (!failing) tell(error)
      failing = true
    }
    return !failing
  }

  // What its caller's `onError` throws must neither end the worker nor hide what it was told.
  async function tell (error: unknown): Promise<void> {
    try {
      await onError(error)
    } catch {
      warn(error)
    }
  }

  async function beat (): Promise<boolean> {
    if (stopping !== undefined) return false
    underWay ??= attempt(write).finally(() => { underWay = undefined })
    return await underWay
  }

  async function finish (): Promise<void> {
    clearInterval(timer)
    await underWay
    await attempt(end)
  }

  async function stop (): Promise<void> {
    stopping ??= finish()
    await stopping
  }

  const timer = interval === false ? undefined : setInterval(beat, interval).unref()
  return { beat, stop }
}

function warn (error: unknown): void {
  process.emitWarning(`The heartbeat cannot be written: ${wordsFor(error) ?? (error as Error).name}`, 'HeartbeatWarning')
}
