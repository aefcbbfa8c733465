// How long the turns of the event loop are in which an app answers for a subset of many checks.
import { probe } from '../in-process.js'

export async function manyChecks ({ size }) {
  const { default: Fastify } = await import('fastify')
  const { default: health, defineCheck } = await import('../../dist/lib/index.js')
  const app = Fastify({ logger: false })
  const checks = Array.from({ length: size }, (_, index) => defineCheck({ identifier: `Check of dependency ${String(index).padStart(3, '0')}`, check () {} }))
  await app.register(health, { subsets: { many: checks } })
  // What any app takes that has as much to say.
  app.get('/list', async () => checks.map((_, index) => ({ identifier: `Check of dependency ${String(index).padStart(3, '0')}`, status: 'working' })))
  await app.ready()
  const url = format => format === null ? '/list' : `/healthcheck/many?format=${encodeURIComponent(format)}`
  return {
    warmUp: async (format, amount) => { await probe(app.routing, url(format), amount, { batch: 1 }) },
    /** Milliseconds of the longest turn while one probe after another is answered. */
    async longest (format, amount) {
      const stop = watchTurns()
      await probe(app.routing, url(format), amount, { batch: 1 })
      return stop()
    },
  }
}

/** Returns a function that ends the watch and tells the longest turn. What the machine gave to other processes is no part of it. */
function watchTurns () {
  let longest = 0
  let isOver = false
  let last = times()
  const turn = () => {
    if (isOver) return
    const now = times()
    longest = Math.max(longest, Math.min(now.wall - last.wall, now.cpu - last.cpu))
    last = now
    setImmediate(turn)
  }
  setImmediate(turn)
  return () => {
    isOver = true
    return longest
  }
}

function times () {
  const { user, system } = process.cpuUsage()
  return { cpu: (user + system) / 1000, wall: performance.now() }
}
