import { HealthCheck } from '../../check.js'
import { ServiceWarning } from '../../errors.js'
import { rule } from '../../values/rules.js'
import { mebibyte } from '../../values/units.js'
import type { CheckContext, RulesOf } from '../../../types/check.js'

export interface ResidentMemoryOptions {
  /** The process may hold this many MiB of memory. */
  max: number
}

/** Warns if this process holds more memory than the threshold allows, including heap, buffers and code. */
export class ResidentMemoryCheck extends HealthCheck<ResidentMemoryOptions> {
  static override readonly rules = {
    max: rule(
      'a number of MiB, more than 0',
      value => typeof value === 'number' && value > 0 && Number.isFinite(value),
      { required: true }
    ),
  } satisfies RulesOf<ResidentMemoryOptions>

  static override readonly scope = 'local'

  override check ({ observe }: CheckContext) {
    const { max } = this.options
    const resident = process.memoryUsage.rss() / mebibyte
    // The number is rounded up, so that a value above the threshold never looks equal to it.
    const shown = Math.ceil(resident * 10) / 10
    observe('resident memory', shown, 'MiB')
    if (resident >= max) throw new ServiceWarning(`${shown} MiB resident memory is at or above ${max} MiB`)
  }
}
