// A pg-boss worker whose beat means progress: one beat a round of its loop, none while a job hangs. Nothing tells of the rounds of
// boss.work(), which fetches by itself: beside that, let the timer beat, as in worker.js. Needs DATABASE_URL.
import { setTimeout as pause } from 'node:timers/promises'
import { startFileHeartbeat } from 'fastify-health/heartbeat'
import PgBoss from 'pg-boss'

if (process.env.DATABASE_URL === undefined) throw new Error('Set DATABASE_URL.')
const boss = new PgBoss(process.env.DATABASE_URL)
boss.on('error', error => console.error(error.message))
await boss.start()
await boss.createQueue('mail')

const heartbeat = startFileHeartbeat({ interval: false })
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, leave)

console.log('Working.')
while (!stop.signal.aborted) {
  // A round that fails is one, too: no restart brings a database back.
  const worked = await round().catch(error => console.error(error.message))
  await heartbeat.beat()
  if (!worked) await pause(500, undefined, { signal: stop.signal }).catch(() => {})
}
await heartbeat.stop()
await boss.stop()

function leave () {
  stop.abort()
  // Neither a job nor a database that hangs is waited for: another worker gets what is left undone.
  setTimeout(async () => {
    await heartbeat.stop()
    process.exit()
  }, 1500).unref()
}

async function round () {
  const [job] = await boss.fetch('mail')
  if (job === undefined) return false
  await send(job.data).then(
    async () => await boss.complete('mail', job.id),
    async error => await boss.fail('mail', job.id, error)
  )
  return true
}

async function send ({ to, seconds = 0 }) {
  await pause(seconds * 1000)
  console.log(`Mail to ${to}`)
}
