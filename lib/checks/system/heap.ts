import { getHeapStatistics } from 'node:v8'
import { HealthCheck } from '../../check.js'
import { ServiceWarning } from '../../errors.js'
import { rule } from '../../values/rules.js'
import { mebibyte } from '../../values/units.js'
import type { CheckContext, RulesOf } from '../../../types/check.js'

export interface HeapUsageOptions {
  /**
   * The percentage of the limit of the heap that may be in use. `null` switches the threshold off.
   *
   * @default 90
   */
  max?: number | null
}

/** Warns if the heap of JavaScript is nearer to its limit than the threshold allows. V8 ends the process at the limit. */
export class HeapUsageCheck extends HealthCheck<HeapUsageOptions> {
  static override readonly rules = {
    max: rule('a number of percent from 0 to 100, or null', value =>
      value === null || (typeof value === 'number' && value >= 0 && value <= 100)),
  } satisfies RulesOf<HeapUsageOptions>

  static override readonly scope = 'local'

  override check ({ observe }: CheckContext) {
    const { max = 90 } = this.options
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
    const percent = used * 100 / limit
    // The number is rounded up, so that a value above the threshold never looks equal to it.
    const shown = Math.ceil(percent * 10) / 10
    observe('heap used', shown, '%')
    observe('heap limit', Math.round(limit / mebibyte), 'MiB')
    if (max !== null && percent >= max) throw new ServiceWarning(`${shown}% heap usage is at or above ${max}%`)
  }
}
