import { HealthCheck } from '../../check.js'
import { ServiceWarning } from '../../errors.js'
import { rule } from '../../values/rules.js'
import { mebibyte } from '../../values/units.js'
import type { CheckContext, RulesOf } from '../../../types/check.js'
import { availableMemory } from './available-memory.js'

export interface MemoryUsageOptions {
  /**
   * The number of MiB that must be available. `null` switches the threshold off.
   *
   * @default the setting `memoryMin`
   */
  min?: number | null
}

/** Warns if less memory is available than the threshold demands. The host or the container counts, whichever has less. */
export class MemoryUsageCheck extends HealthCheck<MemoryUsageOptions> {
  static override readonly rules = {
    min: rule('a number of MiB, 0 or more, or null', value =>
      value === null || (typeof value === 'number' && value >= 0 && Number.isFinite(value))),
  } satisfies RulesOf<MemoryUsageOptions>

  static override readonly scope = 'local'

  override check ({ settings }: CheckContext) {
    const { min = settings.memoryMin } = this.options
    if (min === null) return
    const available = availableMemory() / mebibyte
    if (available < min) {
      // The number is rounded down, so that a value below the threshold never looks equal to it.
      throw new ServiceWarning(`${Math.floor(available * 10) / 10} MiB available memory is below ${min} MiB`)
    }
  }
}
