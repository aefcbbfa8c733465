import { statfs } from 'node:fs/promises'
import { resolve } from 'node:path'
import { HealthCheck } from '../../check.js'
import { unavailable } from '../../clients/driver-errors.js'
import { ServiceReturnedUnexpectedResult, ServiceWarning } from '../../errors.js'
import { rule, withoutNul } from '../../values/rules.js'
import type { CheckContext } from '../../../types/check.js'

export interface DiskUsageOptions {
  /**
   * A file or folder on the disk to look at; a relative one is resolved against the settings' `baseDir`. Default: `/`, so that a
   * probe finds the same disk from whatever folder it is started.
   */
  path?: string
  /** Percent that may be in use; `null` switches the threshold off. Default: the settings' `diskUsageMax`. */
  max?: number | null
}

/** Warns when more of a disk is in use than the threshold allows. */
export class DiskUsageCheck extends HealthCheck<DiskUsageOptions> {
  static override readonly rules = {
    path: withoutNul('the path of a file or folder'),
    max: rule('a number of percent from 0 to 100, or null', value => value === null || (typeof value === 'number' && value >= 0 && value <= 100)),
  }

  static override readonly scope = 'local'

  override async check ({ settings }: CheckContext) {
    const { path = '/', max = settings.diskUsageMax } = this.options
    if (max === null) return
    const permille = await usage(resolve(settings.baseDir, path))
    if (permille / 10 >= max) {
      // Rounded up as `df` rounds, so that what is above a threshold never reads as equal to it.
      throw new ServiceWarning(`${Math.ceil(permille) / 10}% disk usage is at or above ${max}%`)
    }
  }
}

// Per mille, counted as `df` does: blocks reserved for root are neither used nor part of what there is to use. A network disk that hangs
// cannot be given up, and holds one of the few threads Node has for files: the run stays open until it answers, and no other
// one is started meanwhile.
async function usage (path: string): Promise<number> {
  const { blocks, bfree, bavail } = await statfs(path).catch(error => { throw unavailable(error) })
  const used = blocks - bfree
  const size = used + bavail
  if (size === 0) throw new ServiceReturnedUnexpectedResult('the path is on a file system without a size')
  return used * 1000 / size
}
