import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { usage } from '../lib/cli/usage.js'
import { createHealth, defineCheck, HealthCheckError, ServiceReturnedUnexpectedResult, ServiceUnavailable, ServiceWarning, type CheckContext } from '../lib/index.js'
import { metrics } from '../lib/renderers/metrics.js'
import { entryRules } from '../lib/values/entry-rules.js'
import { renderers } from '../lib/renderers/index.js'
import { faultTableInMarkdown } from './helpers/fault-table.js'
import { fastifyHealth, root, runToEnd, saying, startExample, temporaryFolder } from './helpers/example.js'
import { startPostgres } from './helpers/postgres.js'
import { freePort, type Scope } from './helpers/server.js'

interface Block {
  readonly language: string
  readonly text: string
  /** What stands before it. */
  readonly before: string
}

const read = async (file: string) => await readFile(join(root, file), 'utf8')
const withoutCode = (text: string) => text.replace(/^```[^]*?^```$/gm, '')

const docs = (await readdir(join(root, 'docs'), { recursive: true })).filter(file => file.endsWith('.md')).map(file => `docs/${file}`).sort()
/** Every page, by its path. */
const pages = new Map(await Promise.all(['README.md', ...docs].map(async path => [path, await read(path)] as const)))
const page = (path: string) => pages.get(path) as string
const readme = page('README.md')
const blocks = [...pages.values()].flatMap(blocksOf)
const inLanguage = (language: string) => blocks.filter(block => block.language === language)
const prose = withoutCode([...pages.values()].join('\n'))

function blocksOf (text: string): Block[] {
  return [...text.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(({ 1: language = '', 2: content = '', index }) => {
    return { language, text: content.trimEnd(), before: text.slice(0, index) }
  })
}

/** The rows of the table below `header`, as cells. */
function table (header: string, text: string): string[][] {
  const [, after] = text.split(`\n${header}\n`)
  if (after === undefined) throw new Error(`There is no table '${header}'`)
  return (/^(?:\|.*\n)+/.exec(after)?.[0] ?? '').trim().split('\n').slice(1).map(row => {
    return row.slice(1, -1).split(/(?<!\\)\|/).map(cell => cell.trim())
  })
}

const names = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string)
const firstNames = (rows: string[][]) => rows.flatMap(([first]) => names(first))

test('the front door is one page', async t => {
  t.ok(readme.split('\n').length <= 250)
})

test('nothing is left to be written', async t => {
  for (const [path, text] of pages) t.notMatch(text, /@@|TODO|TBD/, path)
})

test('every block of code is accounted for', async t => {
  const languages = new Set(blocks.map(({ language }) => language))
  t.strictSame([...languages].filter(language => !['', 'console', 'ini', 'js', 'json', 'python', 'sh', 'yaml'].includes(language)), [])
  for (const [path, text] of pages) t.equal(blocksOf(text).length * 2, text.match(/^```/gm)?.length ?? 0, path)
})

/** What the files of examples/ with this ending hold; test/examples.test.ts runs each of them. */
async function examplesOf (ending: string): Promise<string[]> {
  const files = (await readdir(join(root, 'examples'), { recursive: true })).filter(file => file.endsWith(ending))
  return await Promise.all(files.map(async file => `\n${await read(`examples/${file}`)}`))
}

test('every piece of JavaScript, Python and of a unit is a part of an example', async t => {
  for (const [language, ending] of [['js', '.js'], ['python', '.py'], ['ini', '.service']] as const) {
    const sources = await examplesOf(ending)
    for (const { text } of inLanguage(language)) t.ok(sources.some(source => source.includes(`\n${text}\n`)), text)
  }
})

test('every piece of JSON can be parsed', async t => {
  for (const { text } of inLanguage('json')) t.doesNotThrow(() => JSON.parse(text), text)
})

/** A folder with a package.json and a configuration, as that of somebody who uses the package. */
async function project (t: Scope, config: string): Promise<string> {
  const cwd = join(temporaryFolder(t), 'orders')
  await mkdir(cwd)
  await writeFile(join(cwd, 'package.json'), '{ "name": "orders", "type": "module" }')
  await writeFile(join(cwd, 'health.config.js'), `export { default } from '${join(root, 'examples', config)}'`)
  return cwd
}

test('every command does what it says, and every manifest is what it prints', async t => {
  const [web, worker, { url }] = await Promise.all([project(t, 'health.config.js'), project(t, 'worker.health.config.js'), startPostgres(t)])
  const printed = new Map<string, string>()
  const commands = new Set([...prose.matchAll(/`npx fastify-health ([^`]+)`/g)].map(([, line]) => line as string))
  t.ok(commands.size >= 5)
  for (const line of commands) {
    // `init` overwrites no configuration.
    const cwd = line === 'init' ? t.testdir({ 'package.json': '{ "dependencies": { "pg": "8" } }' }) : line.includes('worker') ? worker : web
    const { status, out, err } = await fastifyHealth(line.split(' '), { cwd, env: { DATABASE_URL: url } })
    t.equal(status, 0, `${line}: ${err}`)
    printed.set(line, out)
  }
  const examples = await examplesOf('.yaml')
  for (const { text, before } of inLanguage('yaml')) {
    if (examples.some(example => example.includes(`\n${text}\n`))) continue
    const [, line = ''] = [...before.matchAll(/`npx fastify-health (manifest [^`]+)`/g)].at(-1) ?? []
    t.ok(`\n${printed.get(line)}`.includes(`\n${text}\n`), `${line} prints\n${printed.get(line)}`)
  }
})

test('every transcript is what one sees', async t => {
  const postgres = await startPostgres(t)
  const port = await freePort()
  const cwd = temporaryFolder(t)
  await mkdir(join(cwd, 'migrations'))
  await saying('Server listening', startExample(t, 'quick-start.js', { cwd, env: { DATABASE_URL: postgres.url, PORT: String(port) } }))
  for (const text of new Set(inLanguage('console').map(({ text }) => text))) {
    for (const [, command = '', expected] of text.matchAll(/^\$ (.*)\n((?:[^$].*(?:\n|$))*)/gm)) {
      if (command.includes('# after the database was stopped')) await postgres.stop()
      const { out } = await runToEnd(['sh', '-c', command.replace('curl ', 'curl --silent ').replace('localhost:3000', `127.0.0.1:${port}`)])
      t.equal(out.trimEnd(), expected?.trimEnd(), command)
    }
  }
})

test('every shell command is run somewhere', async t => {
  const runs: Record<string, [file: string, how: string]> = {
    'npm ci && npm start': ['test/checkout.test.ts', "['npm', 'start']"],
    'npm ci && npm test': ['.ci/run', 'npm ci && npm test'],
    'npm install fastify-health': ['test/package.test.ts', 'await install(consumer, [packed.file'],
  }
  t.strictSame([...new Set(inLanguage('sh').map(({ text }) => text))].sort(), Object.keys(runs).sort())
  for (const [file, how] of Object.values(runs)) t.ok((await read(file)).includes(how), `${file} runs ${how}`)
})

test('the command\'s usage and its exit codes', async t => {
  const [shown] = inLanguage('')
  t.equal(inLanguage('').length, 1)
  t.ok(usage.startsWith(`Usage:\n${shown?.text.replace(/^/gm, '  ')}\n\n`), usage)
  t.match(prose.replaceAll('\n', ' '), 'Exit status 0 is healthy, 1 unhealthy, 2 could not ask')
  t.match(usage, 'Exit status: 0 healthy, 1 unhealthy, 2 could not ask;')
  for (const [flag] of page('docs/command-line.md').matchAll(/(?<=`)--[\w-]+/g)) t.match(usage, new RegExp(` ${flag}\\b`), flag)
})

test('every option and its default', async t => {
  const rows = table('| option | default | |', page('docs/options.md'))
  const { settings } = createHealth()
  t.strictSame(firstNames(rows).sort(), Object.keys(settings).sort())
  for (const [option, written = ''] of rows) {
    const name = names(option)[0] as keyof typeof settings
    const expected = written === 'none'
      ? undefined
      : written === '`process.cwd()`' ? process.cwd() : JSON.parse(written.slice(1, -1).replaceAll("'", '"'))
    t.strictSame(settings[name], expected, name)
  }
})

test('every option of an entry', async t => {
  t.strictSame(firstNames(table('| option | |', page('docs/subsets-and-entries.md'))).sort(), Object.keys(entryRules).sort())
})

test('what a check is given, and what comes of what it throws', async t => {
  const [given, thrown] = [table('| | |', page('docs/your-own-check.md')), table('| thrown | status |', page('docs/your-own-check.md'))]
  let context: CheckContext | undefined
  const errors: Record<string, new (text: string) => Error> = { HealthCheckError, ServiceReturnedUnexpectedResult, ServiceUnavailable, ServiceWarning }
  const failing = thrown.map(([error = '', status = '']) => {
    const [, name = '', text = ''] = /^`(\w+)\('(.*)'\)`$/.exec(error) ?? []
    const code = names(error).find(name => /^[A-Z_]+$/.test(name))
    const thrown = errors[name] !== undefined ? new errors[name](text) : Object.assign(new TypeError('secret'), code === undefined ? {} : { code })
    return {
      check () {
        if (error.startsWith('nothing')) return false
        throw thrown
      },
      status: names(status)[0],
    }
  })
  t.equal(failing.length, 7)
  const registry = createHealth({
    subsets: {
      given: [defineCheck({ identifier: 'Given', check (it) { context = it } })],
      thrown: failing.map(({ check }, index) => defineCheck({ identifier: `Thrown ${index}`, check })),
    },
  })
  t.after(() => registry.close())
  await registry.run('given')
  const there = [...Object.keys(context as CheckContext), ...Object.getOwnPropertyNames(Object.getPrototypeOf(context))]
  t.strictSame(firstNames(given).sort(), there.filter(name => name !== 'constructor').sort())
  t.strictSame((await registry.run('thrown')).results.map(({ status }) => status), failing.map(({ status }) => status))
})

test('every format', async t => {
  const rows = table('| `?format=` | content type | |', page('docs/formats.md'))
  t.strictSame(rows.map(([format, type]) => [...names(format), ...names(type)]), renderers.map(({ name, mediaType }) => [name, mediaType]))
})

test('every metric', async t => {
  const rows = table('| metric | type | labels |', page('docs/formats.md'))
  t.strictSame(
    rows.map(([name, type = '', labels]) => [...names(name), type.split(',')[0], names(labels)]),
    metrics.map(({ name, type, labels }) => [name, type, labels])
  )
})

async function sourcesBelow (folder: string): Promise<string> {
  const files = (await readdir(join(root, folder), { recursive: true })).filter(file => file.endsWith('.ts'))
  return (await Promise.all(files.map(async file => await read(join(folder, file))))).join('\n')
}

test('every system check', async t => {
  const found = new Set((await sourcesBelow('lib')).match(/(?<=')[EW]0\d\d(?=')/g))
  t.ok(found.size >= 13)
  t.strictSame(firstNames(table('| id | what it found | what to do |', page('docs/system-checks.md'))), [...found].sort((a, b) => b.charCodeAt(0) - a.charCodeAt(0) || a.localeCompare(b)))
})

const headings = ['## What it asks', '## Options', '## What it costs', '## What each status means', '## Which probe it belongs to']

test('every check has a page, which has every option of it', async t => {
  const specifiers = [...(await read('lib/checks/index.ts')).matchAll(/^ {4}'fastify-health\/checks\/([\w-]+)(?:#(\w+))?'/gm)]
  const modules = [...new Set(specifiers.map(([, module]) => module as string))].sort()
  t.strictSame(docs.filter(path => path.startsWith('docs/checks/')), modules.map(module => `docs/checks/${module}.md`))
  t.match(readme, `| checks included | ${modules.length} modules |`)
  t.strictSame(firstNames(table('| `fastify-health/checks/` | what it asks | probe |', readme)), modules)
  for (const module of modules) {
    const text = page(`docs/checks/${module}.md`)
    t.match(text, new RegExp(`^# ${module}: `))
    t.strictSame(withoutCode(text).match(/^## .*$/gm), headings, module)
    t.ok(table('| status | what it means | what to do |', text).length > 0)
  }
  for (const [, module = '', name = 'default'] of specifiers) {
    const text = page(`docs/checks/${module}.md`)
    const exported = await import(`../lib/checks/${module}.js`)
    if (exported[name] !== exported.default) t.match(text, name, `${module} tells of ${name}`)
    for (const option of Object.keys(exported[name].rules)) t.match(text, new RegExp(`\\b${option}\\b`), `${module} tells of ${option}`)
  }
})

test('every option is on the front page, too', async t => {
  t.strictSame(firstNames(table('| option | what it is for |', readme)).sort(), Object.keys(createHealth().settings).sort())
})

test('every code of an error has a line', async t => {
  const codes = (await read('lib/errors.ts')).match(/(?<=export const )FST_HEALTH_\w+/g) as string[]
  t.ok(codes.length >= 16)
  t.strictSame(firstNames(table('| code | when | what to do |', page('docs/errors.md'))).sort(), codes.sort())
})

test('every word that is said of a driver\'s error has a line in the troubleshooting', async t => {
  const source = await read('lib/clients/driver-errors.ts')
  const words = [...source.matchAll(/^ {2}(?:'([^']+)'|(\w+)): \[/gm), ...source.matchAll(/^ {2}\[\/.*\/i?, '([^']+)'\],$/gm)].map(([, quoted, bare]) => (quoted ?? bare) as string)
  t.ok(words.length >= 50)
  const known = new Set(firstNames(table('| message | what it means | what to do |', page('docs/troubleshooting.md'))))
  for (const word of new Set(words)) t.ok(known.has(word), word)
})

/** The targets within a page that links may name. */
function anchorsOf (text: string): Set<string> {
  return new Set([...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    return heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')
  }))
}

test('every link leads somewhere, inside and between pages', async t => {
  const folders = await Promise.all(['bench', 'examples', '.github'].map(async folder => {
    return (await readdir(join(root, folder), { recursive: true })).map(file => `${folder}/${file}`)
  }))
  const others = [...await readdir(root), ...folders.flat()].filter(file => file.endsWith('.md') && file !== 'README.md' && !file.includes('node_modules'))
  t.ok(others.length >= 7)
  const texts = new Map([...pages, ...await Promise.all(others.map(async path => [path, await read(path)] as const))])
  let found = 0
  for (const [path, text] of texts) {
    for (const [, link = ''] of withoutCode(text).matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(link)) continue
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : join(dirname(path), file)
      t.ok(existsSync(join(root, target)), `${path}: ${link}`)
      if (anchor !== undefined) t.ok(anchorsOf(texts.get(target) ?? await read(target)).has(anchor), `${path}: ${link}`)
      found++
    }
  }
  t.ok(found >= 80)
})

test('what is not in the package is said to be in the repository', async t => {
  const { files } = JSON.parse(await read('package.json'))
  t.strictSame(files, ['dist', 'CHANGELOG.md'])
  t.match(readme, /^These pages are in the repository\. The package on npm does not have them\.$/m)
})

test('every page is reached from the front page', async t => {
  const reached = new Set(['README.md'])
  for (const path of reached) {
    for (const [, link = ''] of withoutCode(page(path)).matchAll(/\]\(([^)#]+\.md)(?:#[^)]*)?\)/g)) {
      const target = join(dirname(path), link)
      if (pages.has(target)) reached.add(target)
    }
  }
  t.strictSame([...reached].sort(), [...pages.keys()].sort())
})

test('the table of faults is the one that the fault matrix holds the checks to', async t => {
  t.ok(page('docs/operations.md').includes(faultTableInMarkdown()))
})
