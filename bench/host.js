// The process of one contender: does what it is told, and says what it cost.
import { getHeapSpaceStatistics } from 'node:v8'

const [file, name, options] = process.argv.slice(2)

const cpu = () => {
  const { user, system } = process.cpuUsage()
  return user + system
}

const common = {
  started: () => {},
  cpu,
  memory () {
    globalThis.gc()
    const { heapUsed, rss } = process.memoryUsage()
    const { physical_space_size: young } = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')
    return { heap: heapUsed, rss, young }
  },
  /** What keeps the process alive, counted by type. */
  handles () {
    const counts = {}
    for (const type of process.getActiveResourcesInfo()) counts[type] = (counts[type] ?? 0) + 1
    return counts
  },
  /**
   * CPU and wall time of another method, in microseconds, with what it returns. No collection is forced before it: one that is
   * makes V8 throw away what it has compiled, which no app does, and what garbage costs is a part of what is measured.
   */
  async spent (method, ...args) {
    const [before, begun] = [cpu(), performance.now()]
    const value = await methods[method](...args)
    return { cpu: cpu() - before, wall: (performance.now() - begun) * 1000, value }
  },
}

let methods = common
const ready = (async () => {
  const { [name]: start } = await import(`./contenders/${file}`)
  methods = { ...common, ...await start(JSON.parse(options)) }
})()

process.on('message', async ({ id, method, args }) => {
  try {
    await ready
    process.send({ id, value: await methods[method](...args) })
  } catch (error) {
    process.send({ id, error: error.stack })
  }
})
