import { findClient, withClient, type ClientOfApp, type OwnConnection } from './client.js'
import { inTurn } from './in-turn.js'
import { lacking, ServiceUnavailable, ServiceWarning } from '../errors.js'
import { abortable } from '../time/abortable.js'
import { interruptionOf, StopSignal, type Interruption } from '../time/stop-signal.js'
import type { CheckContext, Requirement, RequirementsContext } from '../../types/check.js'
import type { WhenExhausted } from '../../types/sources.js'

/** A pool of the app, as far as it can be seen. */
export interface PoolOfApp {
  /** Returns whether all connections of the pool are lent. */
  readonly isExhausted: () => boolean
  /** One connection with the options of the pool. It is absent if the pool does not tell them. */
  readonly own?: OwnConnection<object>
}

/** What a check does about a pool that is exhausted. */
export interface Busy<Client> {
  readonly poolOf: (client: Client) => PoolOfApp | undefined
  readonly whenExhausted: WhenExhausted | undefined
  /** The function receives a warning if `whenExhausted` is `warn`. */
  readonly warn: (warning: ServiceWarning) => void
}

export class PoolExhausted extends ServiceUnavailable {
  constructor () {
    super('connection pool exhausted')
  }
}

/** Returns how many milliseconds a run waits for a connection of the pool. Unless `fail` is given, time must be left for another connection. */
export function patienceOf ({ timeout }: Pick<CheckContext, 'timeout'>, whenExhausted: WhenExhausted = 'fail'): number {
  return timeout * (whenExhausted === 'fail' ? 0.9 : 0.25)
}

const numbers = new WeakMap<WeakKey, number>()
let pools = 0

/** Returns a number that identifies a pool, for the key of a connection that is made from its options. */
export function numberOf (pool: WeakKey): number {
  const number = numbers.get(pool) ?? ++pools
  numbers.set(pool, number)
  return number
}

/** Lists what is missing (E007): `whenExhausted` needs a pool that tells its options. */
export async function poolRequirements<Client> (context: RequirementsContext, source: ClientOfApp<Client>, { poolOf, whenExhausted = 'fail' }: Pick<Busy<Client>, 'poolOf' | 'whenExhausted'>): Promise<Requirement[]> {
  const { client, missing } = await findClient<Client>(context, source.client, source.kind)
  if (missing !== undefined) return [missing]
  if (whenExhausted === 'fail' || poolOf(client)?.own !== undefined) return []
  return [{
    message: `\`whenExhausted\` is '${whenExhausted}', and the client does not show the options of its pool`,
    hint: 'Give the check the pool itself, of pg or of mysql2, or leave `whenExhausted` out.',
  }]
}

// A pool is looked at again after this many milliseconds.
const lookInterval = 25

/**
 * Lends a client of the app to `use`, as `withClient` does. If its pool is exhausted when the time for that is up, the run says so, or asks
 * over a connection of its own. At most one request of a check stays in the queue of the pool.
 */
export async function withPoolOfApp<Client extends object, T> (context: CheckContext, source: ClientOfApp<Client>, busy: Busy<Client>, use: (client: Client) => Promise<T>): Promise<T> {
  const { whenExhausted, poolOf, warn } = busy
  const { client, missing } = await abortable(findClient<Client>(context, source.client, source.kind), interruptionOf(context))
  if (missing !== undefined) throw lacking([missing])
  const found = { ...source, client }
  const pool = poolOf(client)
  if (pool === undefined) return await withClient(context, found, use)
  const ask = async () => await untilExhausted(context, pool, patienceOf(context, whenExhausted), async patience => await withClient(context, found, use, patience))
  return await orPast(context, { whenExhausted, warn, own: pool.own as OwnConnection<Client> | undefined }, ask, use)
}

/** What a run does about a pool that is exhausted. `own` is a connection with the options of the pool. */
export interface Past<Client> {
  readonly whenExhausted: WhenExhausted | undefined
  readonly own: OwnConnection<Client> | undefined
  readonly warn: ((warning: ServiceWarning) => void) | undefined
}

/** Settles as `ask` does. If that fails with `PoolExhausted`, the run may ask over a connection of its own instead. */
export async function orPast<Client extends object, T> (context: CheckContext, { whenExhausted = 'fail', own, warn }: Past<Client>, ask: () => Promise<T>, use: (client: Client) => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (whenExhausted === 'fail' || own === undefined || !(error instanceof PoolExhausted)) throw error
    const answer = await withClient(context, own, inTurn(context, use))
    if (whenExhausted === 'warn') warn?.(new ServiceWarning('connection pool exhausted; the database answers', { cause: error }))
    return answer
  }
}

/** Gives `work` a signal that is aborted with the run, and when the pool is exhausted after `ms` milliseconds. */
async function untilExhausted<T> (context: CheckContext, pool: PoolOfApp, ms: number, work: (patience: Interruption) => Promise<T>): Promise<T> {
  const signal = interruptionOf(context)
  const patience = new StopSignal()
  const onStop = () => patience.abort(signal.reason)
  signal.addEventListener('abort', onStop, { once: true })
  const look = () => {
    if (pool.isExhausted()) patience.abort(new PoolExhausted())
    else timer = setTimeout(look, lookInterval)
  }
  let timer = setTimeout(look, ms)
  try {
    return await work(patience)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onStop)
  }
}
