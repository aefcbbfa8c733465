import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '../load.js'
import { counted, median, rounds, scaled, withContenders } from '../measure.js'
import { startDatabases, withServers } from '../servers.js'

const deadline = 1000
const probes = 500
const poolSize = 10
const question = `${probes} probes against a silent database`

/** PostgreSQL accepts and never answers; its answer is late by the deadline, and nothing piles up. */
export default async function silentDatabase () {
  return await withServers(async (scope, helpers) => {
    const { postgres, redis } = await startDatabases(scope, helpers)
    return { relay: await helpers.startRelay(scope, postgres.port), postgres, redis }
  }, async ({ relay, postgres, redis }) => {
    const through = postgres.url.replace(`:${postgres.port}/`, `:${relay.port}/`)
    const options = { postgres: through, redis: redis.url, deadline, timeout: 2 * deadline }
    return await withContenders('readiness.js', ['ours', 'asksNothing'], options, async contenders => [
      ...await ask(contenders.get('ours'), relay),
      await floor(contenders.get('asksNothing')),
    ])
  })
}

/** What it takes to send, handle and read so many requests at once, when there is nothing to wait for. */
async function floor ({ call }) {
  const { url } = await call('address')
  const clients = await Promise.all(Array.from({ length: probes }, async () => await Client.open(url)))
  const slowest = []
  for (let round = 0; round < Math.max(3, scaled(rounds)); round++) {
    const answers = await Promise.all(clients.map(async client => await client.ask()))
    slowest.push(Math.max(...answers.map(({ time }) => time)))
  }
  for (const client of clients) client.close()
  return counted({ question: `${probes} probes at once of a route that asks nothing`, unit: 'ms until the answer, p100', ours: median(slowest) })
}

async function ask ({ call }, relay) {
  const { url } = await call('address')
  const clients = await Promise.all(Array.from({ length: probes }, async () => await Client.open(url)))
  const askAll = async () => await Promise.all(clients.map(async client => await client.ask()))
  const recover = async () => {
    await relay.pass()
    await sleep(3 * deadline)
    for (const { status } of await askAll()) if (status !== 200) throw new Error(`A probe after the silence was answered with ${status}`)
  }
  const left = async () => ({ ...await call('memory'), handles: await call('handles') })
  // Until V8 has compiled what runs for every probe, as in a service that has been probed for a while; a collection that is forced
  // makes it throw that away.
  const warmUp = async () => {
    for (let asked = 0; asked < scaled(20_000); asked += probes) await askAll()
  }
  let slowest = 0
  let sockets = 0
  const silence = async () => {
    await relay.silence()
    const answers = askAll()
    while (await Promise.race([answers.then(() => false), sleep(100, true)])) sockets = Math.max(sockets, relay.connections)
    for (const { status, time } of await answers) {
      if (status !== 500) throw new Error(`A probe was answered with ${status}`)
      slowest = Math.max(slowest, time)
    }
  }
  await warmUp()
  await silence()
  await recover()
  const before = await left()
  await warmUp()
  for (let round = 0; round < Math.max(1, Math.round(scaled(rounds) / 3)); round++) {
    await silence()
    await recover()
  }
  const after = await left()
  for (const client of clients) client.close()
  const row = (unit, ours, aim) => counted({ question, unit, ours, aim })
  const total = ({ handles }) => Object.entries(handles).reduce((sum, [, count]) => sum + count, 0)
  return [
    row('ms until the answer, p100', slowest, { atMost: deadline + 50 }),
    row('sockets to the database', sockets, { atMost: poolSize }),
    counted({ question, against: 'heap after the first silence', unit: 'MiB of heap after the last', ours: after.heap / 2 ** 20, theirs: before.heap / 2 ** 20, aim: { atMost: 1.05 }, of: after.heap / before.heap }),
    counted({ question, against: 'handles after the first silence', unit: 'handles after the last', ours: total(after), theirs: total(before), aim: { atMost: 0 }, of: total(after) - total(before) }),
  ]
}
