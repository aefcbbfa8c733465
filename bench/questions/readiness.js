import { startCounting } from '../counts.js'
import { load } from '../load.js'
import { compared, counted, interleaved, quantile, scaled, withContenders } from '../measure.js'
import { farAway, startDatabases, withServers } from '../servers.js'

const peers = {
  handWritten: ['a hand-written route', { atLeast: 5 }],
  nestTerminus: ['@nestjs/terminus, sharing for 1 ms'],
  terminus: ['@godaddy/terminus', { atLeast: 5 }],
  asksNothing: ['a route that asks nothing'],
}

/** Over real servers: one client, 64, and a thousand. */
export default async function readiness () {
  return await withServers(startDatabases, async servers => [
    ...await withContenders('readiness.js', ['ours', 'handWritten'], urls(servers), oneClient),
    ...await withContenders('readiness.js', ['ours', ...Object.keys(peers)], urls(servers), async contenders => await manyClients(contenders, servers)),
    ...await withContenders('readiness.js', ['ours', 'handWritten', 'asksNothing'], urls(servers), thousandClients),
    ...await withContenders('readiness.js', ['ours'], urls(servers), async contenders => await counts(contenders, servers)),
    ...await tenMillisecondsAway(servers),
  ])
}

const urls = ({ postgres, redis }) => ({ postgres: postgres.url, redis: redis.url })

async function throughput ({ call }, amount, connections) {
  const { url } = await call('address')
  return amount / (await load(url, amount, connections)).seconds
}

/** Until V8 has compiled what runs all the time: throughput is about that, and the first round alone is too short for it. */
async function warmUp (contenders, connections) {
  for (const contender of contenders.values()) await throughput(contender, scaled(10_000), connections)
}

async function oneClient (contenders) {
  await warmUp(contenders, 1)
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

async function manyClients (contenders, servers) {
  // It restarts PostgreSQL, which apps with idle clients do not all survive.
  const counting = await startCounting(servers)
  await warmUp(contenders, 64)
  const found = await interleaved(contenders, async contender => {
    const amount = scaled(5000)
    const before = await contender.call('cpu')
    await counting.reset()
    const rate = await throughput(contender, amount, 64)
    const { queries } = await counting.counts()
    return { rate, queries: queries / amount * 1000, cpu: (await contender.call('cpu') - before) / amount }
  })
  await counting.close()
  const row = (name, unit, of, aim) => compared({
    question: 'readiness, 64 clients', against: peers[name][0], unit, ours: found.get('ours').map(of), theirs: found.get(name).map(of), aim,
  })
  return Object.keys(peers).flatMap(name => [
    row(name, 'requests a second', ({ rate }) => rate, peers[name][1]),
    ...(name === 'asksNothing' ? [] : [row(name, 'queries on the server per 1,000 requests', ({ queries }) => queries)]),
    row(name, 'server CPU µs a request', ({ cpu }) => cpu),
  ])
}

async function thousandClients (contenders) {
  await warmUp(contenders, 1000)
  const found = await interleaved(contenders, async contender => await throughput(contender, scaled(5000), 1000))
  return ['handWritten', 'asksNothing'].map(name => beside('readiness, 1,000 clients', found, name))
}

/** Each query holds one of the pool's ten clients for as long: what a hand-written route is bound by, and a shared run is not. */
async function tenMillisecondsAway (servers) {
  return await withServers(async (scope, helpers) => ({
    postgres: await farAway(scope, helpers, servers.postgres, 10),
    redis: await farAway(scope, helpers, servers.redis, 10),
  }), async remote => await withContenders('readiness.js', ['ours', 'handWritten'], urls(remote), async contenders => {
    await warmUp(contenders, 64)
    const rows = []
    for (const [connections, name, amount] of [[64, '64', 2000], [1000, '1,000', 5000]]) {
      const found = await interleaved(contenders, async contender => await throughput(contender, scaled(amount), connections))
      rows.push(beside(`readiness, ${name} clients, databases 10 ms away`, found, 'handWritten'))
    }
    return rows
  }))
}

function beside (question, found, name) {
  const [against, aim] = peers[name]
  return compared({ question, against, unit: 'requests a second', ours: found.get('ours'), theirs: found.get(name), aim })
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
