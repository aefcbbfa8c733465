import t from 'tap'
import { command } from '../helpers/command.js'

t.test('a healthy subset prints a line a check and exits 0', async t => {
  t.strictSame(await command(['-s', 'good']), { status: 0, out: 'Fine                     ... working\n', err: '' })
})

t.test('a subset without checks is healthy, as over HTTP, and says that nothing was asked', async t => {
  const cwd = t.testdir({ 'empty.json': '{ "subsets": { "none": [] } }' })
  t.strictSame(await command(['-s', 'none', '--config', 'empty.json'], { cwd }), { status: 0, out: '', err: "Subset 'none' has no checks, so there was nothing to ask.\n" })
})

t.test('an unhealthy subset says what is wrong and exits 1', async t => {
  t.strictSame(await command(['-s', 'bad']), {
    status: 1,
    out: 'Fine                     ... working\nGone                     ... unavailable: connection refused\n',
    err: '',
  })
})

t.test('a check that is not critical shows its failure and does not fail the command', async t => {
  t.match(await command(['-s', 'lenient']), { status: 0, out: /unavailable: connection refused/ })
})

t.test('a subset that does not exist exits 2 and names the nearest', async t => {
  t.strictSame(await command(['-s', 'goood']), { status: 2, out: '', err: "Subset: 'goood' does not exist. Did you mean 'good'?\n" })
  t.match(await command(['-s', 'constructor']), { status: 2, err: /Subset: 'constructor' does not exist\. There is: 'good'/ })
})

t.test('a subset that does not exist for a fault of the options is told by that', async t => {
  const cwd = t.testdir({ 'typo.json': '{ "subset": { "good": [] } }', 'empty.json': '{}' })
  for (const argv of [[], ['--skip-checks']]) {
    t.strictSame(await command(['-s', 'good', '--config', 'typo.json', ...argv], { cwd }), { status: 2, out: '', err: "E001 there is no option 'subset'. Did you mean 'subsets'?\n" })
  }
  t.strictSame(await command(['-s', 'good', '--config', 'empty.json'], { cwd }), { status: 2, out: '', err: "Subset: 'good' does not exist. There are no subsets.\n" })
})

t.test('system checks of the subset stop the command with exit status 2, and are left out on request', async t => {
  const stopped = await command(['-s', 'broken'])
  t.match(stopped, { status: 2, out: '', err: /^E004 subset 'broken', \.\/ghost\.js cannot be loaded|^E004 subset 'broken': \.\/ghost\.js cannot be loaded/ })
  const skipped = await command(['-s', 'broken', '--skip-checks'])
  t.match(skipped, { status: 1, out: /E004 +\.\.\. unknown error: \.\/ghost\.js cannot be loaded/ })
})

t.test('every fault is told, however many there are, and what an option has to begin with', async t => {
  const entries = Array.from({ length: 30 }, (_, index) => ['fastify-health/checks/http', { identifier: `Service ${index}` }])
  const cwd = t.testdir({ 'many.json': JSON.stringify({ subsets: { many: entries } }) })
  const { status, err } = await command(['check', '--config', 'many.json'], { cwd })
  t.equal(status, 2)
  t.equal(err.match(/^E008/gm)?.length, 30)
  t.match(err, /http:\/\/ or https:\/\//)
})

t.test('a warning is told and does not stop the command', async t => {
  t.match(await command(['-s', 'liveness']), { status: 0, out: 'Shared                   ... working\n', err: /^W002 subset 'liveness'/ })
})

t.test('--timeout ends a check that would take longer', async t => {
  t.match(await command(['-s', 'hanging', '--timeout', '200']), { status: 1, out: /Hangs +\.\.\. unavailable: timed out after \d+ ms/ })
})

t.test('`check` lists every fault of the configuration and exits 2 where one is an error', async t => {
  t.match(await command(['check']), { status: 2, out: /^W002 /, err: /^E004 / })
})

t.test('`check` of a sound configuration exits 0 and says what it looked at', async t => {
  t.strictSame(await command(['check', '--config', 'health.config.json']), { status: 0, out: 'No faults in 1 subset: disk.\n', err: '' })
  t.match(await command(['check', '--config', 'warned.config.js']), { status: 0, out: /^W002 .*\nNo errors, and 1 warning, in 2 subsets: liveness, readiness\.\n$/ })
  t.match(await command(['check', '--config', 'empty.config.js']), { status: 0, out: 'No faults in 0 subsets.\n' })
})

t.test('`check` tells what is wrong without `setup` before it runs that, and what is missing after it', async t => {
  const setup = "setup () { throw new Error('no access') }"
  const cwd = t.testdir({
    'broken.mjs': `export default { subsets: { readiness: ['fastify-health/checks/postgres', './ghost.js'], liveness: ['fastify-health/checks/redis'] }, ${setup} }`,
    'failing.mjs': `export default { subsets: { liveness: ['fastify-health/checks/redis'] }, ${setup} }`,
    'idle.mjs': "export default { subsets: { liveness: ['fastify-health/checks/redis'] }, setup () {} }",
  })
  const broken = await command(['check', '--config', 'broken.mjs'], { cwd })
  t.match(broken, { status: 2, out: /^W002 .*\n$/, err: /^E004 subset 'readiness': \.\/ghost\.js cannot be loaded/ })
  t.notMatch(broken.err, /E007|no access/)
  t.match(await command(['check', '--config', 'failing.mjs'], { cwd }), { status: 2, out: '', err: /no access/ })
  t.match(await command(['check', '--config', 'idle.mjs'], { cwd }), { status: 2, out: /^W002 .*\n$/, err: /^E007 / })
})

t.test('`manifest` prints what fits the configuration, named after the package', async t => {
  const cwd = t.testdir({ 'package.json': '{ "name": "@shop/orders" }', 'health.config.json': '{ "subsets": { "readiness": [], "liveness": [] } }' })
  const { status, out } = await command(['manifest', 'kubernetes', '--port', '8080', '--config', 'health.config.json'], { cwd })
  t.equal(status, 0)
  t.match(out, /livenessProbe/)
  t.match(out, /orders/)
  t.match(out, /8080/)
  t.match(await command(['manifest', 'kubernetes', '--kind', 'worker', '--name', 'mailer', '--config', 'health.config.json'], { cwd }), { status: 0, out: /mailer[^]*"--config", "health\.config\.json", "--subset", "liveness"/ })
  t.match(await command(['manifest', 'kubernetes', '--kind', 'worker', '--app', 'healthy-app.js']), { status: 0, out: /"--app", "healthy-app\.js", "--subset", "readiness"/ })
})

t.test('`manifest` writes the paths of the context that the plugin is registered in', async t => {
  t.match(await command(['manifest', 'kubernetes', '--app', 'mounted-app.js']), { status: 0, out: /"\/api\/healthcheck\/liveness"[^]*"\/api\/healthcheck\/readiness"/ })
})

t.test('`manifest` of an app that registers it twice exits 2 and says what to do', async t => {
  t.match(await command(['manifest', 'kubernetes', '--app', 'twice-app.js']), { status: 2, out: '', err: /^The app registers fastify-health 2 times, in contexts with the prefixes '\/a', '\/b', and a manifest is of one: .* its context's prefix before `prefix` and `livenessPath`, .*--config/ })
  const cwd = t.testdir({ 'b.json': '{ "prefix": "/b/healthcheck", "livenessPath": "/b/healthcheck/liveness", "subsets": { "readiness": [] } }' })
  t.match(await command(['manifest', 'kubernetes', '--config', 'b.json'], { cwd }), { status: 0, out: /"\/b\/healthcheck\/liveness"[^]*"\/b\/healthcheck\/readiness"/ })
})

t.test('`manifest` of a configuration with errors exits 2 and tells them, but not what a setup would register', async t => {
  const cwd = t.testdir({ 'health.config.json': '{ "timeout": "abc", "subsets": { "readiness": [] } }', 'needy.json': '{ "subsets": { "readiness": ["fastify-health/checks/postgres"] } }' })
  t.match(await command(['manifest', 'kubernetes', '--config', 'health.config.json'], { cwd }), { status: 2, out: '', err: /^E001 'timeout' is 'abc'/ })
  t.match(await command(['manifest', 'kubernetes', '--config', 'needy.json'], { cwd }), { status: 0, out: /readinessProbe/, err: '' })
})

t.test('a target of which there is no manifest exits 2 and names the nearest', async t => {
  t.match(await command(['manifest', 'kubernets']), { status: 2, err: /There is no manifest for 'kubernets'\. Did you mean 'kubernetes'\?/ })
})

t.test('a manifest for an image without a shell names Node.js and the script of the command', async t => {
  const cwd = t.testdir({ 'health.json': '{ "subsets": { "liveness": [], "readiness": [] } }' })
  const web = await command(['manifest', 'docker', '--config', 'health.json', '--node', '/nodejs/bin/node'], { cwd })
  t.match(web, { status: 0, out: /CMD \["\/nodejs\/bin\/node", ?"-e"/ })
  const worker = await command(['manifest', 'kubernetes', '--kind', 'worker', '--config', 'health.json', '--node', '/nodejs/bin/node'], { cwd })
  t.match(worker, { status: 0, out: /\/nodejs\/bin\/node.*node_modules\/fastify-health\/dist\/lib\/cli\/bin\.js/ })
})
