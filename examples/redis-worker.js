// A worker of any queue that tells Redis how it is; anybody can ask for the cluster with HeartbeatClusterCheck. Needs REDIS_URL.
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startRedisHeartbeat } from 'fastify-health/heartbeat'

if (process.env.REDIS_URL === undefined) throw new Error('Set REDIS_URL.')
const redis = new Redis(process.env.REDIS_URL)
redis.on('error', error => console.error(error.message))
const heartbeat = startRedisHeartbeat({ redis, cluster: 'mailers' })
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)

console.log('Working.')

async function stop () {
  // Says so at once, rather than after its time to live; a Redis that does not answer is not waited for.
  await Promise.race([heartbeat.stop(), pause(1500)])
  process.exit()
}
