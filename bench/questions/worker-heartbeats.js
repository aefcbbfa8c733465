import { Redis } from 'ioredis'
import { compared, rounds, scaled, withContenders } from '../measure.js'
import { withServers } from '../servers.js'

const sizes = [10, 1000, 100_000]

/** Counting the workers of a cluster, however many there are. */
export default async function workerHeartbeats () {
  return await withServers(async (scope, { startRedis }) => await startRedis(scope), async ({ url }) => {
    const redis = new Redis(url)
    const found = new Map(sizes.map(size => [size, []]))
    for (const size of sizes) await fill(redis, size)
    const run = scaled(500)
    for (let round = -1; round < rounds; round++) {
      for (const size of sizes) {
        const { wall } = await measure(url, size, run)
        if (round >= 0) found.get(size).push(wall / run)
      }
    }
    redis.disconnect()
    return sizes.slice(1).map(size => compared({
      question: `a heartbeat check over ${size} workers`, against: '10 workers', unit: 'µs until it has answered', ours: found.get(size), theirs: found.get(10), aim: { atMost: 1.15 },
    }))
  })
}

async function measure (redis, size, times) {
  return await withContenders('checks.js', ['workers'], { redis, cluster: `of${size}` }, async contenders => {
    const { call } = contenders.get('workers')
    await call('run', 100)
    return await call('spent', 'run', times)
  })
}

/** As `startRedisHeartbeat` enters them: lib/heartbeat/roster.ts describes the keys. */
async function fill (redis, size) {
  const index = `fastify-health:{of${size}}:workers`
  const expiry = Date.now() + 3_600_000
  await redis.zadd(index, expiry, 'Working')
  for (let from = 0; from < size; from += 1000) {
    const entries = Array.from({ length: Math.min(1000, size - from) }, (_, n) => [expiry, `worker ${from + n}`])
    await redis.zadd(`${index}:Working`, ...entries.flat())
  }
}
