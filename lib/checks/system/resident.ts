import { HealthCheck } from '../../check.js'
import { ServiceWarning } from '../../errors.js'
import { rule } from '../../values/rules.js'
import type { CheckContext } from '../../../types/check.js'

const mebibyte = 1024 ** 2

export interface ResidentMemoryOptions {
  /** MiB that the process may hold in memory. */
  max: number
}

/** Warns when this process holds more memory than the threshold allows: heap, buffers, code and all. */
export class ResidentMemoryCheck extends HealthCheck<ResidentMemoryOptions> {
  static override readonly rules = {
    max: rule('a number of MiB, more than 0', value => typeof value === 'number' && value > 0 && Number.isFinite(value), { required: true }),
  }

  static override readonly scope = 'local'

  override check ({ observe }: CheckContext) {
    const { max } = this.options
    const resident = process.memoryUsage.rss() / mebibyte
    // Rounded up, so that what is above a threshold never reads as equal to it.
    const shown = Math.ceil(resident * 10) / 10
    observe('resident memory', shown, 'MiB')
    if (resident >= max) throw new ServiceWarning(`${shown} MiB resident memory is at or above ${max} MiB`)
  }
}
