// Compiles lib/ into dist/; types come from tsc (tsconfig.build.json). What every start loads is compiled in: TypeBox with just the parts
// that are used, since importing all of it takes longer than importing Fastify, and small packages, since loading one takes longer than
// running it: of what importing this package took, fastify-plugin was nearly half.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, relative, resolve } from 'node:path'
import { build, transform } from 'esbuild'
import { rollup } from 'rollup'

const { dependencies, exports, license, name, peerDependencies, version } = JSON.parse(await readFile('package.json', 'utf8'))
const compiledIn = { typebox: 'license', '@fastify/error': 'LICENSE', 'fastest-levenshtein': 'LICENSE.md', 'fastify-plugin': 'LICENSE', 'html-escaper': 'LICENSE.txt' }
const bin = 'lib/cli/bin.ts'
const ofMostProbes = /\/lib\/checks\/(?:heartbeat|system)\.js$/

const options = {
  outbase: 'lib',
  // That import is there for its declarations alone.
  logOverride: { 'ignored-bare-import': 'silent' },
  outdir: 'dist/lib',
  metafile: true,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: [...Object.keys(dependencies), ...Object.keys(peerDependencies)],
  // The CommonJS that is compiled in requires modules of Node.js alone. An app that is bundled as CommonJS has no import.meta.url.
  banner: { js: 'const require = name => process.getBuiltinModule(name)' },
}

// The command is one file, since a probe that is run as a command pays for each that it loads every few seconds. What it loads only at
// times it takes from the library's files. The empty export tells checkers of packages that it is an ES module.
const taken = new Set()
const command = await build({ ...options, banner: {}, footer: { js: 'export {}' }, entryPoints: [bin], plugins: [{ name: 'library', setup: takeFromLibrary }, { name: 'built-ins', setup: askForBuiltIns }] })

const library = await build({
  ...options,
  entryPoints: [...new Set([...publicModules(), ...taken])],
  splitting: true,
  write: false,
  plugins: [{ name: 'page', setup: compileInPages }],
  chunkNames: 'chunks/[name]-[hash]',
})

await writeMerged(library.outputFiles)

await mkdir('dist/licenses')
for (const [name, license] of Object.entries(compiledIn)) await copyFile(`node_modules/${name}/${license}`, `dist/licenses/${name.replace('/', '-')}.txt`)

await writeFile('dist/sbom.cdx.json', `${JSON.stringify(await billOfMaterials([command, library]), null, 2)}\n`)

/**
 * Writes the library in fewer files than esbuild splits it into, since a file that is imported costs about a millisecond of every boot.
 * What `fastify-health` itself imports is one file, but for what `fastify-health/heartbeat` imports as well: a worker needs no more.
 */
async function writeMerged (files) {
  const sources = new Map(files.map(({ path, text }) => [path, text]))
  const isChunk = path => dirname(path) === resolve('dist/lib/chunks')
  const merged = await rollup({
    input: Object.fromEntries([...sources.keys()].filter(path => !isChunk(path)).map(path => [relative('dist/lib', path).slice(0, -'.js'.length), path])),
    plugins: [{
      name: 'esbuild',
      resolveId: (id, importer) => importer !== undefined && id.startsWith('.') ? resolve(dirname(importer), id) : sources.has(id) ? id : { id, external: true },
      load: id => sources.get(id),
    }],
    treeshake: { moduleSideEffects: 'no-external' },
  })
  await merged.write({
    dir: 'dist/lib',
    chunkFileNames: ({ name }) => `chunks/${basename(name)}-[hash].js`,
    hoistTransitiveImports: false,
    manualChunks (path, { getModuleInfo, getModuleIds }) {
      if (!isChunk(path)) return undefined
      const isImportedBy = name => allImportedBy(resolve(`dist/lib/${name}.js`), getModuleInfo).has(path)
      if (isImportedBy('heartbeat/index')) return 'common'
      if (isImportedBy('index')) return 'core'
      const checks = [...getModuleIds()].filter(id => dirname(id) === resolve('dist/lib/checks') && allImportedBy(id, getModuleInfo).has(path))
      return checks.length > 1 ? 'clients' : undefined
    },
  })
}

function allImportedBy (entry, getModuleInfo) {
  const found = new Set([entry])
  for (const path of found) for (const imported of getModuleInfo(path)?.importedIds ?? []) found.add(imported)
  return found
}

/** What is compiled in, as CycloneDX: https://cyclonedx.org/docs/1.6/json/. Scanners of installed packages look for files of this name. */
async function billOfMaterials (results) {
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs))
  const names = new Set(inputs.flatMap(path => /(?:^|:)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []))
  const packages = await Promise.all([...names].sort().map(async name => JSON.parse(await readFile(`node_modules/${name}/package.json`, 'utf8'))))
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: component({ name, version, license }) },
    components: packages.map(component),
  }
}

function component ({ name, version, license }) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  return { type: 'library', 'bom-ref': purl, name, version, licenses: [{ license: { id: license } }], purl }
}

/** The sources of what package.json exports, so that nothing is public by chance of where its file lies. */
function publicModules () {
  return Object.values(exports).flatMap(target => typeof target === 'string' ? [] : target.default.replace(/^\.\/dist\/(.+)\.js$/, '$1.ts'))
}

/** The styles and scripts of the pages are compiled in, minified, in place of the calls that read them. */
function compileInPages ({ onLoad }) {
  onLoad({ filter: /\/html\/assets\.ts$/ }, async ({ path }) => {
    const minified = async files => {
      const sources = await Promise.all(files.map(file => readFile(`${dirname(path)}/${file}`, 'utf8')))
      const loader = files[0].endsWith('.css') ? 'css' : 'js'
      const { code } = await transform(sources.join(''), { loader, minify: true, ...(loader === 'js' ? { format: 'esm' } : {}) })
      return JSON.stringify(code.trimEnd())
    }
    const source = await readFile(path, 'utf8')
    const calls = [...source.matchAll(/\bread\(('[^)]+')\)/g)]
    let contents = source
    for (const [call, files] of calls) {
      const text = await minified(files.match(/[\w.-]+/g))
      contents = contents.replace(call, () => text)
    }
    return { contents, loader: 'ts' }
  })
}

function takeFromLibrary ({ onResolve }) {
  onResolve({ filter: /^\./ }, ({ kind, resolveDir, path }) => {
    const file = resolve(resolveDir, path)
    if (kind !== 'dynamic-import' || ofMostProbes.test(file)) return undefined
    taken.add(relative(process.cwd(), file).replace(/\.js$/, '.ts'))
    return { path: `./${relative(dirname(resolve(bin)), file)}`, external: true }
  })
}

// An import of a module of Node.js reads all that it exports, and so loads what most commands have no use for: of `node:fs`, all of
// `node:stream`. So it is asked for, and only what is used of it is read.
function askForBuiltIns ({ onResolve, onLoad }) {
  const filter = /^node:/
  onResolve({ filter }, ({ path, kind }) => ({ path, namespace: kind === 'require-call' ? 'required' : 'imported' }))
  onLoad({ filter, namespace: 'required' }, ({ path }) => ({ contents: `module.exports = process.getBuiltinModule('${path}')` }))
  onLoad({ filter, namespace: 'imported' }, ({ path }) => {
    const names = Object.keys(process.getBuiltinModule(path))
    const exported = names.map(name => `export const ${name} = /* @__PURE__ */ get('${name}')`)
    return { contents: [`const get = name => process.getBuiltinModule('${path}')[name]`, ...exported].join('\n') }
  })
}
