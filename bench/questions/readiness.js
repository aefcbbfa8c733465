import { startCounting } from '../counts.js'
import { load } from '../load.js'
import { compared, counted, interleaved, quantile, scaled, withContenders } from '../measure.js'
import { startDatabases, withServers } from '../servers.js'

/** Over real servers: what one client waits for, and what a thousand at once ask of the databases. `crowds` compares many clients. */
export default async function readiness () {
  return await withServers(startDatabases, async servers => [
    ...await withContenders('readiness.js', ['ours', 'handWritten'], urls(servers), oneClient),
    ...await withContenders('readiness.js', ['ours'], urls(servers), async contenders => await counts(contenders, servers)),
  ])
}

const urls = ({ postgres, redis }) => ({ postgres: postgres.url, redis: redis.url })

async function throughput ({ call }, amount, connections) {
  const { url } = await call('address')
  return amount / (await load(url, amount, connections)).seconds
}

async function oneClient (contenders) {
  // Until V8 has compiled what runs all the time: throughput is about that, and the first round alone is too short for it.
  for (const contender of contenders.values()) await throughput(contender, scaled(10_000), 1)
  const amount = scaled(1000)
  const found = await interleaved(contenders, async contender => {
    const before = await contender.call('cpu')
    return { rate: await throughput(contender, amount, 1), cpu: (await contender.call('cpu') - before) / amount }
  })
  const row = (unit, of, aim) => compared({
    question: 'readiness, 1 client', against: 'a hand-written route', unit, ours: found.get('ours').map(of), theirs: found.get('handWritten').map(of), aim,
  })
  return [row('requests a second', ({ rate }) => rate, { atLeast: 0.9 }), row('server CPU µs a request', ({ cpu }) => cpu)]
}

async function counts (contenders, servers) {
  const { call } = contenders.get('ours')
  const counting = await startCounting(servers)
  const { url } = await call('address')
  await counting.reset()
  const amount = scaled(20_000)
  const { times } = await load(url, amount, 1000)
  const { queries, pings, clients } = await counting.counts()
  await counting.close()
  const question = '1,000 concurrent probes of readiness'
  return [
    counted({ question, against: 'counted by PostgreSQL', unit: 'queries at a time', ours: clients, aim: { atMost: 1 } }),
    counted({ question, against: 'counted by PostgreSQL', unit: `queries for ${amount} requests`, ours: queries }),
    counted({ question, against: 'counted by Redis', unit: `PINGs for ${amount} requests`, ours: pings }),
    counted({ question, unit: 'ms until the answer, p99', ours: quantile(times, 0.99) }),
  ]
}
