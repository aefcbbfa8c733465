import { monitorEventLoopDelay, performance, type EventLoopUtilization } from 'node:perf_hooks'
import { HealthCheck } from '../../check.js'
import { ServiceWarning } from '../../errors.js'
import { rule } from '../../values/rules.js'
import type { CheckContext, Resources } from '../../../types/check.js'

const resolution = 10

// Within less, the probe itself is all that is seen: the last measurement stands, and the next one goes on.
const shortestInterval = 10 * resolution

export interface EventLoopOptions {
  /**
   * Milliseconds by which one of a hundred turns of the event loop may be late (the 99th percentile: the mean of many short
   * turns would hide the few that make requests wait); `null` switches it off. Default: 1000.
   */
  maxDelay?: number | null
  /** Share of the time, 0 to 1, that the event loop may be busy; `null` switches it off. Default: `null`. */
  maxUtilization?: number | null
}

interface Measurement {
  /** Milliseconds, 99th percentile. */
  delay: number
  /** 0 to 1. */
  utilization: number
}

/** Warns when the event loop was late or busy since the last run; the first run starts the measurement. */
export class EventLoopCheck extends HealthCheck<EventLoopOptions> {
  static override readonly rules = {
    maxDelay: rule('a number of milliseconds, 0 or more, or null', value => value === null || (typeof value === 'number' && value >= 0 && Number.isFinite(value))),
    maxUtilization: rule('a number from 0 to 1, or null', value => value === null || (typeof value === 'number' && value >= 0 && value <= 1)),
  }

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

  // An entry has a monitor of its own: another one's run would cut its interval short.
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
      // The histogram holds the time from one turn to the next, and without delay that is its resolution.
      const delay = Math.max(0, this.#histogram.percentile(99) / 1e6 - resolution)
      this.#last = { delay, utilization }
      this.#since = now
      this.#histogram.reset()
    }
    return this.#last
  }

  close (): void {
    this.#histogram.disable()
  }
}

// Rounded up, so that what is above a threshold never reads as equal to it.
function ceil (value: number, digits: number): number {
  return Math.ceil(value * 10 ** digits) / 10 ** digits
}
