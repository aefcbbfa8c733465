// A worker that serves no HTTP: it beats, and an exec probe reads the beat. Run it with `node examples/worker.js`, and ask in
// another terminal: node dist/lib/cli/bin.js --subset liveness --config examples/worker.health.config.js
// Where fastify-health is installed, that is `npx fastify-health --subset liveness`, with the configuration in health.config.js.
import { setTimeout as pause } from 'node:timers/promises'
import { startFileHeartbeat } from 'fastify-health/heartbeat'

const heartbeat = startFileHeartbeat()
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort())

console.log('Working.')
while (!stop.signal.aborted) {
  // One job after another would be done here.
  await pause(500, undefined, { signal: stop.signal }).catch(() => {})
}
await heartbeat.stop()              // an orderly end is seen at once
