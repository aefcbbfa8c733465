import { readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import t, { test } from 'tap'
import { builtInChecks } from '../lib/checks/index.js'
import { root, runToEnd, temporaryFolder } from './helpers/example.js'
import { filesBelow, install, installNodes, installOtherRuntimes, outsideOfNpm, pack } from './helpers/pack.js'
import type { Scope } from './helpers/server.js'

// It fetches what may not be in npm's cache yet.
t.setTimeout(300_000)

const majors = [20, 22, 24]
const folder = temporaryFolder(t)
const consumer = join(folder, 'consumer')
const packed = await pack(folder)
await install(consumer, [packed.file, 'fastify@5', '@types/node@20'])
const nodes = await installNodes(join(folder, 'nodes'), majors)
const others = await installOtherRuntimes(join(folder, 'others'))
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
const installed = join(consumer, 'node_modules/fastify-health')
const files = await filesBelow(installed)
const names = [...files.keys()].map(file => relative(installed, file))

test('the tarball has what is needed, and nothing else', async t => {
  t.strictSame(packed.contents.map(({ path }) => path).sort(), names.sort())
  const others = names.filter(name => !/^dist\/(?:.+\.(?:js|d\.ts)|licenses\/[\w@-]+\.txt)$/.test(name))
  t.strictSame(others, ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist/sbom.cdx.json', 'package.json'])
  t.strictSame(names.filter(name => /(?:^|[/.])(?:test|tst|examples|bench)[/.]/.test(name)), [])
  const { exports, bin } = JSON.parse(files.get(join(installed, 'package.json')) as string)
  const targets = [...Object.values(exports), bin]
    .flatMap(target => typeof target === 'string' ? [target] : Object.values<string>(target as Record<string, string>))
  t.ok(targets.length >= 8)
  for (const target of targets) t.ok(names.includes(target.replace(/^\.\//, '')), target)
  t.ok(packed.contents.reduce((sum, { size }) => sum + size, 0) < 2_000_000, 'it is small')
})

test('its exports are the modules of checks, the heartbeat, OpenTelemetry and Prometheus, and no other path resolves', async t => {
  const { exports } = JSON.parse(files.get(join(installed, 'package.json')) as string)
  const modules = ['fastify-health', ...Object.keys(builtInChecks), 'fastify-health/grpc', 'fastify-health/heartbeat', 'fastify-health/kit', 'fastify-health/opentelemetry', 'fastify-health/prometheus']
  const paths = [...modules, 'fastify-health/package.json'].map(specifier => specifier.replace('fastify-health', '.'))
  t.strictSame(Object.keys(exports), paths)

  const { resolve } = createRequire(join(consumer, 'use.cjs'))
  for (const specifier of modules) {
    const { types, default: source } = exports[specifier.replace('fastify-health', '.')]
    t.equal(types, source.replace(/\.js$/, '.d.ts'), specifier)
    t.equal(resolve(specifier), join(installed, source), specifier)
  }
  const inside = names.flatMap(name => [`fastify-health/${name}`, ...(/^dist\/lib\/(.+?)(?:\.d\.ts|\.js)$/.exec(name)?.slice(1) ?? []).map(path => `fastify-health/${path}`)])
  const others = [...new Set(inside)].filter(specifier => !modules.includes(specifier) && specifier !== 'fastify-health/package.json')
  t.ok(others.length > 100)
  for (const specifier of others) t.throws(() => resolve(specifier), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }, specifier)
})

test('every file of it leads to files of it alone, and to no machine', async t => {
  const machine = [root, homedir(), tmpdir()].filter(path => path.length > 3)
  for (const [file, text] of files) {
    const name = relative(installed, file)
    t.notOk(machine.some(path => text.includes(`${path.replace(/\/$/, '')}/`)), `${name} has no path of this machine`)
    if (!/\.(?:js|d\.ts)$/.test(name)) continue
    for (const [, specifier = ''] of text.matchAll(/(?:from|import|import\()\s*["'](\.{1,2}\/[^"']+)["']/g)) {
      const target = join(dirname(file), specifier)
      t.ok(files.has(name.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target), `${name}: ${specifier}`)
    }
  }
})

test('the types that its exports lead to need nothing but what it depends on', async t => {
  const { exports, dependencies, peerDependencies } = JSON.parse(files.get(join(installed, 'package.json')) as string)
  const declared = Object.keys({ ...dependencies, ...peerDependencies })
  const reached = new Set<string>()
  function follow (file: string): void {
    if (reached.has(file)) return
    reached.add(file)
    for (const [, specifier = ''] of (files.get(file) as string).matchAll(/(?:from|import|import\()\s*["']([^"']+)["']/g)) {
      if (specifier.startsWith('.')) follow(join(dirname(file), specifier.replace(/\.js$/, '.d.ts')))
      else t.ok(specifier.startsWith('node:') || declared.includes(specifier), `${relative(installed, file)}: ${specifier}`)
    }
  }
  for (const target of Object.values<{ types: string } | string>(exports)) {
    if (typeof target !== 'string') follow(join(installed, target.types))
  }
  t.ok(reached.size > 30, `${reached.size} files`)
})

test('what is compiled in comes with its license, and the README names it', async t => {
  const licenses = names.flatMap(name => /^dist\/licenses\/(.+)\.txt$/.exec(name)?.[1] ?? [])
  t.ok(licenses.length > 0)
  const [, section] = (files.get(join(installed, 'README.md')) as string).split('\n## License\n')
  t.strictSame((section?.match(/(?<=\[)[^\]]+(?=\]\(https:)/g) ?? []).map(name => name.replace('/', '-')).sort(), licenses.sort())
  for (const license of licenses) t.match(files.get(join(installed, `dist/licenses/${license}.txt`)), /Copyright/i)
})

test('what is compiled in is listed with its version where scanners look', async t => {
  const { bomFormat, metadata, components } = JSON.parse(files.get(join(installed, 'dist/sbom.cdx.json')) as string)
  t.equal(bomFormat, 'CycloneDX')
  t.equal(metadata.component.purl, `pkg:npm/fastify-health@${version}`)
  const licenses = names.flatMap(name => /^dist\/licenses\/(.+)\.txt$/.exec(name)?.[1] ?? [])
  t.strictSame(components.map(({ name }: { name: string }) => name.replace('/', '-')).sort(), licenses.sort(), 'each has its license there as well')
  for (const { name, version, purl } of components) {
    t.equal(JSON.parse(await readFile(join(root, 'node_modules', name, 'package.json'), 'utf8')).version, version)
    t.equal(purl, `pkg:npm/${name.replace('@', '%40')}@${version}`)
  }
})

const config = `
import { HealthCheck, ServiceUnavailable } from 'fastify-health'

class Fine extends HealthCheck {
  check () {}
}

class Gone extends HealthCheck {
  check () { throw new ServiceUnavailable(process.version) }
}

export default { subsets: { readiness: [Fine], integrations: [Fine, Gone] } }
`

const asModule = `
import Fastify from 'fastify'
import health, { defineCheck, ServiceUnavailable } from 'fastify-health'
import DiskUsageCheck from 'fastify-health/checks/system'
import { startFileHeartbeat } from 'fastify-health/heartbeat'
`

const asRequired = `
const Fastify = require('fastify')
const { default: health, defineCheck, ServiceUnavailable } = require('fastify-health')
const { default: DiskUsageCheck } = require('fastify-health/checks/system')
const { startFileHeartbeat } = require('fastify-health/heartbeat')
`

const use = `
async function use () {
  const heartbeat = startFileHeartbeat({ file: 'beat' })
  const app = Fastify()
  await app.register(health, {
    subsets: {
      readiness: [['fastify-health/checks/heartbeat', { file: 'beat' }], [DiskUsageCheck, { max: null }]],
      integrations: [defineCheck({ identifier: 'Gone', check () { throw new ServiceUnavailable(process.version) } })],
    },
  })
  const ask = async url => { const { statusCode, body } = await app.inject(url); return [statusCode, body] }
  console.log(JSON.stringify([
    await ask('/healthcheck/liveness'), await ask('/healthcheck/readiness?format=json'), await ask('/healthcheck/integrations?format=plain'),
  ]))
  await heartbeat.stop()
  await app.close()
}
use()
`

await Promise.all([
  writeFile(join(consumer, 'health.config.js'), config),
  writeFile(join(consumer, 'use.mjs'), asModule + use),
  writeFile(join(consumer, 'use.cjs'), asRequired + use),
])

for (const [index, major] of majors.entries()) {
  const bin = nodes[index] as string
  const env = { PATH: `${bin}:${process.env['PATH']}` }
  const npx = async (...argv: string[]) => await runToEnd(outsideOfNpm(['npx', 'fastify-health', ...argv]), { cwd: consumer, env })

  test(`Node.js ${major} uses the package from an empty folder`, async t => {
    const node = (await runToEnd([join(bin, 'node'), '--version'])).out.trim()
    t.match(node, new RegExp(`^v${major}\\.`))

    const answers = [
      [200, '{"status":"ok"}'],
      [200, '{"DiskUsageCheck":"working","HeartbeatFileCheck":"working"}'],
      [500, `Gone                     ... unavailable: ${node}\n`],
    ]
    for (const file of ['use.mjs', 'use.cjs']) {
      const { status, out, err } = await runToEnd([join(bin, 'node'), file], { cwd: consumer })
      t.equal(status, 0, `${file} ${err}`)
      t.strictSame(JSON.parse(out), answers, file)
    }

    t.match(await npx('--version'), { status: 0, out: `${version}\n` })
    t.match(await npx('--subset', 'readiness'), { status: 0, out: 'Fine                     ... working\n' })
    t.match(await npx('--subset', 'integrations'), { status: 1, out: `Gone                     ... unavailable: ${node}\n` })
    t.match(await npx('--subset', 'ghost'), { status: 2, err: "Subset: 'ghost' does not exist." })
  })

  if (major >= 22) {
    test(`Node.js ${major} asks its own SQLite`, async t => {
      await writeFile(join(consumer, 'sqlite.mjs'), `
      import { DatabaseSync } from 'node:sqlite'
      import { createHealth } from 'fastify-health'
      const client = new DatabaseSync(':memory:')
      const health = createHealth({ subsets: { s: [['fastify-health/checks/sql', { client, writable: true }]] } })
      const found = async () => (await health.run('s')).results[0].status
      const writable = await found()
      client.exec('PRAGMA query_only = 1')
      const readOnly = await found()
      client.close()
      console.log(JSON.stringify([writable, readOnly, await found()]))
      await health.close()`)
      const { status, out, err } = await runToEnd([join(bin, 'node'), 'sqlite.mjs'], { cwd: consumer })
      t.equal(status, 0, err)
      t.strictSame(JSON.parse(out), ['working', 'unavailable: read only', 'unavailable: client is closed'])
    })
  }

  test(`Node.js ${major} loads neither Fastify nor TypeBox for a probe that needs neither`, async t => {
    const { loaded, options } = await recorder(t)
    await writeFile(join(consumer, 'probe.config.js'), `export default {
      subsets: {
        light: ['fastify-health/checks/heartbeat', 'fastify-health/checks/system#MemoryUsageCheck'],
        heavy: ['./needs-app.js'],
      },
      async setup (app) { await app.register((await import('fastify-health')).default) },
    }`)
    await writeFile(join(consumer, 'needs-app.js'), `import { HealthCheck } from 'fastify-health'
    export default class NeedsApp extends HealthCheck {
      check ({ app }) { app.version.length }
    }`)

    /** What of Fastify and TypeBox is loaded to ask a subset. */
    async function loads (subset: string): Promise<string[]> {
      await writeFile(loaded, '')
      const command = join(installed, 'dist/lib/cli/bin.js')
      const { err } = await runToEnd([join(bin, 'node'), ...options, command, '-s', subset, '--config', 'probe.config.js'], { cwd: consumer, env: { LOADED: loaded } })
      const urls = (await readFile(loaded, 'utf8')).trim().split('\n')
      t.ok(urls.some(url => url.endsWith('/cli/bin.js')), `${subset}: ${err}`)
      const texts = await Promise.all(urls.filter(url => url.startsWith('file:')).map(async url => await readFile(new URL(url), 'utf8')))
      return [
        ...urls.some(url => url.includes('/node_modules/fastify/')) ? ['Fastify'] : [],
        ...texts.some(text => text.includes('node_modules/typebox/')) ? ['TypeBox'] : [],
      ]
    }
    t.strictSame(await loads('light'), [])
    t.strictSame(await loads('heavy'), ['Fastify', 'TypeBox'], 'or this would tell nothing')
  })
}

/** Options of Node.js that make it write the URL of each module that it loads into a file. */
async function recorder (t: Scope): Promise<{ loaded: string, options: string[] }> {
  const place = temporaryFolder(t)
  const registering = join(place, 'recorder.mjs')
  await writeFile(registering, "import { register } from 'node:module'\nregister('./hooks.mjs', import.meta.url)")
  await writeFile(join(place, 'hooks.mjs'), `import { appendFileSync } from 'node:fs'
  export async function load (url, context, next) {
    appendFileSync(process.env.LOADED, url + '\\n')
    return await next(url, context)
  }`)
  return { loaded: join(place, 'loaded'), options: ['--import', registering] }
}

test('each step loads a few files: importing, registering, the first answer, and a command', async t => {
  const { loaded, options } = await recorder(t)
  await writeFile(join(consumer, 'steps.mjs'), `
  import { appendFileSync } from 'node:fs'
  import Fastify from 'fastify'
  const step = name => appendFileSync(process.env.LOADED, 'step ' + name + '\\n')
  step('import')
  const { default: health } = await import('fastify-health')
  step('boot')
  const app = Fastify()
  app.register(health, {
    subsets: {
      readiness: [
        'fastify-health/checks/system',
        'fastify-health/checks/heartbeat',
        ['fastify-health/checks/http', { url: 'http://127.0.0.1:1' }],
        ['fastify-health/checks/tcp', { host: '127.0.0.1', port: 1 }],
        ['fastify-health/checks/storage', { dir: '.' }],
        ['fastify-health/checks/certificate', { host: '127.0.0.1', port: 1 }],
        ['fastify-health/checks/memcached', { client: { version () {}, get () {}, set () {}, stats () {} } }],
        ['fastify-health/checks/elasticsearch', { url: 'http://127.0.0.1:1' }],
        ['fastify-health/checks/opensearch', { url: 'http://127.0.0.1:1', identifier: 'OpenSearch' }],
        ['fastify-health/checks/dns', { name: 'localhost' }],
      ],
    },
  })
  await app.ready()
  step('answer')
  for (const format of ['json', 'html', 'json']) await app.inject('/healthcheck/readiness?format=' + format)
  step('end')
  process.exit()`)
  await writeFile(loaded, '')
  const { err } = await runToEnd(['node', ...options, 'steps.mjs'], { cwd: consumer, env: { LOADED: loaded } })
  t.equal(err, '')
  const ours = (text = '') => text.split('\n').flatMap(url => /\/fastify-health\/dist\/lib\/(.+)\.js$/.exec(url)?.[1] ?? [])
  const [, imported, booted, answered] = (await readFile(loaded, 'utf8')).split(/^step .+\n/m).map(ours)
  t.strictSame(imported?.map(withoutHash), ['index', 'chunks/core', 'chunks/common'])
  t.equal(booted?.filter(name => name.startsWith('checks/')).length, 10, 'each module of checks')
  t.ok((booted?.length ?? 0) <= 10 + 5, `with them ${booted?.join(', ')}`)
  t.strictSame(answered?.map(withoutHash), ['chunks/validated'])

  await writeFile(join(consumer, 'steps.config.js'), "export default { subsets: { liveness: ['fastify-health/checks/system#MemoryUsageCheck'] } }")
  await writeFile(loaded, '')
  const { out } = await runToEnd(['node', ...options, join(installed, 'dist/lib/cli/bin.js'), '-s', 'liveness', '--config', 'steps.config.js'], { cwd: consumer, env: { LOADED: loaded } })
  t.match(out, /MemoryUsageCheck .* working/)
  t.strictSame(ours(await readFile(loaded, 'utf8')), ['cli/bin'])
})

/** The name of a chunk, without what its content makes of it. */
function withoutHash (name: string): string {
  return name.replace(/^(chunks\/[a-z]+)-.+$/, '$1')
}

for (const [runtime, run] of Object.entries(others)) {
  test(`${runtime} uses the package from an empty folder`, async t => {
    for (const file of ['use.mjs', 'use.cjs']) {
      const { status, out, err } = await runToEnd([...run, file], { cwd: consumer })
      t.equal(status, 0, `${file} ${err}`)
      t.match(JSON.parse(out), [
        [200, '{"status":"ok"}'],
        [200, '{"DiskUsageCheck":"working","HeartbeatFileCheck":"working"}'],
        [500, /^Gone {21}\.\.\. unavailable: v\d+/],
      ], file)
    }
    const command = async (subset: string) => await runToEnd([...run, join(installed, 'dist/lib/cli/bin.js'), '--subset', subset], { cwd: consumer })
    t.match(await command('readiness'), { status: 0, out: 'Fine                     ... working\n' })
    t.match(await command('integrations'), { status: 1, out: /^Fine .*\nGone {21}\.\.\. unavailable: v\d+/ })
    t.match(await command('ghost'), { status: 2, err: "Subset: 'ghost' does not exist." })
  })
}

const bundled = (checks: readonly [memory: string, database: string], imports = '') => `
import Fastify from 'fastify'
import health from 'fastify-health'
${imports}
async function use () {
  const app = Fastify()
  await app.register(health, { subsets: { readiness: [${checks[0]}] } })
  console.log((await app.inject('/healthcheck/readiness?format=json')).body)
  await app.close()
  const other = Fastify()
  await other.register(health, { subsets: { readiness: [[${checks[1]}, { connectionString: 'postgres://127.0.0.1:1/orders' }]] } })
  await other.ready().then(() => console.log('ready'), error => console.log(error.message))
  await other.close()
}
use()
`
const bundledApps = {
  strings: bundled(["'fastify-health/checks/system#MemoryUsageCheck'", "'fastify-health/checks/postgres'"]),
  classes: bundled(['MemoryUsageCheck', 'DatabaseCheck'], `import { MemoryUsageCheck } from 'fastify-health/checks/system'
import DatabaseCheck from 'fastify-health/checks/postgres'`),
}
const tools = {
  esbuild: (file: string, out: string) => ['esbuild', file, '--bundle', '--platform=node', `--outfile=${join(out, 'index.cjs')}`],
  ncc: (file: string, out: string) => ['ncc', 'build', file, '-o', out],
  rollup: (file: string, out: string) => [
    'rollup', file, '--format=cjs', '--inlineDynamicImports', `--file=${join(out, 'index.cjs')}`,
    ...['node-resolve={preferBuiltins:true}', 'commonjs', 'json'].flatMap(plugin => ['--plugin', plugin]),
  ],
}

for (const [kind, source] of Object.entries(bundledApps)) {
  for (const [tool, command] of Object.entries(tools)) {
    test(`an app that names its checks by ${kind} is bundled by ${tool} without its drivers, and runs from an empty folder`, async t => {
      const file = join(consumer, `${kind}.js`)
      await writeFile(file, source)
      const out = temporaryFolder(t)
      const [name = '', ...argv] = command(file, out)
      const made = await runToEnd([join(root, 'node_modules/.bin', name), ...argv], { cwd: consumer })
      t.equal(made.status, 0, made.err)
      const { status, out: said, err } = await runToEnd([process.execPath, tool === 'ncc' ? 'index.js' : 'index.cjs'], { cwd: out })
      t.equal(status, 0, err)
      t.match(said, /^\{"MemoryUsageCheck":"working"\}\n[^]*E007 [^]*the package 'pg' cannot be loaded\. Install it: npm install pg\n$/)
    })
  }
}

test('a driver that is in the bundle counts as installed', async t => {
  const file = join(root, `bundle-${process.pid}.js`)
  t.teardown(async () => await rm(file, { force: true }))
  const out = temporaryFolder(t)
  await writeFile(file, bundledApps.classes)
  const made = await runToEnd([
    join(root, 'node_modules/.bin/esbuild'), file, '--bundle', '--platform=node', '--external:pg-native', `--outfile=${join(out, 'index.cjs')}`,
  ])
  t.equal(made.status, 0, made.err)
  t.match(await runToEnd([process.execPath, 'index.cjs'], { cwd: out }), { status: 0, out: '{"MemoryUsageCheck":"working"}\nready\n' })
})

test('checkers of packages find nothing wrong with it', async t => {
  for (const [name = '', ...argv] of [['publint', 'run', packed.file, '--strict'], ['attw', packed.file, '--profile', 'esm-only']]) {
    const { status, out, err } = await runToEnd([join(root, 'node_modules/.bin', name), ...argv])
    t.equal(status, 0, out + err)
  }
})

const typed = `
import Fastify from 'fastify'
import health, { createHealth, defineCheck, HealthCheck, ServiceUnavailable, type CheckContext, type Entry, type Report } from 'fastify-health'
import { DiskUsageCheck } from 'fastify-health/checks/system'
import { startFileHeartbeat } from 'fastify-health/heartbeat'

declare module 'fastify-health' {
  interface CheckModules { 'our-checks/payments': { url: string } }
}

export class PaymentsCheck extends HealthCheck<{ url: string }> {
  override critical = false
  override get identifier () { return 'Payments API' }
  override async check ({ signal }: CheckContext) {
    const response = await fetch(this.options.url, { signal })
    if (!response.ok) throw new ServiceUnavailable(\`answered \${response.status}\`)
  }
}

const app = Fastify()
await app.register(health, {
  subsets: {
    readiness: [
      'fastify-health/checks/postgres',
      ['fastify-health/checks/migrations', { tool: 'knex', dir: 'migrations', timeout: 500 }],
      ['our-checks/payments', { url: 'https://payments.internal' }],
      [PaymentsCheck, { url: 'https://payments.internal' }],
      defineCheck({ identifier: 'Flags', check ({ app }) { app.log.info('asked') } }),
      DiskUsageCheck,
    ],
  },
})
const report: Report = await app.health.run('readiness')
app.health.settings.warningsAsErrors = report.healthy
await createHealth().close()
await startFileHeartbeat().stop()

// @ts-expect-error An app's own module has the options that the app says.
export const wrong: Entry = ['our-checks/payments', { url: 42 }]
// @ts-expect-error There is no such tool.
export const unknown: Entry = ['fastify-health/checks/migrations', { tool: 'rake', dir: 'migrations' }]
// @ts-expect-error There is no such method: the registry is typed.
app.health.ghost()
`

test('TypeScript takes its types', async t => {
  await writeFile(join(consumer, 'typed.ts'), typed)
  const tsc = async (...options: string[]) => await runToEnd([
    process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', ...options, 'typed.ts',
  ], { cwd: consumer })

  t.strictSame(await tsc('--skipLibCheck', '--noImplicitOverride', '--exactOptionalPropertyTypes', '--verbatimModuleSyntax'), { status: 0, out: '', err: '' })
  t.strictSame(await tsc(), { status: 0, out: '', err: '' }, 'where declarations are checked and no driver is installed, too')
})
