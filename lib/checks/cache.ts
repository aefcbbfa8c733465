import { randomUUID } from 'node:crypto'
import { abortable } from '../time/abortable.js'
import { HealthCheck } from '../check.js'
import { unavailable, wordsFor } from '../clients/driver-errors.js'
import { ServiceReturnedUnexpectedResult } from '../errors.js'
import { rule } from '../values/rules.js'
import { interruptionOf, StopSignal } from '../time/stop-signal.js'
import type { CheckContext, Requirement, RequirementsContext } from '../../types/check.js'
import { decorated } from '../clients/requirements.js'

/**
 * Whatever has `get` and `set`, with promises or callbacks: Keyv, cache-manager, what @fastify/caching takes, a client of Redis,
 * one of the app's own. What the check calls: `set(key, value, milliseconds)`, `get(key)`, and `delete(key)` or `del(key)` if
 * there is one; a `set` that declares four parameters gets a callback, and so do the others; a promise that they return counts as well.
 */
export interface CacheLike {
  get: (...args: never[]) => unknown
  set: (...args: never[]) => unknown
}

export interface CacheOptions {
  /** The name of a decorator, or a cache. Default: `'cache'`, the decorator of @fastify/caching. */
  cache?: string | CacheLike
}

interface Emitter {
  on (event: 'error', listener: (error: unknown) => void): unknown
  off (event: 'error', listener: (error: unknown) => void): unknown
}

// Milliseconds a value lives beyond the time a run may take, so that no slow run misses its own.
const expiryMargin = 5_000
// Milliseconds a run waits for one that was given up, before it counts that one as lost.
const patience = 30_000

// Runs that were given up. A cache takes no signal: what was asked stays in its client's queue until it is answered.
const unanswered = new WeakMap<object, { answered: Promise<void>, since: number }>()

/** Passes when a value that is set is read back. Its key is random, expires, and is deleted. */
export class CacheCheck extends HealthCheck<CacheOptions> {
  static override readonly rules = {
    cache: rule('a cache with `get` and `set`, or the name of the decorator that holds one',
      value => (typeof value === 'string' && value !== '') || isCache(value)),
  }

  static override readonly scope = 'shared'

  override get identifier () {
    const { cache = 'cache' } = this.options
    return `Cache backend: ${typeof cache === 'string' ? cache : nameOf(cache)}`
  }

  override requirements (context: RequirementsContext): Requirement[] {
    const { cache = 'cache' } = this.options
    if (typeof cache !== 'string') return []
    const found = decorated(context.app, [cache])
    if (isCache(found)) return []
    return [{
      message: found === undefined ? `app.${cache} is not there` : `app.${cache} is no cache: it has no \`get\` and \`set\``,
      hint: `Decorate it: app.decorate('${cache}', new Keyv(store)), or name the decorator that holds a cache.`,
    }]
  }

  override async check (context: CheckContext) {
    const { cache = 'cache' } = this.options
    const asked = (typeof cache === 'string' ? decorated(context.app, [cache]) : cache) as CacheLike
    const outer = interruptionOf(context)
    const signal = new StopSignal()
    const onStop = () => signal.abort(outer.reason)
    outer.addEventListener('abort', onStop, { once: true })
    let first: unknown
    // Keyv and cache-manager keep the errors of their stores from the caller, and only emit them.
    const onError = (error: unknown) => {
      first ??= error
      if (wordsFor(error) !== undefined) signal.abort(error)
    }
    const emitters = emittersOf(asked)
    for (const emitter of emitters) emitter.on('error', onError)
    try {
      await earlier(asked, signal)
      await given(asked, signal, roundTrip(asked, signal, context.timeout + expiryMargin))
      // Of a tier behind another one, whose answer hides that this one is broken.
      if (first !== undefined) throw first
    } catch (error) {
      throw unavailable(signal.aborted ? error : first ?? error)
    } finally {
      outer.removeEventListener('abort', onStop)
      for (const emitter of emitters) emitter.off('error', onError)
    }
  }
}

async function roundTrip (cache: CacheLike, signal: StopSignal, expiry: number): Promise<void> {
  const key = `healthcheck:${randomUUID()}`
  const value = randomUUID()
  let found: unknown
  try {
    await set(cache, key, value, expiry)
    signal.throwIfAborted()
    found = await call(cache, 'get', key)
  } finally {
    const remove = ['delete', 'del'].find(method => has(cache, method))
    // What was given up is left to expire: a late command opens a client again that the app has closed meanwhile.
    if (remove !== undefined && !signal.aborted) await call(cache, remove, key)
  }
  if (unwrapped(found) === value) return
  throw new ServiceReturnedUnexpectedResult(found === undefined || found === null ? 'a value that was set is not there' : 'the value read is not the value set')
}

async function set (cache: CacheLike, key: string, value: string, expiry: number): Promise<void> {
  // The third argument of a Redis client's own `set` is no expiry.
  const redis = ['psetex', 'pSetEx'].find(method => has(cache, method))
  if (redis === undefined) await call(cache, 'set', key, value, expiry)
  else await call(cache, redis, key, expiry, value)
}

async function call (cache: CacheLike, method: string, ...args: unknown[]): Promise<unknown> {
  const called = (cache as unknown as Record<string, (...args: unknown[]) => unknown>)[method]!
  const takesCallback = cache.set.length === 4
  if (!takesCallback) return await called.apply(cache, args)
  return await new Promise((resolve, reject) => {
    const returned = called.call(cache, ...args, (error: unknown, found: unknown) => error ? reject(error) : resolve(found))
    // Four parameters may also be those of a cache that never calls back.
    if (has(returned, 'then')) (returned as Promise<unknown>).then(resolve, reject)
  })
}

/** abstract-cache, whose interface @fastify/caching takes, tells when the value was stored and when it expires. */
function unwrapped (found: unknown): unknown {
  return typeof found === 'object' && found !== null && 'item' in found ? found.item : found
}

async function earlier (cache: CacheLike, signal: StopSignal): Promise<void> {
  const given = unanswered.get(identity(cache))
  if (given !== undefined && Date.now() - given.since < patience) await abortable(given.answered, signal)
}

async function given (cache: CacheLike, signal: StopSignal, work: Promise<void>): Promise<void> {
  await abortable(work, signal, () => {
    const answered = work.catch(() => {}).finally(() => unanswered.delete(identity(cache)))
    unanswered.set(identity(cache), { answered, since: Date.now() })
  })
}

/** What stays the same over the runs: each of them gets a copy of a plain object, which is what cache-manager makes. */
function identity (cache: CacheLike): object {
  return Object.hasOwn(cache, 'set') ? cache.set : cache
}

/** Itself, and the stores of a cache-manager. */
function emittersOf (cache: CacheLike): Emitter[] {
  const { stores } = cache as { stores?: unknown }
  return [cache, ...Array.isArray(stores) ? stores : []].filter((item): item is Emitter => has(item, 'on') && has(item, 'off'))
}

function nameOf (cache: CacheLike): string {
  if (has(cache, 'cacheId')) return 'cache-manager'
  const name = (cache as { constructor?: { name: string } }).constructor?.name
  return name === undefined || name === 'Object' ? 'custom' : name
}

function isCache (value: unknown): value is CacheLike {
  return has(value, 'get') && has(value, 'set')
}

function has (value: unknown, method: string): boolean {
  return typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[method] === 'function'
}

export default CacheCheck
