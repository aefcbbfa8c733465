import { test } from 'tap'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { defineCheck } from '../../lib/check.js'
import { placeOf } from '../../lib/config/place.js'

/** What a module fails to load with. */
async function thrownBy (path: string): Promise<unknown> {
  return await import(pathToFileURL(path).href).then(() => undefined, error => error)
}

test('it is the first line of the stack that is in a file of the user', async t => {
  const dir = t.testdir({
    'throws.mjs': 'const deep = () => { throw new Error("no\\naccess") }\n\ndeep()',
    'throws.cjs': 'require("./missing")',
    'throws-later.mjs': 'await Promise.resolve()\n throw new Error("no access")',
    'throws (2).cjs': 'throw new Error("no access")',
    'misuses.mjs': 'import { fail } from "misused"\nfail()',
    node_modules: { misused: { 'package.json': '{ "type": "module", "exports": "./index.js" }', 'index.js': 'export function fail () { throw new Error("used wrongly") }' } },
  })
  for (const [file, place] of [['throws.mjs', '1:28'], ['throws.cjs', '1:1'], ['throws-later.mjs', '2:8'], ['throws (2).cjs', '1:7'], ['misuses.mjs', '2:1']] as const) {
    t.equal(placeOf(await thrownBy(join(dir, file))), ` (${join(dir, file)}:${place})`, file)
  }
})

test('of what this package throws it is where that was called', async t => {
  const error = await Promise.resolve().then(() => defineCheck({} as never)).catch(error => error)
  t.match(placeOf(error), /^ \(.*place\.test\.ts:\d+:\d+\)$/)
})

test('a syntax error is found where Node.js tells its place, and else by a command that does', async t => {
  const dir = t.testdir({ 'wrong.mjs': 'export default {\n  a: 1\n  "b" 2\n}', 'wrong.cjs': 'module.exports = {\n  a: 1\n  "b" 2\n}', 'imports.mjs': '\nimport { nothing } from "node:fs"', 'parses.mjs': 'JSON.parse("{")' })
  const told = async (file: string) => placeOf(await thrownBy(join(dir, file)), pathToFileURL(join(dir, file)).href).replace(dir, '')
  t.equal(await told('wrong.cjs'), ' (/wrong.cjs:3)')
  t.equal(await told('wrong.mjs'), ' (`node --check /wrong.mjs` shows where)')
  t.match(await told('imports.mjs'), /^ \((?:\/imports\.mjs:2|`node --check \/imports\.mjs` shows where)\)$/)
  t.match(placeOf(await thrownBy(join(dir, 'parses.mjs'))), /parses\.mjs:1:6\)$/)
})

test('where it cannot be told, nothing is said', async t => {
  const error = new SyntaxError('Unexpected string')
  error.stack = 'SyntaxError: Unexpected string\n    at node:internal/modules:5:9'
  t.equal(placeOf(error), '')
  t.equal(placeOf(createRequire(import.meta.url)), '')
  t.equal(placeOf(null), '')
})
