import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compared, contender, counted, rounds, scaled } from '../measure.js'
import { startDatabases, withServers } from '../servers.js'

const calls = {
  postgres: '`SELECT 1` of its pool',
  migrations: 'the SELECT and the listing',
  redis: '`PING` of its client',
  cache: 'set, get and delete of its client',
  storage: 'write, read, delete and stat',
  rabbitmq: 'a channel, opened and closed',
  http: '`fetch` and the text',
  heartbeat: '`stat`',
}

/** One after another, over clients that are connected already. */
export default async function checks () {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-bench-'))
  try {
    return await withServers(async (scope, helpers) => {
      const [databases, rabbitmq] = await Promise.all([startDatabases(scope, helpers), helpers.startRabbitMQ(scope)])
      return { ...databases, rabbitmq }
    }, async ({ postgres, redis, rabbitmq }) => {
      const { call, close } = await contender('checks.js', 'checks', { postgres: postgres.url, redis: redis.url, rabbitmq: rabbitmq.url, folder })
      const rows = []
      for (const [subset, against] of Object.entries(calls)) rows.push(await latency(call, subset, against), ...await leftBehind(call, subset))
      await close()
      return rows
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function latency (call, subset, against) {
  const times = scaled(200)
  const found = { run: [], bare: [] }
  for (let round = -1; round < rounds; round++) {
    for (const [method, values] of Object.entries(found)) {
      const { wall } = await call('spent', method, subset, times)
      if (round >= 0) values.push(wall / times)
    }
  }
  return compared({ question: `check \`${subset}\``, against, unit: 'µs until it has answered', ours: found.run, theirs: found.bare, aim: { atMost: 1.15 } })
}

/** What ten thousand probes leave: the more of them, the more would be left. */
async function leftBehind (call, subset) {
  const probes = scaled(10_000)
  const before = { ...await call('memory'), handles: await handles(call) }
  await call('run', subset, probes)
  const after = { ...await call('memory'), handles: await handles(call) }
  const question = `${probes} probes of \`${subset}\``
  return [
    counted({ question, against: 'before', unit: 'handles', ours: after.handles, theirs: before.handles, aim: { atMost: 0 }, of: after.handles - before.handles }),
    counted({ question, against: 'before', unit: 'MiB of heap', ours: after.heap / 2 ** 20, theirs: before.heap / 2 ** 20, aim: { atMost: 1 }, of: (after.heap - before.heap) / 2 ** 20 }),
  ]
}

async function handles (call) {
  return Object.values(await call('handles')).reduce((sum, count) => sum + count, 0)
}
