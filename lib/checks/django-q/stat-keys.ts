import type { Redis } from 'ioredis'
import type { Interruption } from '../../time/stop-signal.js'

// A page takes one round trip, and a key cannot expire between finding and reading it. Keys without a string value are not of Django-Q.
const pageScript = `
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local values = {}
for i, key in ipairs(page[2]) do
  local value = redis.pcall('GET', key)
  values[i] = type(value) == 'table' and '' or value
end
return { page[1], page[2], values }`

const valuesScript = `
local values = {}
for i, key in ipairs(ARGV) do
  local value = redis.pcall('GET', key)
  values[i] = type(value) == 'table' and '' or value
end
return values`

const keysPerPage = 1000

type Page = [cursor: string, keys: string[], values: Array<string | null>]

/** Values by their keys. Scripts get keys as arguments, so that the `keyPrefix` of a client does not change them. */
export type StatValues = Map<string, string>

/**
 * Walks the keyspace, and returns all keys that start with `start`. Each round trip walks 1,000 keys, which takes about a millisecond of
 * Redis. Redis serves other clients in between.
 */
export async function walk (client: Redis, start: string, signal: Interruption): Promise<StatValues> {
  const found: StatValues = new Map()
  const pattern = `${start.replace(/[\\*?[\]]/g, '\\$&')}*`
  let cursor = '0'
  do {
    signal.throwIfAborted()
    const page = await client.eval(pageScript, 0, cursor, pattern, keysPerPage) as Page
    addValues(found, page[1], page[2])
    cursor = page[0]
  } while (cursor !== '0')
  return found
}

/** Returns the values of the `keys` that still exist, in one round trip. */
export async function valuesOf (client: Redis, keys: readonly string[]): Promise<StatValues> {
  const found: StatValues = new Map()
  if (keys.length > 0) addValues(found, keys, await client.eval(valuesScript, 0, ...keys) as Array<string | null>)
  return found
}

function addValues (found: StatValues, keys: readonly string[], values: ReadonlyArray<string | null>): void {
  keys.forEach((key, i) => {
    const value = values[i]
    if (typeof value === 'string') found.set(key, value)
  })
}
