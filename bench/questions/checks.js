import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compared, contender, counted, rounds, scaled } from '../measure.js'
import { farAway, startDatabases, withServers } from '../servers.js'

const cluster = 'bench'
const secretKey = 'correct horse battery staple'

const usual = { times: 200, warmUp: 10_000, probes: 10_000 }
// A worker of Celery's takes milliseconds to answer, whoever asks: as many probes as of the others would take minutes.
const slow = { times: 25, warmUp: 500, probes: 1000 }

// By the name of its subset: what each check is measured against, how often in a round, and how many of its probes leave nothing behind;
// `start` starts the worker that it asks, which runs for no other check.
const checked = {
  postgres: { ...usual, against: '`SELECT 1` of its pool' },
  migrations: { ...usual, against: 'the SELECT and the listing' },
  redis: { ...usual, against: '`PING` of its client' },
  cache: { ...usual, against: 'set, get and delete of its client' },
  storage: { ...usual, against: 'write and flush, read, delete and stat' },
  rabbitmq: { ...usual, against: 'a channel, opened and closed' },
  http: { ...usual, against: '`fetch` and the text' },
  heartbeat: { ...usual, against: '`stat`' },
  bullmq: {
    ...usual,
    against: '`getWorkers()` of its queue',
    start: startBullMQ,
  },
  'django-q': {
    ...usual,
    against: '`GET` of the stat, not verified',
    start: async (scope, { startDjangoQ }, { redis }) => await startDjangoQ(scope, { redis: redis.url, cluster, secretKey }),
  },
  'celery-rabbitmq': {
    ...slow,
    against: 'a ping by hand, over a channel and a queue of its own',
    start: async (scope, { startCeleryWorker }, { rabbitmq }) => await startCeleryWorker(scope, { broker: rabbitmq.url }),
  },
  'celery-redis': {
    ...slow,
    against: 'a ping by hand, over a list of its own, waiting for it',
    start: async (scope, { startCeleryWorker }, { redis }) => await startCeleryWorker(scope, { broker: redis.url }),
  },
}

/** One after another, over clients that are connected already. */
export default async function checks () {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-bench-'))
  try {
    return await withServers(async (scope, helpers) => {
      const [databases, rabbitmq] = await Promise.all([startDatabases(scope, helpers), helpers.startRabbitMQ(scope)])
      return { ...databases, rabbitmq }
    }, async servers => [...await beside(servers, folder), ...await acrossNetwork(servers, folder)])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const optionsOf = ({ postgres, redis, rabbitmq }, folder) => ({ postgres: postgres.url, redis: redis.url, rabbitmq: rabbitmq.url, folder, cluster, secretKey })

/** The servers are on this machine: next to nothing of what is measured is theirs. */
async function beside (servers, folder) {
  const { call, close } = await contender('checks.js', 'checks', optionsOf(servers, folder))
  const rows = []
  for (const [subset, { start = () => {}, ...check }] of Object.entries(checked)) {
    rows.push(...await withServers(
      async (scope, helpers) => await start(scope, helpers, servers),
      async () => [await latency(call, subset, check), await leftBehind(call, subset, check)]
    ))
  }
  await close()
  return rows
}

/** A millisecond away, there and back, as a server of another availability zone is. */
async function acrossNetwork (servers, folder) {
  return await withServers(async (scope, helpers) => ({
    ...servers,
    postgres: await farAway(scope, helpers, servers.postgres, 1),
    redis: await farAway(scope, helpers, servers.redis, 1),
  }), async remote => {
    const { call, close } = await contender('checks.js', 'checks', optionsOf(remote, folder))
    const rows = []
    for (const subset of ['postgres', 'redis']) rows.push(await latency(call, subset, { ...checked[subset], where: ' across a network' }))
    await close()
    return rows
  })
}

async function startBullMQ (scope, _helpers, { redis }) {
  const { Worker } = await import('bullmq')
  const worker = new Worker('mail', async () => {}, { connection: { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null } })
  scope.after(async () => await worker.close(true))
  await worker.waitUntilReady()
}

async function latency (call, subset, { against, where = '', ...check }) {
  const times = scaled(check.times)
  const found = { run: [], bare: [] }
  // Until V8 has compiled what runs for every probe, as in a service that has been probed for a while.
  for (const method of Object.keys(found)) await call(method, subset, scaled(check.warmUp))
  for (let round = -1; round < rounds; round++) {
    for (const [method, values] of Object.entries(found)) {
      const { wall } = await call('spent', method, subset, times)
      if (round >= 0) values.push(wall / times)
    }
  }
  return compared({ question: `check \`${subset}\`${where}, ${times} a round`, against, unit: 'µs until it has answered', ours: found.run, theirs: found.bare, aim: { atMost: 1.15 } })
}

/** What all these probes leave: the more of them, the more would be left. */
async function leftBehind (call, subset, check) {
  const probes = scaled(check.probes)
  const before = await held(call)
  await call('run', subset, probes)
  const after = await held(call)
  const handles = after.handles - before.handles
  const mebibytes = after.mebibytes - before.mebibytes
  return counted({
    question: `${probes} probes of \`${subset}\``,
    against: 'before',
    unit: 'handles and MiB of heap',
    ours: shown(after),
    theirs: shown(before),
    // Each of the two by what is allowed of it.
    aim: { atMost: 1, unit: 'MiB and no handle more' },
    of: handles > 0 ? Infinity : mebibytes,
  })
}

async function held (call) {
  const { heap } = await call('memory')
  return { handles: Object.values(await call('handles')).reduce((sum, count) => sum + count, 0), mebibytes: heap / 2 ** 20 }
}

const shown = ({ handles, mebibytes }) => `${handles}, ${mebibytes.toFixed(1)}`
