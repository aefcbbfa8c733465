import { randomUUID } from 'node:crypto'
import { abortable } from '../time/abortable.js'
import { HealthCheck } from '../check.js'
import {
  clientRule, findClient, hasMethods, withClient, type ClientKind, type ClientOption, type FoundClient,
} from '../clients/client.js'
import { unavailable, wordsFor } from '../clients/driver-errors.js'
import { isNodeRedis, nodeRedisPools, betterReason, withNodeRedis } from '../clients/node-redis.js'
import { toldOptions, whenExhaustedRule } from '../clients/pool-of-app.js'
import { isIORedis } from '../clients/redis.js'
import { withIORedis } from '../clients/redis-of-app.js'
import { lacking, ServiceReturnedUnexpectedResult } from '../errors.js'
import { follow, interruptionOf, type Interruption } from '../time/stop-signal.js'
import type { CheckContext, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'
import type { WhenExhausted } from '../../types/sources.js'
import { askedCache, isCache, type AskedCache, type CacheLike } from './cache/adapters.js'

export type { CacheLike } from './cache/adapters.js'

export interface CacheOptions {
  /**
   * The cache: the name of a decorator (dots reach into it), a function of the app, or the cache itself.
   *
   * @default 'cache', the decorator of @fastify/caching
   */
  cache?: ClientOption<CacheLike>
  /** Another name for `cache`. At most one of the two may be given. */
  client?: ClientOption<CacheLike>
  /**
   * Decides what happens when a pool of node-redis has no free client. `fail` reports `unavailable`. `warn` and `pass` ask over one
   * connection of the check itself, which is made from the options of the pool and kept.
   *
   * @default 'fail'
   */
  whenExhausted?: WhenExhausted
}

interface Emitter {
  on (event: 'error', listener: (error: unknown) => void): unknown
  off (event: 'error', listener: (error: unknown) => void): unknown
}

const kind: ClientKind = {
  takes: 'a cache with `get` and `set`',
  fits: isCache,
  hint: 'Let it be a cache, or name the decorator that holds one.',
}

// A value expires this many milliseconds after the time of the run, so that a slow run still finds it.
const expiryMargin = 5_000

/** Passes if a value that was set is read back. Its key is random, expires, and is deleted. */
export class CacheCheck extends HealthCheck<CacheOptions> {
  static override readonly rules = {
    cache: clientRule(kind),
    client: clientRule(kind),
    whenExhausted: whenExhaustedRule,
  } satisfies RulesOf<CacheOptions>

  static override readonly scope = 'shared'

  override get identifier () {
    const cache = this.#given
    return `Cache backend: ${typeof cache === 'string' ? cache : nameOf(cache)}`
  }

  override async requirements (context: RequirementsContext): Promise<Requirement[]> {
    const { cache, client } = this.options
    if (cache !== undefined && client !== undefined) {
      return [{ message: 'both `cache` and `client` are given', hint: 'Give one of them: they mean the same.' }]
    }
    const { client: found, missing } = await this.#find(context)
    return missing === undefined ? toldOptions(found, nodeRedisPools, this.options.whenExhausted) : [missing]
  }

  override async check (context: CheckContext) {
    const { client: cache, missing } = await abortable(this.#find(context), interruptionOf(context))
    if (missing !== undefined) throw lacking([missing])
    const ask = async (client: unknown) => await setAndGet(
      askedCache(client as CacheLike),
      interruptionOf(context),
      context.timeout + expiryMargin
    )
    try {
      if (isIORedis(cache) && hasMethods(cache, 'psetex')) await withIORedis(context, cache, ask)
      else if (isNodeRedis(cache)) {
        await withNodeRedis(
          context,
          cache,
          { whenExhausted: this.options.whenExhausted, warn: warning => this.addError(warning) },
          ask
        )
      } else await this.#ask(cache, context)
    } catch (error) {
      throw unavailable(error)
    }
  }

  async #ask (cache: CacheLike, context: CheckContext) {
    const outer = interruptionOf(context)
    const { follower: signal, unfollow } = follow(outer)
    let first: unknown
    // Keyv and cache-manager do not throw the errors of their stores, but only emit them.
    const onError = (error: unknown) => {
      first ??= error
      if (wordsFor(error) !== undefined) signal.abort(error)
    }
    const emitters = emittersOf(cache)
    for (const emitter of emitters) emitter.on('error', onError)
    try {
      const ask = (cache: CacheLike) => setAndGet(askedCache(cache), signal, context.timeout + expiryMargin)
      await withClient<CacheLike, void>(context, { client: cache, kind }, ask, signal)
      // The answer of one tier may hide a fault of the next tier.
      if (first !== undefined) throw first
    } catch (error) {
      throw await betterReason(signal.aborted ? error : first ?? error, clientInside(emitters), outer)
    } finally {
      unfollow()
      for (const emitter of emitters) emitter.off('error', onError)
    }
  }

  async #find (context: Pick<RequirementsContext, 'app'>): Promise<FoundClient<CacheLike>> {
    const option = this.options.client === undefined ? 'cache' : 'client'
    const given = this.#given
    const hint = typeof given === 'string'
      ? `Decorate it: app.decorate('${given.split('.')[0]}', new Keyv(store)), or name the decorator that holds a cache.`
      : kind.hint
    return await findClient<CacheLike>(context, given, { ...kind, option, hint })
  }

  get #given (): ClientOption<CacheLike> {
    return this.options.cache ?? this.options.client ?? 'cache'
  }
}

async function setAndGet (cache: AskedCache, signal: Interruption, expiry: number): Promise<void> {
  const key = `healthcheck:${randomUUID()}`
  const value = randomUUID()
  let found: unknown
  // A pool may lend its client only now.
  signal.throwIfAborted()
  try {
    await cache.set(key, value, expiry)
    signal.throwIfAborted()
    found = await cache.get(key)
  } finally {
    // The key of an aborted run expires by itself, since a late command could reopen a client that the app has closed.
    if (!signal.aborted) await cache.remove(key)
  }
  if (found === value) return
  throw new ServiceReturnedUnexpectedResult(
    found === undefined || found === null ? 'a value that was set is not there' : 'the value read is not the value set'
  )
}

/** Returns the objects that emit errors: the cache itself, and the stores of a cache-manager. */
function emittersOf (cache: CacheLike): Emitter[] {
  const { stores } = cache as { stores?: unknown }
  return [cache, ...Array.isArray(stores) ? stores : []].filter((item): item is Emitter => hasMethods(item, 'on', 'off'))
}

/** Returns the client of Redis that a Keyv among these asks. */
function clientInside (emitters: readonly Emitter[]): unknown {
  return emitters.map(emitter => (emitter as { store?: { client?: unknown } }).store?.client).find(isNodeRedis)
}

function nameOf (cache: Exclude<ClientOption<CacheLike>, string>): string {
  if (typeof cache === 'function') return cache.name === '' ? 'custom' : cache.name
  if (hasMethods(cache, 'cacheId')) return 'cache-manager'
  const name = (cache as { constructor?: { name: string } }).constructor?.name
  return name === undefined || name === 'Object' ? 'custom' : name
}

export default CacheCheck
