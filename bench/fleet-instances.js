// Many instances of one fleet in one process, each with its own connection, as many processes would have it. See questions/fleet.js.
import { createHealth, defineCheck } from '../dist/lib/index.js'

const { name, url, count, first, interval } = JSON.parse(process.argv[2])

const log = { level: 'silent', child: () => log, silent () {} }
for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal']) log[level] = () => {}

let runs = 0
const payments = defineCheck({ identifier: 'Payments', interval, shared: true, check () { runs++ } })
const own = defineCheck({ identifier: 'Disk', interval, check () {} })
const instances = []
for (let index = 0; index < count; index++) {
  const health = createHealth({
    subsets: { readiness: [own], integrations: [payments, own] },
    fleet: { name, url, instance: `host-${first + index}:1` },
    service: { version: '1.2.3' },
  }, { log })
  instances.push(health)
  health.start()
  // They do not start at one moment, as those of a deployment do not.
  await new Promise(resolve => setTimeout(resolve, 4))
}

const ask = {
  runs: () => runs,
  async roster (limit) {
    const begun = performance.now()
    const { up, instances: { length } } = await instances[0].roster({ limit })
    return { up, length, took: performance.now() - begun }
  },
  async healthy () {
    const reports = await Promise.all(instances.map(async health => await health.run('integrations')))
    return reports.filter(({ healthy }) => healthy).length
  },
}

process.on('message', async ([method, ...values]) => { process.send({ answer: await ask[method](...values) }) })
process.send({ ready: true })
