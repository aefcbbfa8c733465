import t from 'tap'
import { lineLogger } from '../../lib/engine/logger.js'
import { command } from '../helpers/command.js'

t.test('--app boots the plugin, encapsulated as it is, and asks its subset', async t => {
  t.strictSame(await command(['-s', 'readiness', '--app', 'healthy-app.js']), { status: 0, out: 'Client                   ... working\n', err: 'a word of the app itself\n' })
})

t.test('an app whose health configuration has errors exits 2 with all of them', async t => {
  t.match(await command(['-s', 'readiness', '--app', 'app.js']), { status: 2, out: '', err: /The health configuration has errors:\n {2}E004 subset 'broken'/ })
  t.match(await command(['check', '--app', 'app.js']), { status: 2, out: '', err: /^E004 subset 'broken'/ })
})

t.test('--skip-checks lets such an app boot', async t => {
  t.match(await command(['-s', 'readiness', '--app', 'app.js', '--skip-checks']), { status: 0, out: /Client +\.\.\. working/ })
})

t.test('`check` tells an app that gates liveness', async t => {
  t.match(await command(['check', '--app', 'gated-app.js']), { status: 0, out: /^W001 an onRequest hook was registered before fastify-health.*\nNo errors, and 1 warning, in 1 subset: readiness\.\n$/ })
  t.match(await command(['-s', 'readiness', '--app', 'gated-app.js']), { status: 0, err: "Subset 'readiness' has no checks, so there was nothing to ask.\n" }, 'which is of no interest to one subset')
})

t.test('an app that does not register fastify-health is told to', async t => {
  t.match(await command(['-s', 'readiness', '--app', 'app-without-health.js']), { status: 2, err: /^The app does not register fastify-health/ })
})

t.test('`setup` registers the clients that checks need, and the app is closed afterwards', async t => {
  let closed = 0
  const onClosed = () => { closed++ }
  process.on('fixture-closed' as never, onClosed)
  t.teardown(() => process.off('fixture-closed', onClosed))
  t.match(await command(['-s', 'light', '--config', 'setup.config.js']), { status: 0, out: /Setups +\.\.\. working/ }, 'a subset that needs none is asked without it')
  t.equal(closed, 0)
  t.strictSame(await command(['-s', 'heavy', '--config', 'setup.config.js']), { status: 0, out: 'Client                   ... working\n', err: '' })
  t.equal(closed, 1)
  t.match(await command(['check', '--config', 'setup.config.js']), { status: 0, out: /No faults in 2 subsets/ })
  t.equal(closed, 2)
})

t.test('a `setup` that fails exits 2 and shows no credentials', async t => {
  const { status, err } = await command(['-s', 'heavy', '--config', 'failing-setup.config.js'])
  t.equal(status, 2)
  t.match(err, /cannot connect to \[redacted\]/)
  t.notMatch(err, /canary/)
})

t.test('what fails says whose it is, and where', async t => {
  const bodies: Array<[body: string, said: string]> = [
    ["throw new Error('boom')", 'boom \\(/.*\\.mjs:1:\\d+\\)'],
    ["app.register(async () => { throw new Error('boom') })", 'boom \\(/.*\\.mjs:1:\\d+\\)'],
    ["throw 'boom'", "'boom'"],
    ["throw new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:5432')])", 'connect ECONNREFUSED \\[redacted\\] \\(/.*\\)'],
  ]
  const cwd = t.testdir(Object.fromEntries(bodies.flatMap(([body], index) => [
    [`${index}-config.mjs`, `export default { subsets: { s: [] }, setup: async app => { ${body} } }`],
    [`${index}-app.mjs`, `export default async app => { ${body} }`],
  ])))
  for (const [index, [body, said]] of bodies.entries()) {
    t.match(await command(['check', '--config', `${index}-config.mjs`], { cwd }), { status: 2, out: '', err: new RegExp(`^\`setup\` of /.*config\\.mjs failed: ${said}\\.\\n$`) }, body)
    t.match(await command(['check', '--app', `${index}-app.mjs`], { cwd }), { status: 2, out: '', err: new RegExp(`^The app of /.*app\\.mjs did not start: ${said}\\.\\n$`) }, body)
  }
})

t.test('what does not settle says whose it is, and which of its plugins', async t => {
  const hangs = 'await new Promise(() => {})'
  const cwd = t.testdir({
    'config.mjs': `export default { subsets: { s: [] }, setup: async () => { ${hangs} } }`,
    'app.mjs': `export default async () => { ${hangs} }`,
    'inner.mjs': `export default async app => { app.register(async function clients () { ${hangs} }) }`,
  })
  const [config, app, inner] = await Promise.all([['--config', 'config.mjs'], ['--app', 'app.mjs'], ['--app', 'inner.mjs']].map(async argv => await command(['check', ...argv], { cwd })))
  t.match(config, { status: 2, err: /^`setup` of \/.*config\.mjs failed: it did not settle within 10 s\.\n$/ })
  t.match(app, { status: 2, err: /^The app of \/.*app\.mjs did not start: it did not settle within 10 s\.\n$/ })
  t.match(inner, { status: 2, err: /^The app of \/.*inner\.mjs did not start: its plugin 'clients' did not settle within 10 s\.\n$/ })
})

t.test('where Fastify is not installed, what needs it says so', async t => {
  const needsDriver = async (name: string) => [{ message: `'${name}' is not there`, hint: `npm install ${name}` }]
  const { bootApp, bootConfig } = await t.mockImport<typeof import('../../lib/cli/boot.js')>('../../lib/cli/boot.js', { '../../lib/clients/requirements.js': { needsDriver } })
  const log = lineLogger(() => {})
  await t.rejects(bootConfig({ path: '/config.js', found: {} }, log), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: "`setup` of /config.js failed: 'fastify' is not there. npm install fastify" })
  await t.rejects(bootApp({ path: '/app.js', found: async () => {} }, false, log), { message: "The app of /app.js did not start: 'fastify' is not there. npm install fastify" })
})
