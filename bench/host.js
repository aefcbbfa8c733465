// The process of one contender: does what it is told, and says what it cost.
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
    return { heap: heapUsed, rss }
  },
  /** What keeps the process alive, counted by type. */
  handles () {
    const counts = {}
    for (const type of process.getActiveResourcesInfo()) counts[type] = (counts[type] ?? 0) + 1
    return counts
  },
  /** CPU and wall time of another method, in microseconds, with what it returns. */
  async spent (method, ...args) {
    globalThis.gc()
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
