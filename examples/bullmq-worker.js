// A BullMQ worker that can be asked in two ways: an exec probe reads its beat, as that of worker.js, and BullMQRoundTripCheck sends
// its queue a job, which only a worker that is free to work answers. Needs REDIS_URL.
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'bullmq'
import { startFileHeartbeat, withHealthJobs } from 'fastify-health/heartbeat'

if (process.env.REDIS_URL === undefined) throw new Error('Set REDIS_URL.')
const connection = { url: process.env.REDIS_URL }
const worker = new Worker('mail', withHealthJobs(async job => await send(job.data)), { connection })
worker.on('error', error => console.error(error.message))

const heartbeat = startFileHeartbeat()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)

console.log('Working.')

async function stop () {
  await heartbeat.stop()
  // Its job is waited for, but neither for ever nor a Redis that does not answer: another worker gets what is left undone.
  await Promise.race([worker.close(), pause(1500)])
  process.exit()
}

async function send ({ to }) {
  console.log(`Mail to ${to}`)
}
