import { HealthCheck } from '../../check.js'
import { ServiceWarning } from '../../errors.js'
import { rule } from '../../values/rules.js'
import type { CheckContext } from '../../../types/check.js'
import { availableMemory } from './available-memory.js'

const mebibyte = 1024 ** 2

export interface MemoryUsageOptions {
  /** MiB that must be available; `null` switches the threshold off. Default: the settings' `memoryMin`. */
  min?: number | null
}

/** Warns when less memory is available than the threshold demands, to the host or to the container, whichever has less. */
export class MemoryUsageCheck extends HealthCheck<MemoryUsageOptions> {
  static override readonly rules = {
    min: rule('a number of MiB, 0 or more, or null', value => value === null || (typeof value === 'number' && value >= 0 && Number.isFinite(value))),
  }

  static override readonly scope = 'local'

  override check ({ settings }: CheckContext) {
    const { min = settings.memoryMin } = this.options
    if (min === null) return
    const available = availableMemory() / mebibyte
    if (available < min) {
      // Rounded down, so that what is below a threshold never reads as equal to it.
      throw new ServiceWarning(`${Math.floor(available * 10) / 10} MiB available memory is below ${min} MiB`)
    }
  }
}
