import { test } from 'tap'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** What the rule of lint says of the files of a made-up lib/. */
function violations (dir: string): string[] {
  const { stdout } = spawnSync(process.execPath, [
    join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
    '--config', join(root, '.dependency-cruiser.js'), '--output-type', 'json', 'lib', 'types',
  ], { cwd: dir, encoding: 'utf8' })
  return JSON.parse(stdout).summary.violations.map(({ rule, from, to }: { rule: { name: string }, from: string, to: string }) => `${rule.name}: ${from} -> ${to}`)
}

const tsconfig = { 'tsconfig.json': '{ "compilerOptions": { "module": "nodenext" } }', 'package.json': '{ "type": "module" }' }

test('a file that imports from a room above it, and be it a type, fails lint', t => {
  const dir = t.testdir({
    ...tsconfig,
    lib: {
      values: { 'rules.ts': "import type { Registry } from '../engine/registry.js'\nexport type Rules = Registry" },
      engine: { 'registry.ts': "import { RedisCheck } from '../checks/redis.js'\nexport type Registry = RedisCheck" },
      checks: { 'redis.ts': "import { rules } from '../values/names.js'\nexport class RedisCheck { rules = rules }" },
    },
    types: { 'report.ts': "export type { Registry } from '../lib/engine/registry.js'" },
  })
  t.strictSame(violations(dir).sort(), [
    'config-knows-the-list-of-checks-only: lib/engine/registry.ts -> lib/checks/redis.ts',
    'nothing-above-lib/values: lib/values/rules.ts -> lib/engine/registry.ts',
    'nothing-above-types: types/report.ts -> lib/engine/registry.ts',
  ])
  t.end()
})

test('two files that import each other fail lint, and so does a file without a room', t => {
  const dir = t.testdir({
    ...tsconfig,
    lib: {
      'stray.ts': "import { a } from './time/a.js'\nexport const stray = a",
      time: {
        'a.ts': "import type { B } from './b.js'\nexport const a: B = 1",
        'b.ts': "import { a } from './a.js'\nexport type B = typeof a | number",
      },
    },
    types: {},
  })
  t.strictSame(violations(dir).sort(), ['every-file-has-a-room: lib/stray.ts -> lib/time/a.ts', 'no-circle: lib/time/a.ts -> lib/time/b.ts'])
  t.end()
})
