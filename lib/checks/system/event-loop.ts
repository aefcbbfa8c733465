import { monitorEventLoopDelay, performance, type EventLoopUtilization, type IntervalHistogram } from 'node:perf_hooks'
import { HealthCheck } from '../../check.js'
import { ServiceWarning } from '../../errors.js'
import { rule } from '../../values/rules.js'
import type { CheckContext, Resources, RulesOf } from '../../../types/check.js'

const resolution = 10

// A shorter interval would show only the probe itself. The last measurement is then used again, and the current one continues.
const shortestInterval = 10 * resolution

export interface EventLoopOptions {
  /**
   * One of a hundred requests, if they come evenly over the time, may wait this many milliseconds for the event loop. The mean, or a
   * percentile of the turns, would hide the few long turns in which most requests come. `null` switches the threshold off.
   *
   * @default 1000
   */
  maxDelay?: number | null
  /**
   * The event loop may be busy for this share of the time, 0 to 1. `null` switches the threshold off.
   *
   * @default null
   */
  maxUtilization?: number | null
}

interface Measurement {
  /** The delay that one of a hundred requests meets, in milliseconds. */
  delay: number
  /** The share of the time in which the event loop was busy, 0 to 1. */
  utilization: number
}

/** Warns if the event loop was late or busy since the last run. The first run starts the measurement. */
export class EventLoopCheck extends HealthCheck<EventLoopOptions> {
  static override readonly rules = {
    maxDelay: rule('a number of milliseconds, 0 or more, or null', value =>
      value === null || (typeof value === 'number' && value >= 0 && Number.isFinite(value))),
    maxUtilization: rule('a number from 0 to 1, or null', value =>
      value === null || (typeof value === 'number' && value >= 0 && value <= 1)),
  } satisfies RulesOf<EventLoopOptions>

  static override readonly scope = 'local'

  override async check ({ resources }: CheckContext) {
    const { maxDelay = 1000, maxUtilization = null } = this.options
    const { delay, utilization } = await this.#measured(resources)
    if (maxDelay !== null && delay >= maxDelay) {
      this.addError(new ServiceWarning(`${ceil(delay, 1)} ms event loop delay is at or above ${maxDelay} ms`))
    }
    if (maxUtilization !== null && utilization >= maxUtilization) {
      this.addError(new ServiceWarning(`${ceil(utilization, 3)} event loop utilization is at or above ${maxUtilization}`))
    }
  }

  // Each entry has its own monitor, since a run of another entry would shorten its interval.
  async #measured (resources: Resources): Promise<Measurement> {
    const monitor = await resources.get(`event loop ${JSON.stringify(this.options)}`, () => new Monitor(), monitor => monitor.close())
    return monitor.measure()
  }
}

class Monitor {
  readonly #histogram = monitorEventLoopDelay({ resolution })
  #since: EventLoopUtilization = performance.eventLoopUtilization()
  #last: Measurement = { delay: 0, utilization: 0 }

  constructor () {
    this.#histogram.enable()
  }

  measure (): Measurement {
    const now = performance.eventLoopUtilization()
    const { idle, active, utilization } = performance.eventLoopUtilization(now, this.#since)
    if (idle + active >= shortestInterval) {
      this.#last = { delay: delayOf(this.#histogram, idle + active), utilization }
      this.#since = now
      this.#histogram.reset()
    }
    return this.#last
  }

  close (): void {
    this.#histogram.disable()
  }
}

// One of this many requests meets the delay.
const requests = 100

/**
 * Returns the delay that one of a hundred requests meets, if they come evenly over `elapsed` milliseconds. A turn that takes `d` makes a
 * request wait between 0 and `d`, so the share of the requests that wait longer than `x` is the sum of `d - x` over the turns, divided by
 * the time. The histogram tells the turns in groups, which get smaller towards the longest turn.
 */
function delayOf ({ percentiles, count }: IntervalHistogram, elapsed: number): number {
  const levels = [...percentiles].toReversed()
  let left = elapsed / requests
  let turns = 0
  let delay = 0
  for (const [index, [percentile, nanoseconds]] of levels.entries()) {
    // The histogram holds the times from one turn to the next. Without a delay, that time is the resolution.
    const next = Math.max(0, nanoseconds / 1e6 - resolution)
    if (turns * (delay - next) > left) break
    left -= turns * (delay - next)
    delay = next
    turns += count * (percentile - (levels[index + 1]?.[0] ?? 0)) / 100
  }
  return turns === 0 ? 0 : Math.max(0, delay - left / turns)
}

// The number is rounded up, so that a value above the threshold never looks equal to it.
function ceil (value: number, digits: number): number {
  return Math.ceil(value * 10 ** digits) / 10 ** digits
}
