import { interruptionOf } from '../time/stop-signal.js'
import type { CheckContext } from '../../types/check.js'

const turns = new WeakMap<WeakKey, Promise<unknown>>()

/** Makes the runs use a connection one after another, since pg will not accept a query during another one. */
export function inTurn<Client extends object, T> (context: CheckContext, use: (client: Client) => T | Promise<T>) {
  return async (client: Client): Promise<T> => {
    const before = turns.get(client)
    const turn = (async () => {
      await before
      interruptionOf(context).throwIfAborted()
      return await use(client)
    })()
    turns.set(client, turn.catch(() => {}))
    return await turn
  }
}
