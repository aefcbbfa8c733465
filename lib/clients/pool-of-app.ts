import { findClient, untilFound, withClient, type ClientOfApp, type OwnConnection } from './client.js'
import { inTurn } from './in-turn.js'
import { noConnectionInTime, wordsFor } from './driver-errors.js'
import { lacking, ServiceUnavailable, ServiceWarning } from '../errors.js'
import { follow, interruptionOf, type Interruption } from '../time/stop-signal.js'
import { oneOf } from '../values/rules.js'
import type { CheckContext, Requirement, RequirementsContext } from '../../types/check.js'
import type { WhenExhausted } from '../../types/sources.js'

/** A pool of the app, as far as it can be seen. */
export interface PoolOfApp {
  /** Returns whether all connections of the pool are lent. */
  readonly isExhausted: () => boolean
  /** One connection with the options of the pool. It is absent if the pool does not tell them. */
  readonly own?: OwnConnection<object>
  /** Starts to listen for failures of the connections of the pool, and returns a function that stops it. */
  readonly listen?: (failed: (error: unknown) => void) => () => unknown
}

/** The pools of one kind of client. */
export interface PoolKind<Client> {
  /** Returns the pool of a client, or `undefined` if it has none, or does not show it. */
  readonly poolOf: (client: Client) => PoolOfApp | undefined
  /** Names the pools that tell their options, such as `pg or mysql2`. */
  readonly telling: string
}

/** What a check does about a pool that is exhausted. */
export interface Busy {
  readonly whenExhausted: WhenExhausted | undefined
  /** The function receives a warning if `whenExhausted` is `warn`. */
  readonly warn: (warning: ServiceWarning) => void
}

export const whenExhaustedRule = oneOf(['fail', 'warn', 'pass'])

export class PoolExhausted extends ServiceUnavailable {
  constructor (options?: ErrorOptions) {
    super('connection pool exhausted', options)
  }
}

/** Returns how many milliseconds a run waits for a connection of the pool. Without `fail`, time must be left for another connection. */
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
export async function poolRequirements<Client> (
  context: RequirementsContext,
  source: ClientOfApp<Client>,
  pools: PoolKind<Client>,
  whenExhausted: WhenExhausted | undefined
): Promise<Requirement[]> {
  const { client, missing } = await findClient<Client>(context, source.client, source.kind)
  if (missing !== undefined) return [missing]
  return toldOptions(client, pools, whenExhausted)
}

/** Lists a requirement (E007) if `whenExhausted` cannot be kept, since the client does not tell the options of its pool. */
export function toldOptions<Client> (
  client: Client,
  { poolOf, telling }: PoolKind<Client>,
  whenExhausted: WhenExhausted | undefined
): Requirement[] {
  // Some pools are counted from the first look.
  const pool = poolOf(client)
  if (whenExhausted === undefined || whenExhausted === 'fail' || pool?.own !== undefined) return []
  return [{
    message: `\`whenExhausted\` is '${whenExhausted}', and the client does not show the options of its pool`,
    hint: `Give the check a pool of ${telling} itself, or leave \`whenExhausted\` out.`,
  }]
}

// A pool is looked at again after this many milliseconds.
const lookInterval = 25
// A pool may answer over another connection for this many milliseconds after one has failed.
const failureGrace = 250

/**
 * Lends a client of the app to `use`, as `withClient` does. If its pool is exhausted when the time for that is up, the run says so, or asks
 * over a connection of its own. At most one request of a check stays in the queue of the pool.
 */
export async function withPoolOfApp<Client extends object, T> (
  context: CheckContext,
  source: ClientOfApp<Client>,
  { poolOf }: PoolKind<Client>,
  { whenExhausted, warn }: Busy,
  use: (client: Client) => Promise<T>
): Promise<T> {
  const { client, missing } = await untilFound(findClient<Client>(context, source.client, source.kind), interruptionOf(context))
  if (missing !== undefined) throw lacking([missing])
  const found = { ...source, client }
  const pool = poolOf(client)
  if (pool === undefined) return await withClient(context, found, use)
  const ask = async () => await untilExhausted(context, pool, patienceOf(context, whenExhausted), async patience =>
    await withClient(context, found, use, patience))
  return await orPast(context, { whenExhausted, warn, own: pool.own as OwnConnection<Client> | undefined }, ask, use)
}

/** What a run does about a pool that is exhausted. `own` is a connection with the options of the pool. */
export interface Past<Client> {
  readonly whenExhausted: WhenExhausted | undefined
  readonly own: OwnConnection<Client> | undefined
  readonly warn: ((warning: ServiceWarning) => void) | undefined
}

/** Settles as `ask` does. If that fails with `PoolExhausted`, the run may ask over a connection of its own instead. */
export async function orPast<Client extends object, T> (
  context: CheckContext,
  { whenExhausted = 'fail', own, warn }: Past<Client>,
  ask: () => Promise<T>,
  use: (client: Client) => Promise<T>
): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (whenExhausted === 'fail' || own === undefined || !(error instanceof PoolExhausted)) throw error
    const answer = await withClient(context, own, inTurn(context, use))
    if (whenExhausted === 'warn') warn?.(new ServiceWarning('connection pool exhausted; the database answers', { cause: error }))
    return answer
  }
}

/**
 * Gives `work` a signal that is aborted with the run, when the pool is exhausted after `ms` milliseconds, and when a connection of the pool
 * failed and no other has answered.
 */
export async function untilExhausted<T> (
  context: CheckContext,
  pool: PoolOfApp,
  ms: number,
  work: (patience: Interruption) => Promise<T>
): Promise<T> {
  const { follower: patience, unfollow } = follow(interruptionOf(context))
  const look = () => {
    if (pool.isExhausted()) patience.abort(new PoolExhausted())
    else timer = setTimeout(look, lookInterval)
  }
  let timer = setTimeout(look, ms)
  const giveUp: NodeJS.Timeout[] = []
  const deafen = pool.listen?.(error => giveUp.push(setTimeout(() => patience.abort(error), failureGrace)))
  try {
    return await work(patience).catch(error => {
      // The app may have told its pool to wait less long than the run does.
      throw wordsFor(error) === noConnectionInTime && pool.isExhausted() ? new PoolExhausted({ cause: error }) : error
    })
  } finally {
    for (const each of [timer, ...giveUp]) clearTimeout(each)
    deafen?.()
    unfollow()
  }
}
