import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { startRedis } from './redis.js'
import type { Server } from './server.js'

/** A fleet of its own in the Redis of the file. */
export interface Fleet {
  readonly name: string
  readonly url: string
  readonly ttl: number
}

/** Tests side by side, each with a fleet in one Redis. */
export function fleetTests (ttl: number) {
  let fleets = 0
  const shared = {
    redis: undefined as unknown as Server,
    admin: undefined as unknown as Redis,
    test (name: string, run: (t: Test, fleet: Fleet) => Promise<void>): void {
      t.test(name, { buffered: true }, async t => await run(t, { name: `shop-${fleets++}`, url: shared.redis.url, ttl }))
    },
  }
  t.before(async () => {
    shared.redis = await startRedis(t)
    shared.admin = new Redis(shared.redis.url)
  })
  t.teardown(() => shared.admin.disconnect())
  t.jobs = 4
  return shared
}
