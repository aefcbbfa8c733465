import { startCounting } from '../counts.js'
import { load } from '../load.js'
import { compared, interleaved, rounds, scaled, withContenders } from '../measure.js'
import { farAway, startDatabases, withServers } from '../servers.js'

const peers = {
  handWritten: 'a hand-written route',
  nestTerminus: '@nestjs/terminus, sharing for 1 ms',
  terminus: '@godaddy/terminus',
  asksNothing: 'a route that asks nothing',
}
const crowds = [64, 1000]
/** Milliseconds there and back. */
const distances = [0, 1, 10]

/** Many clients at once, and databases near and far. */
export default async function manyClients () {
  return await withServers(startDatabases, async servers => {
    const rows = [...await queries(servers)]
    for (const distance of distances) {
      for (const clients of crowds) rows.push(...await crowd(servers, distance, clients))
    }
    return rows
  })
}

async function crowd (servers, distance, clients) {
  return await withServers(async (scope, helpers) => distance === 0
    ? servers
    : { postgres: await farAway(scope, helpers, servers.postgres, distance), redis: await farAway(scope, helpers, servers.redis, distance) },
  async ({ postgres, redis }) => await withContenders('readiness.js', ['ours', ...Object.keys(peers)], { postgres: postgres.url, redis: redis.url }, async contenders => {
    const measure = async ({ call }, amount) => {
      const { url } = await call('address')
      const before = await call('cpu')
      const { seconds } = await load(url, amount, clients)
      return { rate: amount / seconds, cpu: (await call('cpu') - before) / amount }
    }
    // Until V8 has compiled what runs all the time.
    for (const contender of contenders.values()) await measure(contender, scaled(10_000))
    const found = await interleaved(contenders, async contender => await measure(contender, scaled(4000)), Math.min(rounds, 7))
    const question = `readiness, ${clients.toLocaleString('en')} clients, databases ${distance === 0 ? 'on this machine' : `${distance} ms away`}`
    const row = (name, unit, of, aim) => compared({ question, against: peers[name], unit, ours: found.get('ours').map(of), theirs: found.get(name).map(of), aim })
    return Object.keys(peers).flatMap(name => [
      row(name, 'requests a second', ({ rate }) => rate, name === 'handWritten' && distance >= 1 ? { atLeast: 5 } : undefined),
      row(name, 'server CPU µs a request', ({ cpu }) => cpu, name === 'asksNothing' ? { atMost: 1.3 } : undefined),
    ])
  }))
}

/** What reaches PostgreSQL of them. */
async function queries (servers) {
  const options = { postgres: servers.postgres.url, redis: servers.redis.url }
  // It restarts PostgreSQL, which apps with idle clients do not all survive.
  const counting = await startCounting(servers)
  const asking = ['handWritten', 'nestTerminus', 'terminus']
  const found = await withContenders('readiness.js', ['ours', ...asking], options, async contenders => await interleaved(contenders, async ({ call }) => {
    const amount = scaled(2000)
    const { url } = await call('address')
    await counting.reset()
    await load(url, amount, 64)
    return (await counting.counts()).queries / amount * 1000
  }, Math.min(rounds, 3)))
  await counting.close()
  return asking.map(name => compared({
    question: 'readiness, 64 clients', against: peers[name], unit: 'queries on the server per 1,000 requests', ours: found.get('ours'), theirs: found.get(name),
  }))
}
