import type { CheckContext } from '../../types/check.js'
import { ServiceUnavailable } from '../errors.js'
import { monotonic } from '../time/clock.js'
import { pause } from '../time/abortable.js'
import { interruptionOf } from '../time/stop-signal.js'

/**
 * Waits for a client of the app that connects by itself, and resolves to what `look` finds.
 *
 * @param listen starts to listen for failures to connect, and returns a function that stops it
 * @throws the first failure, or a ServiceUnavailable a little before the time of the run is over.
 */
export async function untilConnected<T> (
  context: CheckContext,
  look: () => T | undefined,
  listen: (failed: (error: unknown) => void) => () => unknown,
  begun = monotonic()
): Promise<T> {
  const signal = interruptionOf(context)
  const failures: unknown[] = []
  const stop = listen(error => { failures.push(error) })
  try {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (failures.length > 0) throw failures[0]
      if (monotonic() - begun >= context.timeout * 0.9) throw new ServiceUnavailable('client is not connected')
      await pause(10, signal)
    }
  } finally {
    stop()
  }
}
