import { checkModules, knownClients } from './known-clients.js'
import type { Package } from './package.js'
import { builtInChecks } from '../checks/index.js'
import { parseEntry, type ParsedEntry } from '../config/entry.js'
import type { HealthRegistry } from '../engine/registry.js'
import type { SystemCheck } from '../../types/report.js'

/**
 * Finds the clients that an app depends on and no subset asks (W006). An entry that is not enabled counts: somebody left it out on purpose.
 * The entries have no faults.
 */
export async function unaskedClients (registries: readonly HealthRegistry[], { dependencies }: Package): Promise<SystemCheck[]> {
  const asked = await askedModules(registries)
  return knownClients.flatMap(({ packages, modules, options, crucial }) => {
    if (modules.some(module => asked.has(module))) return []
    return packages.filter(name => dependencies.has(name)).map(name => ({
      id: 'W006' as const,
      level: 'warning' as const,
      message: `the app depends on ${name}, which no subset asks`,
      hint: `Add to ${crucial === true ? 'readiness and integrations' : 'integrations'}: ['${checkModules}${modules[0]}', ${options}].`,
    }))
  })
}

async function askedModules (registries: readonly HealthRegistry[]): Promise<Set<string>> {
  const entries = registries.flatMap(({ settings }) => Object.values(settings.subsets).flat())
  const checks = entries.map(entry => (parseEntry(entry) as ParsedEntry).check)
  const classes = checks.filter(check => typeof check !== 'string')
  const names = checks.filter(check => typeof check === 'string').map(specifier => specifier.split('#', 1)[0] as string)
  for (const [name, load] of classes.length === 0 ? [] : Object.entries(builtInChecks)) {
    const exported = Object.values(await load())
    const isExported = (value: unknown): boolean => typeof value === 'function' &&
      (exported.includes(value) || isExported(Object.getPrototypeOf(value)))
    if (classes.some(isExported)) names.push(name)
  }
  return new Set(names.filter(name => name.startsWith(checkModules)).map(name => name.slice(checkModules.length)))
}
