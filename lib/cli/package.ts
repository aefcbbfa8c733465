import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadJson } from './load.js'
import { isRecord } from '../values/plain-data.js'

/** What a package.json says of its app. */
export interface Package {
  readonly name: string | undefined
  readonly isModule: boolean
  /** What the app needs when it runs, without what only its development needs. */
  readonly dependencies: ReadonlySet<string>
}

/**
 * Reads the package.json of `folder`.
 *
 * @returns `undefined` if there is none.
 * @throws FST_HEALTH_INVALID_CONFIGURATION if it cannot be read.
 */
export function packageIn (folder: string): Package | undefined {
  const path = join(folder, 'package.json')
  if (!existsSync(path)) return undefined
  const found = loadJson(path)
  const { name, type, dependencies, optionalDependencies } = isRecord(found) ? found : {}
  return {
    name: typeof name === 'string' ? name : undefined,
    isModule: type === 'module',
    dependencies: new Set([dependencies, optionalDependencies].flatMap(list => isRecord(list) ? Object.keys(list) : [])),
  }
}

/**
 * Reads the package.json of `folder`, or of the nearest folder above that has one.
 *
 * @returns `undefined` if there is none.
 * @throws FST_HEALTH_INVALID_CONFIGURATION if it cannot be read.
 */
export function packageOf (folder: string): Package | undefined {
  const parent = dirname(folder)
  return packageIn(folder) ?? (parent === folder ? undefined : packageOf(parent))
}
