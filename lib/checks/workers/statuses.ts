import { ServiceUnavailable } from '../../errors.js'
import type { CheckContext } from '../../../types/check.js'

/** The statuses of a worker that takes no more work. */
export const defaultUnhealthyStatuses: readonly string[] = ['Stopping', 'Stopped']

/**
 * Passes if at least one worker has a status that is not `unhealthy`. The other workers are then only logged, since a worker that stops is
 * no fault while another one works.
 *
 * @param counts the number of workers for each status
 * @param who the name of a worker in the message
 * @throws ServiceUnavailable with the statuses that were found.
 */
export function assertHealthy (
  counts: ReadonlyMap<string, number>,
  unhealthy: readonly string[],
  who: string,
  context: Pick<CheckContext, 'log'>
): void {
  const failing = [...counts].filter(([status]) => unhealthy.includes(status)).sort()
  const told = failing.map(([status, count]) => `${count} ${status}`).join(', ')
  if (failing.length < counts.size) {
    if (failing.length > 0) context.log.info({ unhealthy: Object.fromEntries(failing) }, `not every ${who} is healthy: ${told}`)
    return
  }
  throw new ServiceUnavailable(failing.length === 0 ? `no ${who}` : `no healthy ${who}: ${told}`)
}
