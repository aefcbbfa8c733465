import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, loadAtRate } from '../load.js'
import { compared, contender, quantile, rounds, scaled } from '../measure.js'
import { startDatabases, withServers } from '../servers.js'

const perSecond = 2000
const probesPerSecond = 10

/** What an app's own routes feel of its probes: ten a second of a subset of ten checks, one of them down. */
export default async function probesBesideTraffic () {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-bench-'))
  try {
    return await withServers(async (scope, helpers) => ({ ...await startDatabases(scope, helpers), web: await startWeb(scope) }), async ({ postgres, redis, web }) => {
      const { call, close } = await contender('probed-app.js', 'probedApp', { postgres: postgres.url, redis: redis.url, web, folder })
      try {
        return await ask(call)
      } finally {
        await close()
      }
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function startWeb (scope) {
  const server = createServer((_request, response) => response.end('ok'))
  scope.after(() => server.closeAllConnections())
  await new Promise(resolve => { server.listen(0, '127.0.0.1', resolve).unref() })
  return `http://127.0.0.1:${server.address().port}/`
}

async function ask (call) {
  const { route, ...probed } = await call('addresses')
  const urls = { ...probed, without: undefined }
  for (const url of Object.values(probed)) await warmUp(url)
  const seconds = scaled(5)
  const measure = async url => {
    const before = await call('cpu')
    const over = new AbortController()
    const probes = url === undefined ? 0 : probeUntil(url, over.signal)
    const times = await loadAtRate(route, perSecond, seconds)
    over.abort()
    return { times, probes: await probes, cpu: await call('cpu') - before }
  }
  const found = { ours: [], byHand: [], without: [] }
  for (let round = -1; round < rounds; round++) {
    for (const [name, values] of Object.entries(found)) {
      const value = await measure(urls[name])
      if (round >= 0) values.push(value)
    }
  }
  const question = `own routes at ${perSecond} requests a second, beside ${probesPerSecond} probes a second of 10 checks`
  const peers = { without: 'without probes', byHand: 'probes of a route that makes the ten calls by hand' }
  const ofTimes = Object.entries(peers).flatMap(([name, against]) => [0.5, 0.99, 0.999].map(fraction => {
    const of = ({ times }) => quantile(times, fraction)
    const aim = fraction === 0.99 ? { atMost: 1.02 } : undefined
    return compared({ question, against, unit: `ms until the answer, p${fraction * 100}`, ours: found.ours.map(of), theirs: found[name].map(of), aim })
  }))
  const each = name => found[name].map(({ cpu, probes }, round) => (cpu - found.without[round].cpu) / probes / 1000)
  return [...ofTimes, compared({ question, against: peers.byHand, unit: 'CPU ms more for each probe', ours: each('ours'), theirs: each('byHand') })]
}

/** As many probes as come in some minutes. */
async function warmUp (url) {
  for (let probes = 0; probes < scaled(2000); probes++) await probe(url)
}

/** Resolves to how many probes there were. */
async function probeUntil (url, over) {
  let probes = 0
  for (const begun = performance.now(); !over.aborted; await sleep(Math.max(0, begun + ++probes * 1000 / probesPerSecond - performance.now()))) await probe(url)
  return probes
}

/** Over a connection of its own, as a kubelet does. */
async function probe (url) {
  const client = await Client.open(url)
  const { status } = await client.ask()
  client.close()
  if (status !== 500) throw new Error(`One dependency is down, and ${url} answered ${status}`)
}
