import t from 'tap'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { knownClients } from '../../lib/cli/known-clients.js'
import { command } from '../helpers/command.js'

const dependingOn = (...packages: string[]) => JSON.stringify({ type: 'module', dependencies: Object.fromEntries(packages.map(name => [name, '*'])) })

/** The subsets that were written, by the names of the modules, with what the environment has. */
async function written (cwd: string, env: Record<string, string> = {}, file = 'health.config.js') {
  Object.assign(process.env, env)
  try {
    const { default: { subsets } } = await import(`${pathToFileURL(join(cwd, file)).href}?${Math.random()}`)
    return subsets as Record<string, Array<[string, Record<string, unknown>]>>
  } finally {
    for (const name of Object.keys(env)) delete process.env[name]
  }
}

t.test('`init` writes the checks for what the package.json depends on, and `check` finds nothing wrong or left out', async t => {
  const cwd = t.testdir({ 'package.json': dependingOn('fastify', '@fastify/postgres', 'pg', 'ioredis', 'bullmq'), migrations: { 'one.sql': '' } })
  const { status, out, err } = await command(['init'], { cwd })
  t.strictSame({ status, err }, { status: 0, err: '' })
  t.equal(out, 'Wrote health.config.js with postgres, redis, bullmq.\nSet in the environment: DATABASE_URL, REDIS_URL.\nComplete in the file: bullmq.\nThen look for faults: npx fastify-health check\n')
  t.strictSame(await command(['check'], { cwd }), { status: 0, out: 'No faults in 2 subsets: readiness, integrations.\n', err: '' })
  const { readiness, integrations } = await written(cwd, { DATABASE_URL: 'postgres://db/shop' })
  t.strictSame(readiness, [['fastify-health/checks/postgres', { connectionString: 'postgres://db/shop', enabled: true }]])
  t.strictSame(integrations?.map(([specifier, { enabled }]) => [specifier, enabled]), [
    ['fastify-health/checks/postgres', true],
    ['fastify-health/checks/redis', false],
    ['fastify-health/checks/bullmq', false],
  ])
})

t.test('each entry has a comment that says why it is there and what it waits for', async t => {
  const cwd = t.testdir({ 'package.json': dependingOn('pg', 'flydrive') })
  await command(['init'], { cwd })
  const text = await readFile(join(cwd, 'health.config.js'), 'utf8')
  t.match(text, '\n// The app depends on pg. In an app with @fastify/postgres, the specifier alone asks over the pool of the app. It is asked where DATABASE_URL is set.\nconst postgres = [')
  t.match(text, '\n// The app depends on flydrive. Let `disk` be the name of the decorator that holds it, or the Disk itself. Then remove `enabled`.\nconst storage = [')
})

t.test('migrations are asked where the folder of their tool is there', async t => {
  for (const [tool, dir] of [['node-pg-migrate', 'migrations'], ['prisma', 'prisma/migrations'], ['postgrator', 'migrations']] as const) {
    const cwd = t.testdir({ 'package.json': dependingOn('pg', tool), prisma: { migrations: {} }, migrations: {} })
    t.match(await command(['init'], { cwd }), { status: 0, out: 'with postgres, migrations.' })
    t.match(await command(['check'], { cwd }), { status: 0 })
    const { readiness } = await written(cwd, { DATABASE_URL: 'postgres://db/shop' })
    t.strictSame(readiness?.[1], ['fastify-health/checks/migrations', { tool, dir, connectionString: 'postgres://db/shop', enabled: true }])
  }
  const without = t.testdir({ 'package.json': dependingOn('pg', 'knex') })
  t.match(await command(['init'], { cwd: without }), { status: 0, out: 'with postgres.' })
  // Its table is read over PostgreSQL.
  const elsewhere = t.testdir({ 'package.json': dependingOn('mysql2', 'knex'), migrations: {} })
  t.match(await command(['init'], { cwd: elsewhere }), { status: 0, out: 'with mysql.' })
})

for (const { packages, modules, env } of knownClients) {
  t.test(`what is written for ${packages.join(' or ')} passes \`check\`, also with its environment`, async t => {
    const urls: Record<string, string> = {
      DATABASE_URL: 'postgres://db/shop',
      MYSQL_URL: 'mysql://db/shop',
      MONGODB_URL: 'mongodb://db/shop',
      REDIS_URL: 'redis://cache',
      AMQP_URL: 'amqp://broker',
      CELERY_BROKER_URL: 'redis://broker',
      KAFKA_BROKERS: 'one:9092,two:9092',
      NATS_URL: 'nats://bus',
      MQTT_URL: 'mqtt://bus',
      ELASTICSEARCH_URL: 'http://search:9200',
      OPENSEARCH_URL: 'http://search:9200',
      MEMCACHED_SERVERS: 'one:11211,two',
      SMTP_URL: 'smtp://mail',
    }
    for (const name of packages) {
      const cwd = t.testdir({ 'package.json': dependingOn(name) })
      t.match(await command(['init'], { cwd }), { status: 0, out: `Wrote health.config.js with ${modules[0]}.` })
      t.match(await command(['check'], { cwd }), { status: 0, out: /^No faults in 2 subsets/ }, name)
      if (env === undefined) continue
      t.ok(urls[env], env)
      await writeWith(cwd, { [env]: urls[env] as string })
      t.match(await command(['check', '--config', 'enabled.mjs'], { cwd }), { status: 0, out: /^No faults in 2 subsets/ }, `${name} with ${env}`)
    }
  })
}

/** The configuration as it is with an environment. */
async function writeWith (cwd: string, env: Record<string, string>): Promise<void> {
  await writeFile(join(cwd, 'enabled.mjs'), `export default ${JSON.stringify({ subsets: await written(cwd, env) })}`)
}

t.test('a package that is CommonJS gets an .mjs, which works there', async t => {
  const cwd = t.testdir({ 'package.json': '{ "optionalDependencies": { "nats": "2" } }' })
  t.match(await command(['init'], { cwd }), { status: 0, out: 'Wrote health.config.mjs with nats.' })
  t.match(await command(['check'], { cwd }), { status: 0 })
})

t.test('an app that depends on no known client gets a configuration to fill', async t => {
  const cwd = t.testdir({ 'package.json': '{ "type": "module", "dependencies": { "fastify": "5" }, "devDependencies": { "pg": "8" } }' })
  t.strictSame(await command(['init'], { cwd }), { status: 0, out: 'Wrote health.config.js without checks: package.json depends on no client that has one.\n', err: '' })
  t.match(await command(['check'], { cwd }), { status: 0 })
})

t.test('`init` overwrites nothing', async t => {
  for (const file of ['health.config.js', 'health.config.mjs', 'health.config.ts']) {
    const cwd = t.testdir({ 'package.json': dependingOn('pg'), [file]: 'mine' })
    t.match(await command(['init'], { cwd }), { status: 2, out: '', err: new RegExp(`^There is .*${file} already, which is not overwritten: `) })
    t.equal(await readFile(join(cwd, file), 'utf8'), 'mine')
    t.strictSame((await readdir(cwd)).sort(), [file, 'package.json'].sort())
  }
})

t.test('`init` says why it cannot write', async t => {
  const cwd = t.testdir({ 'package.json': dependingOn('pg'), 'health.config.js': t.fixture('symlink', 'gone/health.config.js') })
  t.match(await command(['init'], { cwd }), { status: 2, out: '', err: /health\.config\.js cannot be written: EEXIST/ })
  t.match(await command(['init'], { cwd: '/' }), { status: 2, err: /^There is no package\.json in \/, nor in a folder above: start the command in the folder of the app\.\n$/ })
  const torn = t.testdir({ 'package.json': '{' })
  t.match(await command(['init'], { cwd: torn }), { status: 2, err: /package\.json cannot be loaded: / })
})

t.test('`init` takes no options', async t => {
  t.match(await command(['init', '--config', 'x.js']), { status: 2, err: /^fastify-health init does not take --config\. It takes no options\.\n/ })
})
