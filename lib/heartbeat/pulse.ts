import { wordsFor } from '../clients/driver-errors.js'
import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'
import { func, longestTimer, rule, violations } from '../values/rules.js'
import type { OptionRules, RulesOf } from '../../types/check.js'

/** A heartbeat of a worker. */
export interface Heartbeat {
  /**
   * Beats now, and resolves after the beat. Calls during a beat share it, so the function may be called at every step of progress. It never
   * rejects, since `onError` receives the failure. After `stop` it does nothing.
   *
   * @returns whether the beat was written. After `stop`, it is `false`.
   */
  beat (): Promise<boolean>
  /** Ends the heartbeat, so that the worker counts as gone at once. It never rejects, since `onError` receives the failure. */
  stop (): Promise<void>
}

export interface PulseOptions {
  /**
   * The milliseconds between two beats. The timer does not keep the process alive, and a blocked event loop stops it. With `false`, only
   * calls of `beat()` beat, so that the heartbeat shows that the worker makes progress.
   *
   * @default 1000
   */
  interval?: number | false
  /**
   * Receives the failure of a beat, and no further one until a beat succeeds.
   *
   * @default a process warning that names the kind of failure
   */
  onError?: (error: unknown) => void
}

export const pulseRules = {
  interval: rule('a whole number of milliseconds, 1 or more, or false', value =>
    value === false || (Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= longestTimer)),
  onError: func(),
} satisfies RulesOf<PulseOptions>

/** @throws FST_HEALTH_INVALID_CONFIGURATION if options are invalid. The message names all of them. */
export function assertOptions (name: string, options: object, rules: OptionRules): void {
  const found = violations(rules, options as Record<string, unknown>)
  if (found.length === 0) return
  throw new FST_HEALTH_INVALID_CONFIGURATION(found.map(({ message, hint }) => `${name}: ${message}. ${hint}`).join('\n'))
}

/** Writes a beat after each `interval` and on demand. Stopping calls `end`. */
export function startPulse (
  write: () => Promise<void>,
  end: () => Promise<void>,
  { interval = 1000, onError = warn }: PulseOptions
): Heartbeat {
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

  // An exception in `onError` must not end the worker, and must not hide the failure.
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
