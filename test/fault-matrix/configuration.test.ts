import Fastify from 'fastify'
import { test, type Test } from 'tap'
import health, { defineCheck, type Entry } from '../../lib/index.js'
import { canary } from '../helpers/fault-matrix.js'

const sound: Entry = defineCheck({ identifier: 'Sound', check () {} })

async function serve (t: Test) {
  const lines: string[] = []
  const app = Fastify({ logger: { level: 'trace', stream: { write: (line: string) => { lines.push(line) } } } })
  t.teardown(async () => await app.close())
  await app.register(health, { subsets: { readiness: [sound], integrations: [sound] } })
  app.get('/orders', async () => 'served')
  await app.ready()
  return { app, lines }
}

/** What a subset is changed to while the app runs, and what the system check says that finds it. */
const changes: Record<string, { entries: unknown, said: RegExp }> = {
  'is no list': { entries: 'all', said: /E002/ },
  'names a module that does not exist': { entries: [sound, 'fastify-health/checks/postgre'], said: /E004 .*none of the built-in checks/ },
  'names an export that does not exist': { entries: [sound, 'fastify-health/checks/redis#Redis'], said: /E004 .*has no export 'Redis'/ },
  'holds what is no entry': { entries: [sound, 7], said: /E005/ },
  'holds the same check twice': { entries: [sound, sound], said: /E006 .*'Sound'/ },
  'holds a check with options that do not fit': { entries: [sound, ['fastify-health/checks/redis', { url: `http://${canary}:${canary}@cache` }]], said: /E008/ },
  'holds checks that wait for each other': {
    entries: [[sound, { identifier: 'A', after: 'B' }], [sound, { identifier: 'B', after: 'A' }]],
    said: /E009 .*circle/,
  },
}

for (const [change, { entries, said }] of Object.entries(changes)) {
  test(`a subset that ${change}, from one moment to the next`, async t => {
    const { app, lines } = await serve(t)
    const get = async (subset: string, format = 'json') => await app.inject(`/healthcheck/${subset}?format=${encodeURIComponent(format)}`)
    t.equal((await get('readiness')).statusCode, 200)

    const before = app.health.settings.subsets['readiness']!
    app.health.settings.subsets['readiness'] = entries as Entry[]
    const bodies: string[] = []
    for (const format of ['json', 'plain', 'html', 'health+json']) {
      const response = await get('readiness', format)
      t.equal(response.statusCode, 500, format)
      bodies.push(response.body)
    }
    t.match(bodies[1], said)
    t.match((await get('readiness', 'openmetrics')).statusCode, 200)
    t.equal((await get('integrations')).statusCode, 200, 'the other subset is as healthy as before')
    t.equal((await app.inject('/healthcheck/liveness')).statusCode, 200)
    t.equal((await app.inject('/orders')).body, 'served', 'and the app goes on')

    app.health.settings.subsets['readiness'] = before
    const recovered = await get('readiness')
    t.equal(recovered.statusCode, 200)
    t.same(recovered.json(), { Sound: 'working' })
    t.notMatch([...bodies, ...lines].join('\n'), canary)
  })
}

test('settings that do not fit, from one moment to the next', async t => {
  const { app } = await serve(t)
  const { settings } = app.health
  Object.assign(settings, { timeout: 'soon' })
  const broken = await app.inject('/healthcheck/readiness?format=plain')
  t.equal(broken.statusCode, 500)
  t.match(broken.body, /E001 .*'timeout'/)
  t.equal((await app.inject('/healthcheck/liveness')).statusCode, 200)
  t.equal((await app.inject('/orders')).body, 'served')
  settings.timeout = 3000
  t.equal((await app.inject('/healthcheck/readiness')).statusCode, 200)
})

test('a check whose decorator is missing, added while the app runs, fails and nothing else does', async t => {
  const { app } = await serve(t)
  app.health.add('readiness', 'fastify-health/checks/postgres', 'fastify-health/checks/redis', 'fastify-health/checks/cache', ['fastify-health/checks/storage', { disk: 'uploads' }])
  const { statusCode, body } = await app.inject('/healthcheck/readiness?format=json')
  t.equal(statusCode, 500)
  t.same(JSON.parse(body), {
    'Cache backend: cache': 'unknown error: E007 app.cache is not there',
    DatabaseHeartbeatCheck: 'unknown error: E007 app.pg is not there',
    RedisCheck: 'unknown error: E007 app.redis is not there',
    Sound: 'working',
    StorageCheck: 'unknown error: E007 app.uploads is not there',
  })
  t.equal((await app.inject('/healthcheck/integrations')).statusCode, 200)
})
