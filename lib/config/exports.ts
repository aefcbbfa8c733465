import { isRecord } from '../values/plain-data.js'

type Exports = Readonly<Record<string, unknown>>

/** What a module exports, by name. CommonJS that was compiled out of an ES module has all of it in what Node.js takes for its default. */
export function exportsOf (imported: Exports): Exports {
  const { default: whole } = imported
  return isRecord(whole) && whole['__esModule'] === true ? whole : imported
}
