import { isRecord } from '../values/plain-data.js'

type Exports = Readonly<Record<string, unknown>>

/** Returns the exports of a module by name. CommonJS that was compiled from an ES module has all its exports in its `default`. */
export function exportsOf (imported: Exports): Exports {
  const { default: whole } = imported
  return isRecord(whole) && whole['__esModule'] === true ? whole : imported
}
