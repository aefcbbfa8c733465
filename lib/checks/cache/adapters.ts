import { hasMethods } from '../../clients/client.js'

/**
 * A cache is any object with `get` and `set`, with promises or callbacks: Keyv, cache-manager, a cache for @fastify/caching, a client of
 * Redis, or a cache of the app. The check calls `set(key, value, milliseconds)`, `get(key)`, and `delete(key)` or `del(key)` if there is
 * one. If `set` declares four parameters, all of these functions get a callback. A promise that they return counts as well.
 */
export interface CacheLike {
  get: (...args: never[]) => unknown
  set: (...args: never[]) => unknown
}

/** The way to call one kind of cache. */
interface CacheAdapter {
  readonly fits: (cache: CacheLike) => boolean
  readonly set: (cache: CacheLike, key: string, value: string, expiry: number) => Promise<unknown>
  readonly get: (cache: CacheLike, key: string) => Promise<unknown>
  readonly remove: (cache: CacheLike, key: string) => Promise<unknown>
}

type CacheMethod = (...args: unknown[]) => unknown

/** The adapter for Keyv, cache-manager, and all other caches with promises. */
const promising: CacheAdapter = {
  fits: () => true,
  set: async (cache, key, value, expiry) => await methodOf(cache, 'set')?.(key, value, expiry),
  get: async (cache, key) => await methodOf(cache, 'get')?.(key),
  remove: async (cache, key) => await removalOf(cache)?.(key),
}

/** The adapter for a client of ioredis or node-redis. The third argument of its `set` is no expiry. */
const redis: CacheAdapter = {
  ...promising,
  fits: cache => setterOf(cache) !== undefined,
  set: async (cache, key, value, expiry) => await setterOf(cache)?.(key, expiry, value),
}

/** The adapter for abstract-cache, whose interface @fastify/caching takes. Its answer also says when a value was stored and expires. */
const callingBack: CacheAdapter = {
  fits: cache => cache.set.length === 4,
  set: async (cache, key, value, expiry) => await calledBack(methodOf(cache, 'set'), key, value, expiry),
  get: async (cache, key) => await calledBack(methodOf(cache, 'get'), key),
  remove: async (cache, key) => await calledBack(removalOf(cache), key),
}

const cacheAdapters = [redis, callingBack, promising]

/** A cache with the methods that the check calls. */
export interface AskedCache {
  set (key: string, value: string, expiry: number): Promise<unknown>
  get (key: string): Promise<unknown>
  remove (key: string): Promise<unknown>
}

export function askedCache (cache: CacheLike): AskedCache {
  const adapter = cacheAdapters.find(({ fits }) => fits(cache)) as CacheAdapter
  return {
    set: (key, value, expiry) => adapter.set(cache, key, value, expiry),
    get: async key => unwrapped(await adapter.get(cache, key)),
    remove: key => adapter.remove(cache, key),
  }
}

export function isCache (value: unknown): value is CacheLike {
  return hasMethods(value, 'get', 'set')
}

function methodOf (cache: CacheLike, ...names: string[]): CacheMethod | undefined {
  const name = names.find(name => hasMethods(cache, name))
  return name === undefined ? undefined : (cache as unknown as Record<string, CacheMethod>)[name]?.bind(cache)
}

const setterOf = (cache: CacheLike) => methodOf(cache, 'psetex', 'pSetEx')
const removalOf = (cache: CacheLike) => methodOf(cache, 'delete', 'del')

async function calledBack (method: CacheMethod | undefined, ...args: unknown[]): Promise<unknown> {
  if (method === undefined) return undefined
  return await new Promise((resolve, reject) => {
    const returned = method(...args, (error: unknown, found: unknown) => error ? reject(error) : resolve(found))
    // A `set` with four parameters may also return a promise and never call back.
    if (hasMethods(returned, 'then')) (returned as Promise<unknown>).then(resolve, reject)
  })
}

/** Returns the value without the object in which caches of abstract-cache wrap it. */
function unwrapped (found: unknown): unknown {
  return typeof found === 'object' && found !== null && 'item' in found ? found.item : found
}
