import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'

const root = join(import.meta.dirname, '..')

/** The names that several modules declare by design, since each module of a kind has one. */
const roles: Readonly<Record<string, string>> = {
  Client: 'the clients of the app that a check takes',
  Driver: 'the part of the driver that a check uses',
  driver: 'imports the driver of a kind of connection',
  explained: 'puts the errors of a driver into words',
  faultOf: 'finds the fault of options that exclude each other',
  kind: 'the kind of client that a check takes',
  healthJson: 'the format of a subset and that of the fleet',
  html: 'the format of a subset and that of the fleet',
  json: 'the format of a subset and that of the fleet',
  openmetrics: 'the format of a subset and that of the fleet',
  plain: 'the format of a subset and that of the fleet',
  registerMetrics: 'the public function for prom-client and that for OpenTelemetry',
  RegisterMetricsOptions: 'the options of these two functions',
  way: 'how a check asks: over a client of the app or over a connection of its own',
}

const declaration = /^(?:export )?(?:default )?(?:async )?(?:abstract )?(?:function\*?|class|interface|type|const|let) (\w+)/gm

/** Returns the names that are declared at the top level of several files. */
function repeated (sources: ReadonlyMap<string, string>): string[] {
  const files = new Map<string, Set<string>>()
  for (const [file, source] of sources) {
    for (const [, name] of source.matchAll(declaration)) files.set(name as string, (files.get(name as string) ?? new Set()).add(file))
  }
  return [...files]
    .filter(([name, { size }]) => size > 1 && !Object.hasOwn(roles, name))
    .map(([name, found]) => `${name}: ${[...found].sort().join(', ')}`)
    .sort()
}

function sourcesOf (...folders: string[]): Map<string, string> {
  return new Map(folders.flatMap(folder => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !file.endsWith('.tst.ts'))
    .map(file => [`${folder}/${file}`, readFileSync(join(root, folder, file), 'utf8')])))
}

test('a top-level name is declared in one file', t => {
  t.strictSame(repeated(sourcesOf('lib', 'types')), [])
  t.end()
})

test('a name that two files declare is found, unless it is a role', t => {
  const sources = new Map([
    ['lib/checks/one.ts', 'export interface Answer {}\nconst way = 1\nfunction f () {\n  const Answer = 1\n}'],
    ['lib/clients/two.ts', 'type Answer = string\nconst way = 2\nexport async function g () {}'],
    ['lib/engine/three.ts', 'class History {}'],
    ['lib/http/four.ts', 'let History = 1'],
  ])
  t.strictSame(repeated(sources), ['Answer: lib/checks/one.ts, lib/clients/two.ts', 'History: lib/engine/three.ts, lib/http/four.ts'])
  t.end()
})
