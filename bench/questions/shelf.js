import { contender, counted, median, rounds, scaled } from '../measure.js'
import { withServers } from '../servers.js'

// A mail server says hello in milliseconds, and a handshake of TLS takes as long: as many as of the others would take minutes.
const slow = ['smtp', 'certificate']

/** What each check of the shelf costs this process beside its client's cheapest call, one after another, the server on this machine. */
export default async function shelf () {
  return await withServers(async (scope, helpers) => {
    const authority = await helpers.startAuthority(scope)
    const nginx = await helpers.startNginx(scope, [await authority.issue('localhost')])
    const [postgres, mysql, mongodb, kafka, nats, mqtt, memcached, smtp] = await Promise.all([
      helpers.startPostgres(scope), helpers.startMariaDB(scope), helpers.startMongoDBFixture(scope), helpers.startKafka(scope),
      helpers.startNats(scope), helpers.startMosquitto(scope), helpers.startMemcached(scope), helpers.startSMTP(scope),
    ])
    const urls = Object.fromEntries(Object.entries({ postgres, mysql, mongodb, nats, mqtt, memcached, smtp }).map(([name, { url }]) => [name, url]))
    return { ...urls, kafka: `127.0.0.1:${kafka.port}`, tls: { url: nginx.url, ca: authority.certificate.cert } }
  }, async options => {
    const { call, close } = await contender('shelf.js', 'shelf', options)
    try {
      const rows = []
      for (const subset of await call('subsets')) rows.push(await cost(call, subset))
      return rows
    } finally {
      await close()
    }
  })
}

async function cost (call, subset) {
  const isSlow = slow.includes(subset)
  const times = scaled(isSlow ? 20 : 200)
  const found = { run: [], bare: [] }
  for (const method of Object.keys(found)) await call(method, subset, scaled(isSlow ? 300 : 5000))
  for (let round = 0; round < rounds; round++) {
    for (const [method, values] of Object.entries(found)) values.push((await call('spent', method, subset, times)).cpu / times)
  }
  const over = median(found.run.map((cpu, round) => cpu - found.bare[round]))
  return counted({
    question: `check \`${subset}\`, ${times} a round: ${over.toFixed(0)} µs more`,
    against: 'the cheapest call of its client',
    unit: 'CPU µs',
    ours: median(found.run),
    theirs: median(found.bare),
    aim: { atMost: 40, unit: 'more' },
    of: over,
  })
}
