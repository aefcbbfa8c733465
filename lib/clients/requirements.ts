import { lacking } from '../errors.js'
import type { Requirement, RequirementsContext } from '../../types/check.js'

/** Returns the decorator of the app at a path such as `['pg', 'reports']`. */
export function decorated (app: RequirementsContext['app'], path: readonly string[]): unknown {
  let value: unknown = app
  for (const key of path) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

/** Returns a requirement (E007) if more than one of these options is given. Each of them says whom to ask. */
export function moreThanOne (options: Readonly<Record<string, unknown>>, hint: string): Requirement | undefined {
  const given = Object.entries(options).filter(([, value]) => value !== undefined).map(([name]) => `\`${name}\``)
  if (given.length < 2) return undefined
  return { message: `${given.length === 2 ? 'both ' : ''}${given.join(' and ')} are given`, hint }
}

/** Returns a requirement (E007) if `whenExhausted` is given together with an option that makes the check open a connection of its own. */
export function neverExhausted (options: Readonly<Record<string, unknown>>): Requirement | undefined {
  return moreThanOne(options, 'Leave `whenExhausted` out: a connection of its own is never exhausted.')
}

/** Returns a requirement (E007) if the timeout of a check is not longer than the time that its option waits. */
export function needsTime (option: string, wait: number | undefined, timeout: number): Requirement[] {
  if (wait === undefined || wait < timeout) return []
  return [{
    message: `\`${option}\` (${wait} ms) is not shorter than the check's timeout (${timeout} ms)`,
    hint: `Shorten \`${option}\`, or give the check a longer \`timeout\`: it could not say otherwise that no worker has replied.`,
  }]
}

/** Returns a requirement (E007) if `load` cannot import a driver. Only an import in the check itself finds a driver in a bundle. */
export async function needsDriver (name: string, load: () => Promise<unknown>): Promise<Requirement[]> {
  try {
    await load()
    return []
  } catch {
    return [missingPackage(name)]
  }
}

/**
 * Returns the handler for a failed `import()` of a driver. Bundlers accept an import with such a handler even if the driver is not
 * installed.
 */
export function withoutDriver (name: string): () => never {
  return () => { throw lacking([missingPackage(name)]) }
}

function missingPackage (name: string): Requirement {
  return { message: `the package '${name}' cannot be loaded`, hint: `Install it: npm install ${name}` }
}
