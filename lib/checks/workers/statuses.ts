import { ServiceUnavailable } from '../../errors.js'
import type { CheckContext } from '../../../types/check.js'

/** The statuses of a worker that takes no more work. */
export const defaultUnhealthyStatuses: readonly string[] = ['Stopping', 'Stopped']

/**
 * Passes where one worker or more is in a status that is not `unhealthy`; those that are not go to the log then, since a worker
 * that stops is no fault while another one works.
 *
 * @param counts how many workers there are by status
 * @param who what one of them is called in the message
 * @throws ServiceUnavailable that tells the statuses found
 */
export function assertHealthy (counts: ReadonlyMap<string, number>, unhealthy: readonly string[], who: string, context: Pick<CheckContext, 'log'>): void {
  const failing = [...counts].filter(([status]) => unhealthy.includes(status)).sort()
  const told = failing.map(([status, count]) => `${count} ${status}`).join(', ')
  if (failing.length < counts.size) {
    if (failing.length > 0) context.log.info({ unhealthy: Object.fromEntries(failing) }, `not every ${who} is healthy: ${told}`)
    return
  }
  throw new ServiceUnavailable(failing.length === 0 ? `no ${who}` : `no healthy ${who}: ${told}`)
}
