import t from 'tap'
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
  t.match(await command(['-s', 'readiness', '--app', 'gated-app.js']), { status: 0, err: '' }, 'which is of no interest to one subset')
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
