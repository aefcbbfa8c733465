import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { counted, median } from '../measure.js'
import { withServers } from '../servers.js'

const sizes = (process.env.BENCH_INSTANCES ?? '10,100,1000,10000').split(',').map(Number)
const processes = 4
/** Of the check that is shared, in milliseconds, and for how long Redis is watched. */
const interval = 10_000
const watched = 3 * interval
const subsets = 2

/** What a fleet asks of Redis, by the count of its instances. */
export default async function fleet () {
  const rows = []
  let smallest
  for (const size of sizes) {
    const found = await withServers(async (scope, { startRedis }) => await startRedis(scope, { args: ['--maxclients', '15000'] }), async ({ url }) => await measure(url, size))
    process.stderr.write(`${size} instances: ${JSON.stringify(found)}\n`)
    smallest ??= found
    const of = `a fleet of ${size}`
    rows.push(
      counted({ question: `${of}: instances that are up, and healthy`, unit: 'of them', ours: Math.min(found.up, found.healthy) / size, aim: { atLeast: 1 } }),
      counted({ question: `${of}: what Redis is asked`, unit: 'commands a second and instance', ours: found.commands / size }),
      counted({ question: `${of}: what is written`, unit: 'scripts that write, an interval and instance', ours: found.writes * interval / 1000 / size }),
      counted({ question: `${of}: the CPU of Redis`, unit: 'percent of a core', ours: found.cpu }),
      counted({ question: `${of}: memory`, unit: 'bytes an instance and subset, without the connection', ours: found.memory / size / subsets, aim: { atMost: 2048 } }),
      counted({ question: `${of}: how often the shared check ran`, unit: 'runs an interval', ours: found.runs, aim: { atMost: 1.1 } }),
      counted({ question: `${of}: the summary of the roster`, against: `a fleet of ${sizes[0]}`, unit: 'ms until it is there', ours: found.summary, theirs: smallest.summary }),
      counted({ question: `${of}: the roster with 200 instances`, unit: 'ms until it is there', ours: found.roster })
    )
  }
  return rows
}

async function measure (url, size) {
  const redis = new Redis(url)
  const each = Math.ceil(size / processes)
  const children = []
  for (let first = 0; first < size; first += each) {
    const child = fork(fileURLToPath(new URL('../fleet-instances.js', import.meta.url)), [JSON.stringify({ name: 'bench', url, count: Math.min(each, size - first), first, interval })])
    children.push(child)
  }
  try {
    await Promise.all(children.map(async child => await once(child, 'message')))
    // Until each has told of both subsets.
    await sleep(2 * interval + 10_000)
    await redis.config('RESETSTAT')
    const begun = performance.now()
    const [runsBefore, cpuBefore] = [await sum(children, 'runs'), await cpuOf(redis)]
    await sleep(watched)
    const seconds = (performance.now() - begun) / 1000
    const calls = await callsOf(redis)
    const [runsAfter, cpuAfter] = [await sum(children, 'runs'), await cpuOf(redis)]
    const summary = []
    const roster = []
    for (let count = 0; count < 50; count++) {
      roster.push((await call(children[0], 'roster', 200)).took)
      summary.push((await call(children[0], 'roster', 0)).took)
    }
    const { up } = await call(children[0], 'roster', 0)
    const healthy = await sum(children, 'healthy')
    return {
      up,
      healthy,
      commands: (calls.evalsha + calls.eval + calls.get) / seconds,
      writes: (calls.evalsha + calls.eval) / seconds,
      cpu: (cpuAfter - cpuBefore) / seconds * 100,
      memory: await dataOf(redis),
      runs: (runsAfter - runsBefore) / (seconds * 1000 / interval),
      summary: median(summary),
      roster: median(roster),
    }
  } finally {
    for (const child of children) child.kill('SIGKILL')
    redis.disconnect()
  }
}

async function call (child, ...question) {
  child.send(question)
  const [{ answer }] = await once(child, 'message')
  return answer
}

async function sum (children, question) {
  const answers = await Promise.all(children.map(async child => await call(child, question)))
  return answers.reduce((sum, answer) => sum + answer, 0)
}

/** What commands came from clients: those that scripts call are counted as well, and subtracted by their names. */
async function callsOf (redis) {
  const stats = await redis.info('commandstats')
  const calls = name => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  // Each beat reads the version of the mutes as well.
  const beats = calls('set')
  return { evalsha: calls('evalsha'), eval: calls('eval'), get: calls('get') - beats }
}

async function cpuOf (redis) {
  const info = await redis.info('cpu')
  return ['used_cpu_sys', 'used_cpu_user'].reduce((sum, name) => sum + Number(new RegExp(`${name}:([\\d.]+)`).exec(info)[1]), 0)
}

/** What keys and values take, and not the connections. */
async function dataOf (redis) {
  let bytes = 0
  for await (const keys of redis.scanStream({ match: 'fastify-health:*', count: 1000 })) {
    const pipeline = redis.pipeline()
    for (const key of keys) pipeline.memory('USAGE', key, 'SAMPLES', 0)
    for (const [, found] of await pipeline.exec()) bytes += found ?? 0
  }
  return bytes
}
