/**
 * A cache is anything with `get` and `set`, with promises or callbacks: Keyv, cache-manager, what @fastify/caching takes, a client of
 * Redis, or one of the app's own. The check calls `set(key, value, milliseconds)`, `get(key)`, and `delete(key)` or `del(key)` if there is
 * one. A `set` that declares four parameters gets a callback, and so do the others; a promise that they return counts as well.
 */
export interface CacheLike {
  get: (...args: never[]) => unknown
  set: (...args: never[]) => unknown
}

/** How one kind of cache is called. */
interface Adapter {
  readonly fits: (cache: CacheLike) => boolean
  readonly set: (cache: CacheLike, key: string, value: string, expiry: number) => Promise<unknown>
  readonly get: (cache: CacheLike, key: string) => Promise<unknown>
  readonly remove: (cache: CacheLike, key: string) => Promise<unknown>
}

type Method = (...args: unknown[]) => unknown

/** Keyv, cache-manager, and whatever else returns promises. */
const promising: Adapter = {
  fits: () => true,
  set: async (cache, key, value, expiry) => await methodOf(cache, 'set')?.(key, value, expiry),
  get: async (cache, key) => await methodOf(cache, 'get')?.(key),
  remove: async (cache, key) => await removalOf(cache)?.(key),
}

/** A client of ioredis or node-redis, for whose own `set` a third argument is no expiry. */
const redis: Adapter = {
  ...promising,
  fits: cache => setterOf(cache) !== undefined,
  set: async (cache, key, value, expiry) => await setterOf(cache)?.(key, expiry, value),
}

/** abstract-cache, whose interface @fastify/caching takes. It tells when a value was stored and when it expires. */
const callingBack: Adapter = {
  fits: cache => cache.set.length === 4,
  set: async (cache, key, value, expiry) => await calledBack(methodOf(cache, 'set'), key, value, expiry),
  get: async (cache, key) => await calledBack(methodOf(cache, 'get'), key),
  remove: async (cache, key) => await calledBack(removalOf(cache), key),
}

const adapters = [redis, callingBack, promising]

/** A cache, as the check asks it. */
export interface AskedCache {
  set (key: string, value: string, expiry: number): Promise<unknown>
  get (key: string): Promise<unknown>
  remove (key: string): Promise<unknown>
}

export function asked (cache: CacheLike): AskedCache {
  const adapter = adapters.find(({ fits }) => fits(cache)) as Adapter
  return {
    set: (key, value, expiry) => adapter.set(cache, key, value, expiry),
    get: async key => unwrapped(await adapter.get(cache, key)),
    remove: key => adapter.remove(cache, key),
  }
}

export function isCache (value: unknown): value is CacheLike {
  return has(value, 'get') && has(value, 'set')
}

export function has (value: unknown, method: string): boolean {
  return typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[method] === 'function'
}

function methodOf (cache: CacheLike, ...names: string[]): Method | undefined {
  const name = names.find(name => has(cache, name))
  return name === undefined ? undefined : (cache as unknown as Record<string, Method>)[name]?.bind(cache)
}

const setterOf = (cache: CacheLike) => methodOf(cache, 'psetex', 'pSetEx')
const removalOf = (cache: CacheLike) => methodOf(cache, 'delete', 'del')

async function calledBack (method: Method | undefined, ...args: unknown[]): Promise<unknown> {
  if (method === undefined) return undefined
  return await new Promise((resolve, reject) => {
    const returned = method(...args, (error: unknown, found: unknown) => error ? reject(error) : resolve(found))
    // A `set` with four parameters may also return a promise and never call back.
    if (has(returned, 'then')) (returned as Promise<unknown>).then(resolve, reject)
  })
}

/** Caches of abstract-cache wrap the value in an object. */
function unwrapped (found: unknown): unknown {
  return typeof found === 'object' && found !== null && 'item' in found ? found.item : found
}
