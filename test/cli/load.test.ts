import t from 'tap'
import { command } from '../helpers/command.js'

t.test('without --config or --app, health.config.js of the working directory counts', async t => {
  t.match(await command(['-s', 'good']), { status: 0 })
})

t.test('where there is none, it says which names it looked for', async t => {
  const cwd = t.testdir({})
  t.match(await command(['-s', 'good'], { cwd }), { status: 2, err: /^There is no health\.config\.js, health\.config\.mjs, health\.config\.ts in .*: name a file with --config or --app\.\n$/ })
})

t.test('a configuration can be JSON', async t => {
  t.match(await command(['-s', 'disk', '--config', 'health.config.json']), { status: 0, out: /DiskUsageCheck/ })
})

t.test('a configuration and an app can be CommonJS, compiled out of an ES module or not', async t => {
  const config = '{ subsets: { disk: [] } }'
  const plugin = new URL('../../lib/index.js', import.meta.url).href
  const app = `async app => { await app.register(import('${plugin}'), { subsets: { disk: [] } }) }`
  const compiled = "Object.defineProperty(exports, '__esModule', { value: true }); exports.default ="
  const cwd = t.testdir({
    'config.cjs': `module.exports = ${config}`,
    'compiled-config.cjs': `${compiled} ${config}`,
    'app.cjs': `module.exports = ${app}`,
    'compiled-app.cjs': `${compiled} ${app}`,
  })
  for (const file of ['config.cjs', 'compiled-config.cjs']) t.match(await command(['check', '--config', file], { cwd }), { status: 0, out: 'No faults in 1 subset: disk.\n' }, file)
  for (const file of ['app.cjs', 'compiled-app.cjs']) t.match(await command(['check', '--app', file], { cwd }), { status: 0, out: 'No faults in 1 subset: disk.\n' }, file)
})

for (const [file, message] of [
  ['ghost.js', /^There is no file \/.*ghost\.js\.\n$/],
  ['torn.json', /torn\.json cannot be loaded: Unexpected end of JSON input/],
  ['number.js', /number\.js exports a number by default: it must be the options/],
  ['no-default.js', /no-default\.js exports nothing by default/],
  ['unknown-extension.yaml', /cannot be loaded: .* It must end in \.js, \.mjs, \.cjs, \.ts or \.json\.\n$/],
] as const) {
  t.test(`--config ${file} exits 2 and says why`, async t => {
    t.match(await command(['-s', 'good', '--config', file]), { status: 2, out: '', err: message })
  })
}

t.test('a configuration that is a folder says so', async t => {
  const cwd = t.testdir({ 'folder.json': {} })
  t.match(await command(['-s', 'good', '--config', 'folder.json'], { cwd }), { status: 2, err: /folder\.json cannot be loaded: EISDIR/ })
})

t.test('of JSON that is wrong nothing is quoted, since it may hold a password', async t => {
  const cwd = t.testdir({ 'wrong.json': '{ "subsets": {}, "url": canary }' })
  const { status, err } = await command(['-s', 'good', '--config', 'wrong.json'], { cwd })
  t.equal(status, 2)
  t.match(err, /wrong\.json cannot be loaded: Unexpected token 'c' is not valid JSON\./)
  t.notMatch(err, 'canary')
})

t.test('a configuration in TypeScript that nothing is there to load says what to do', async t => {
  const cwd = t.testdir({ 'config.ts': "throw Object.assign(new TypeError('Unknown file extension'), { code: 'ERR_UNKNOWN_FILE_EXTENSION' })" })
  t.match(await command(['-s', 's', '--config', 'config.ts'], { cwd }), { status: 2, err: /compile it, or run with a loader such as tsx\.\n$/ })
})

t.test('a configuration or an app that throws, or cannot be parsed, says where', async t => {
  const cwd = t.testdir({ 'throws.mjs': 'const subsets = {}\nsubsets.a.b = 1', 'wrong.mjs': 'export default {\n  a: 1\n  "b" 2\n}', 'wrong.cjs': 'module.exports = {\n  a: 1\n  "b" 2\n}' })
  for (const option of ['--config', '--app']) {
    t.match(await command(['-s', 's', option, 'throws.mjs'], { cwd }), { status: 2, err: /^\/.*throws\.mjs cannot be loaded: Cannot set properties of undefined \(setting 'b'\) \(\/.*throws\.mjs:2:13\)\.\n$/ })
    t.match(await command(['-s', 's', option, 'wrong.cjs'], { cwd }), { status: 2, err: /cannot be loaded: Unexpected string \(\/.*wrong\.cjs:3\)\.\n$/ })
    t.match(await command(['-s', 's', option, 'wrong.mjs'], { cwd }), { status: 2, err: /cannot be loaded: Unexpected string \(`node --check \/.*wrong\.mjs` shows where\)\.\n$/ })
  }
})

t.test('a configuration that is none says so, and what it is', async t => {
  const wrong: Array<[content: string, message: RegExp]> = [
    ['[]', /0\.mjs exports an array by default: it must be the options/],
    ['null', /1\.mjs exports null by default/],
    ['() => {}', /2\.mjs exports a function by default/],
    ['{ subsets: { s: [] }, setup: {} }', /3\.mjs has an object as `setup`: it must be a function of the app/],
  ]
  const cwd = t.testdir(Object.fromEntries(wrong.map(([content], index) => [`${index}.mjs`, `export default ${content}`])))
  for (const [index, [content, message]] of wrong.entries()) t.match(await command(['-s', 's', '--config', `${index}.mjs`], { cwd }), { status: 2, out: '', err: message }, content)
})

t.test('--app takes a module that exports a plugin, and says so of any other', async t => {
  t.match(await command(['-s', 'good', '--app', 'number.js']), { status: 2, err: /number\.js exports a number by default: --app takes a module that exports a Fastify plugin/ })
  t.match(await command(['-s', 'good', '--app', 'no-default.js']), { status: 2, err: /no-default\.js exports nothing by default/ })
})
