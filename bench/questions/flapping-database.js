import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '../load.js'
import { counted, quantile, scaled, withContenders } from '../measure.js'
import { startDatabases, withServers } from '../servers.js'

const probes = 200_000
const parts = 20

/** A soak: PostgreSQL comes and goes every few hundred milliseconds. */
export default async function flappingDatabase () {
  return await withServers(async (scope, helpers) => {
    const { postgres, redis } = await startDatabases(scope, helpers)
    return { relay: await helpers.startRelay(scope, postgres.port), postgres, redis }
  }, async ({ relay, postgres, redis }) => {
    const options = { postgres: postgres.url.replace(`:${postgres.port}/`, `:${relay.port}/`), redis: redis.url, timeout: 300 }
    return await withContenders('readiness.js', ['ours'], options, async contenders => await soak(contenders.get('ours'), relay))
  })
}

async function soak ({ call }, relay) {
  const { url } = await call('address')
  const clients = await Promise.all(Array.from({ length: 32 }, async () => await Client.open(url)))
  const statuses = { 200: 0, 500: 0 }
  const heaps = []
  const over = new AbortController()
  const flapping = flap(relay, over.signal)
  for (let part = 0; part < parts; part++) {
    let left = scaled(probes) / parts
    await Promise.all(clients.map(async client => {
      while (left-- > 0) statuses[(await client.ask()).status]++
    }))
    heaps.push((await call('memory')).heap / 2 ** 20)
  }
  over.abort()
  await flapping
  for (const client of clients) client.close()
  // The first tenth compiles and fills what is of fixed size.
  const early = quantile(heaps.slice(2, 6), 0.5)
  const late = quantile(heaps.slice(-4), 0.5)
  const question = `${statuses[200] + statuses[500]} probes while PostgreSQL flaps`
  return [
    counted({ question, against: 'itself after a tenth of them', unit: 'MiB of heap', ours: late, theirs: early, aim: { atMost: 1.05 }, of: late / early }),
    counted({ question, unit: 'answers 200', ours: statuses[200] }),
    counted({ question, unit: 'answers 500', ours: statuses[500] }),
  ]
}

async function flap (relay, over) {
  const faults = [() => relay.refuse(), () => relay.cut(), () => relay.silence()]
  for (let n = 0; !over.aborted; n++) {
    await faults[n % faults.length]()
    await sleep(100)
    await relay.pass()
    await sleep(200)
  }
}
