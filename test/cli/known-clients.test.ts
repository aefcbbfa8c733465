import t from 'tap'
import { checkModules, knownClients, knownMigrationTools } from '../../lib/cli/known-clients.js'
import { builtInChecks } from '../../lib/checks/index.js'
import { migrationTools } from '../../lib/checks/migrations/tools.js'

t.test('every module is one of the built-in checks, and every tool is one that migrations knows', async t => {
  for (const { modules } of knownClients) for (const module of modules) t.hasOwnProp(builtInChecks, `${checkModules}${module}`)
  for (const { tool } of knownMigrationTools) t.hasOwnProp(migrationTools, tool)
})

t.test('every check that asks something shared over the network is known by a client', async t => {
  const known = new Set(knownClients.flatMap(({ modules }) => modules))
  // No package on npm says that an app needs these. An app may have @grpc/grpc-js to be a server alone.
  const without = ['certificate', 'dns', 'grpc', 'http', 'system', 'tcp']
  t.strictSame(Object.keys(builtInChecks).map(name => name.slice(checkModules.length)).filter(module => !known.has(module)), without)
})

t.test('no package is known twice', async t => {
  const packages = knownClients.flatMap(({ packages }) => packages)
  t.equal(new Set(packages).size, packages.length)
})
