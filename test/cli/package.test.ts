import t from 'tap'
import { packageIn, packageOf } from '../../lib/cli/package.js'

t.test('a package.json is read for its name, its kind, and what the app depends on', async t => {
  const cwd = t.testdir({ 'package.json': '{ "name": "shop", "type": "module", "dependencies": { "pg": "8" }, "optionalDependencies": { "nats": "2" }, "devDependencies": { "tap": "21" } }', sub: {} })
  const expected = { name: 'shop', isModule: true, dependencies: new Set(['pg', 'nats']) }
  t.strictSame(packageIn(cwd), expected)
  t.strictSame(packageOf(`${cwd}/sub`), expected)
  t.equal(packageIn(`${cwd}/sub`), undefined)
  t.equal(packageOf('/'), undefined)
})

t.test('members of a wrong type count as absent', async t => {
  for (const content of ['[]', 'null', '7', '{ "name": 7, "type": null, "dependencies": "pg", "optionalDependencies": null }']) {
    t.strictSame(packageIn(t.testdir({ 'package.json': content })), { name: undefined, isModule: false, dependencies: new Set() }, content)
  }
})

t.test('a package.json that cannot be read is told by its path', async t => {
  t.throws(() => packageIn(t.testdir({ 'package.json': '{ "dependencies": ' })), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /package\.json cannot be loaded: Unexpected end of JSON input/ })
})
