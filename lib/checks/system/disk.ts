import { statfs } from 'node:fs/promises'
import { resolve } from 'node:path'
import { HealthCheck } from '../../check.js'
import { unavailable } from '../../clients/driver-errors.js'
import { ServiceReturnedUnexpectedResult, ServiceWarning } from '../../errors.js'
import { rule, withoutNul } from '../../values/rules.js'
import type { CheckContext, RulesOf } from '../../../types/check.js'

export interface DiskUsageOptions {
  /**
   * A file or folder on the disk to look at. A relative path is resolved against the setting `baseDir`.
   *
   * @default '/', so that a probe looks at the same disk in whatever folder it is started
   */
  path?: string
  /**
   * The percentage of the disk that may be in use. `null` switches the threshold off.
   *
   * @default the setting `diskUsageMax`
   */
  max?: number | null
}

/** Warns if more of a disk is in use than the threshold allows. */
export class DiskUsageCheck extends HealthCheck<DiskUsageOptions> {
  static override readonly rules = {
    path: withoutNul('the path of a file or folder'),
    max: rule('a number of percent from 0 to 100, or null', value =>
      value === null || (typeof value === 'number' && value >= 0 && value <= 100)),
  } satisfies RulesOf<DiskUsageOptions>

  static override readonly scope = 'local'

  override async check ({ settings }: CheckContext) {
    const { path = '/', max = settings.diskUsageMax } = this.options
    if (max === null) return
    const permille = await diskUsage(resolve(settings.baseDir, path))
    if (permille / 10 >= max) {
      // The number is rounded up like in `df`, so that a value above the threshold never looks equal to it.
      throw new ServiceWarning(`${Math.ceil(permille) / 10}% disk usage is at or above ${max}%`)
    }
  }
}

// Returns the usage in per mille. Like in `df`, blocks that are reserved for root count neither as used nor as part of the disk. A request
// to a network disk that hangs cannot be aborted, and holds one of the few threads that Node.js has for files. The run stays open until
// the answer comes, and no other run starts meanwhile.
async function diskUsage (path: string): Promise<number> {
  const { blocks, bfree, bavail } = await statfs(path).catch(error => { throw unavailable(error) })
  const used = blocks - bfree
  const size = used + bavail
  if (size === 0) throw new ServiceReturnedUnexpectedResult('the path is on a file system without a size')
  return used * 1000 / size
}
