import t from 'tap'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from '../helpers/command.js'
import { temporaryFolder } from '../helpers/example.js'

const lib = new URL('../../lib/', import.meta.url).href

t.test('`check` ends with the clients of the package.json that no subset asks, and the entries to add', async t => {
  const cwd = t.testdir({
    'package.json': '{ "dependencies": { "pg": "8", "ioredis": "5", "knex": "3", "fastify": "5" }, "optionalDependencies": { "nats": "2" }, "devDependencies": { "mqtt": "5" } }',
    'health.config.mjs': "export default { subsets: { readiness: ['fastify-health/checks/sql'].map(check => [check, { client: {} , enabled: false }]) } }",
  })
  t.strictSame(await command(['check'], { cwd }), {
    status: 0,
    out: "W006 the app depends on ioredis, which no subset asks. Add to integrations: ['fastify-health/checks/redis', { url: process.env.REDIS_URL }].\n" +
      "W006 the app depends on nats, which no subset asks. Add to integrations: ['fastify-health/checks/nats', { url: process.env.NATS_URL }].\n" +
      'No errors, and 2 warnings, in 1 subset: readiness.\n',
    err: '',
  })
})

t.test('what is crucial belongs into both subsets, and each package is told', async t => {
  const cwd = t.testdir({ 'package.json': '{ "dependencies": { "pg": "8", "@fastify/postgres": "6" } }', 'health.json': '{ "subsets": {} }' })
  const { out } = await command(['check', '--config', 'health.json'], { cwd })
  t.match(out, "W006 the app depends on pg, which no subset asks. Add to readiness and integrations: ['fastify-health/checks/postgres', { connectionString: process.env.DATABASE_URL }].\n")
  t.match(out, 'W006 the app depends on @fastify/postgres, which no subset asks.')
  t.match(out, 'No errors, and 2 warnings, in 0 subsets.\n')
})

t.test('an entry counts as a specifier of an export, as a class, and as a class that extends one', async t => {
  const cwd = t.testdir({
    'package.json': '{ "dependencies": { "ioredis": "5", "nats": "2", "mqtt": "5", "memjs": "1" } }',
    'health.config.mjs': `
      import { NatsCheck } from '${lib}checks/nats.js'
      import MqttCheck from '${lib}checks/mqtt.js'
      import { HealthCheck } from '${lib}index.js'
      class Own extends HealthCheck { check () {} }
      export default { subsets: {
        a: [['fastify-health/checks/redis#RedisCheck', { url: 'redis://cache' }], Own],
        b: [[NatsCheck, { url: 'nats://bus' }], [class Bus extends MqttCheck {}, { url: 'mqtt://bus' }]],
      } }`,
  })
  const { status, out, err } = await command(['check'], { cwd })
  t.strictSame({ status, err }, { status: 0, err: '' })
  t.strictSame(out.match(/(?<=^W006 the app depends on )[^,]+/gm), ['memjs'])
})

t.test('a database in a file is not asked by the entry of a server', async t => {
  const cwd = t.testdir({
    'package.json': '{ "dependencies": { "pg": "8", "better-sqlite3": "12", "mssql": "12", "knex": "3" } }',
    'health.config.mjs': "export default { subsets: { a: [['fastify-health/checks/postgres', { connectionString: 'postgres://db', enabled: false }]] } }",
  })
  const { out } = await command(['check'], { cwd })
  t.strictSame(out.match(/(?<=^W006 the app depends on )[^,]+/gm), ['better-sqlite3', 'mssql'])
})

t.test('the package.json is the nearest to the configuration', async t => {
  const cwd = t.testdir({ 'package.json': '{ "dependencies": { "nats": "2" } }' })
  await mkdir(join(cwd, 'services/api/config'), { recursive: true })
  await writeFile(join(cwd, 'services/api/package.json'), '{ "dependencies": { "mqtt": "5" } }')
  await writeFile(join(cwd, 'services/api/config/health.json'), '{ "subsets": {} }')
  t.match(await command(['check', '--config', 'services/api/config/health.json'], { cwd }), { status: 0, out: /^W006 the app depends on mqtt,[^\n]*\nNo errors, and 1 warning,/ })
})

t.test('without a package.json nothing is missed', async t => {
  // A folder of the tests is below that of this package.
  const cwd = temporaryFolder(t)
  await writeFile(join(cwd, 'health.json'), '{ "subsets": {} }')
  t.match(await command(['check', '--config', 'health.json'], { cwd }), { status: 0, out: 'No faults in 0 subsets.\n' })
})

t.test('errors come alone, and a subset that is asked is not told of other clients', async t => {
  const cwd = t.testdir({ 'package.json': '{ "dependencies": { "nats": "2" } }', 'health.json': '{ "subsets": { "a": "nats" } }', 'good.json': '{ "subsets": { "a": [] } }' })
  t.match(await command(['check', '--config', 'health.json'], { cwd }), { status: 2, out: '', err: /^E002/ })
  t.notMatch((await command(['-s', 'a', '--config', 'good.json'], { cwd })).err, 'W006')
})
