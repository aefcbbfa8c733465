// A worker of any queue that tells Redis how it is; anybody can ask for the cluster with HeartbeatClusterCheck. Needs REDIS_URL.
import { Redis } from 'ioredis'
import { startRedisHeartbeat } from 'fastify-health/heartbeat'

const redis = new Redis(process.env.REDIS_URL)
const heartbeat = startRedisHeartbeat({ redis, cluster: 'mailers' })
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)

console.log('Working.')

async function stop () {
  await heartbeat.stop()              // says so at once, rather than after its time to live
  await redis.quit()
}
