import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { knownClients, knownMigrationTools } from '../../lib/cli/known-clients.js'
import { command } from '../helpers/command.js'
import { hostileText } from '../helpers/hostile.js'

const seed = 20_260_113

const known = fc.constantFrom(...knownClients.flatMap(({ packages }) => packages), ...knownMigrationTools.flatMap(({ packages }) => packages))
const json = fc.jsonValue()
const dependencies = fc.oneof(
  { weight: 6, arbitrary: fc.uniqueArray(fc.oneof({ weight: 4, arbitrary: known }, hostileText), { maxLength: 8 }).chain(names => fc.tuple(...names.map(name => fc.tuple(fc.constant(name), fc.oneof(fc.constant('*'), json)))).map(Object.fromEntries)) },
  { weight: 1, arbitrary: json }
)
const described = fc.record({
  name: fc.oneof(hostileText, json),
  type: fc.oneof(fc.constantFrom('module', 'commonjs'), hostileText, json),
  dependencies,
  optionalDependencies: dependencies,
}, { requiredKeys: [] }).map(value => JSON.stringify(value))

/** What stands in the package.json. */
const content = fc.oneof(
  { weight: 8, arbitrary: described },
  { weight: 1, arbitrary: json.map(value => JSON.stringify(value)) },
  { weight: 1, arbitrary: described.map(text => `\ufeff${text}`) },
  { weight: 1, arbitrary: described.map(text => text.slice(0, text.length / 2)) },
  { weight: 1, arbitrary: fc.constantFrom('', '{"__proto__": {"dependencies": {"pg": "*"}}}', '{"dependencies": {"__proto__": "*", "pg": "*"}}', `${'['.repeat(100_000)}`, '{"dependencies": {"pg": "*"}, "dependencies": null}') },
  { weight: 1, arbitrary: hostileText }
)

test('`init` writes a configuration that has no fault, or says why it cannot, whatever the package.json holds', async t => {
  const cwd = t.testdir({})
  const statuses = new Set<number | null>()
  await fc.assert(fc.asyncProperty(content, fc.boolean(), async (content, hasMigrations) => {
    await Promise.all((await readdir(cwd)).map(async name => await rm(join(cwd, name), { recursive: true })))
    await writeFile(join(cwd, 'package.json'), content)
    if (hasMigrations) await mkdir(join(cwd, 'migrations'))
    const before = await readdir(cwd)
    const { status, out, err } = await command(['init'], { cwd })
    statuses.add(status)
    if (/[^\P{Cc}\n]/u.test(out + err)) throw new Error(`control characters: ${JSON.stringify(out + err).slice(0, 1000)}`)
    if (await readFile(join(cwd, 'package.json'), 'utf8') !== Buffer.from(content).toString()) throw new Error('the package.json is another')
    const made = (await readdir(cwd)).filter(name => !before.includes(name))
    if (status === 2) return made.length === 0 && out === '' && err.length < 3000 && err.includes('package.json')
    const [file = ''] = made
    if (status !== 0 || made.length !== 1 || !/^health\.config\.m?js$/.test(file)) throw new Error(`exit status ${status} and ${made.join()}`)
    if (!out.startsWith(`Wrote ${file} `)) throw new Error(out)
    const checked = await command(['check'], { cwd })
    if (checked.status !== 0) throw new Error(checked.err)
    return true
  }), { seed, numRuns: 200 })
  t.strictSame([...statuses].sort(), [0, 2])
})

test('`init` says that a package.json cannot be read', async t => {
  const cwd = t.testdir({ 'package.json': {} })
  t.match(await command(['init'], { cwd }), { status: 2, out: '', err: /package\.json/ })
  t.strictSame(await readdir(cwd), ['package.json'])
})
