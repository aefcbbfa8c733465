// A BullMQ worker that can be asked in two ways: an exec probe reads its beat, as that of worker.js, and BullMQRoundTripCheck sends
// its queue a job, which only a worker that is free to work answers. Needs REDIS_URL.
import { Worker } from 'bullmq'
import { startFileHeartbeat, withHealthJobs } from 'fastify-health/heartbeat'

const connection = { url: process.env.REDIS_URL }
const worker = new Worker('mail', withHealthJobs(async job => await send(job.data)), { connection })
worker.on('error', error => console.error(error.message))

const heartbeat = startFileHeartbeat()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)

async function stop () {
  await worker.close()                // once its job is done
  await heartbeat.stop()
}

async function send ({ to }) {
  console.log(`Mail to ${to}`)
}
