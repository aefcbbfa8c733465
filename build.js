// Compiles lib/ into dist/. Modules that are loaded together are bundled together, since a probe that is run as a command pays for
// every file it loads, and TypeBox is compiled in with just the parts that are used: importing all of it takes longer than
// importing Fastify. Types come from tsc (tsconfig.build.json).
import { copyFile, readFile } from 'node:fs/promises'
import { build } from 'esbuild'

const { dependencies, peerDependencies } = JSON.parse(await readFile('package.json', 'utf8'))

await build({
  entryPoints: ['lib/index.ts', 'lib/prometheus.ts', 'lib/checks/*.ts', 'lib/heartbeat/index.ts', 'lib/cli/bin.ts'],
  outbase: 'lib',
  outdir: 'dist/lib',
  // Beside index.js, since built-in checks are looked up from there.
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: [...Object.keys(dependencies), ...Object.keys(peerDependencies)],
})
await copyFile('node_modules/typebox/license', 'dist/typebox.license')
