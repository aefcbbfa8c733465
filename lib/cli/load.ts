// The synchronous functions are used, since loading `node:fs/promises` takes longer than reading a configuration.
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { reason } from '../values/shown.js'
import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'
import { exportsOf } from '../config/exports.js'
import { isRecord } from '../values/plain-data.js'
import { placeOf } from '../config/place.js'
import type { HealthOptions } from '../../types/options.js'

/** A configuration file exports the options of the plugin, and optionally a `setup` that registers the clients of checks. */
export type CommandConfig = HealthOptions & {
  setup?: (app: FastifyInstance) => unknown
}

/** The value that a file exports, and the path of the file. */
export interface Loaded<T> {
  readonly path: string
  readonly found: T
}

/** The files that are looked for where none is named. */
export const standard = ['health.config.js', 'health.config.mjs', 'health.config.ts']

/**
 * Loads the configuration in `file`, or in the standard file of `cwd`.
 *
 * @throws FST_HEALTH_INVALID_CONFIGURATION if there is no such file, or it exports something else.
 */
export async function loadConfig (file: string | undefined, cwd: string): Promise<Loaded<CommandConfig>> {
  const path = file === undefined ? findConfig(cwd) : mustExist(resolve(cwd, file))
  const config = path.endsWith('.json') ? loadJson(path) : await loadDefault(path)
  if (!isRecord(config)) {
    throw new FST_HEALTH_INVALID_CONFIGURATION(
      `${path} exports ${described(config)} by default: it must be the options of fastify-health, such as { subsets: { … } }.`
    )
  }
  const { setup } = config
  if (setup !== undefined && typeof setup !== 'function') {
    throw new FST_HEALTH_INVALID_CONFIGURATION(
      `${path} has ${described(setup)} as \`setup\`: it must be a function of the app, which registers the clients that checks need.`
    )
  }
  return { path, found: config }
}

/**
 * Loads the Fastify plugin that `file` exports, in the same form as for fastify-cli.
 *
 * @throws FST_HEALTH_INVALID_CONFIGURATION if it exports something else.
 */
export async function loadApp (file: string, cwd: string): Promise<Loaded<FastifyPluginAsync>> {
  const path = mustExist(resolve(cwd, file))
  const plugin = await loadDefault(path)
  if (typeof plugin !== 'function') {
    throw new FST_HEALTH_INVALID_CONFIGURATION(
      `${path} exports ${described(plugin)} by default: --app takes a module that exports a Fastify plugin, a function of the app.`
    )
  }
  return { path, found: plugin as FastifyPluginAsync }
}

function described (value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
}

function findConfig (cwd: string): string {
  for (const name of standard) {
    const path = resolve(cwd, name)
    if (existsSync(path)) return path
  }
  throw new FST_HEALTH_INVALID_CONFIGURATION(`There is no ${standard.join(', ')} in ${cwd}: name a file with --config or --app.`)
}

async function loadDefault (path: string): Promise<unknown> {
  try {
    const { default: exported } = exportsOf(await import(pathToFileURL(path).href))
    return await exported
  } catch (error) {
    throw cannotLoad(path, error, placeOf(error, path))
  }
}

/**
 * Reads a JSON file.
 *
 * @throws FST_HEALTH_INVALID_CONFIGURATION if it cannot be read.
 */
export function loadJson (path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw cannotLoad(path, error instanceof SyntaxError ? withoutQuote(error) : error)
  }
}

// Node.js quotes the text around the error, which may hold a password.
function withoutQuote (error: SyntaxError): SyntaxError {
  return new SyntaxError(error.message.replace(/, (?:\.\.\.)?"[^]*"(?:\.\.\.)? is not valid JSON$/, ' is not valid JSON'))
}

// Without this, Node.js would say that a module cannot be found.
function mustExist (path: string): string {
  if (!existsSync(path)) throw new FST_HEALTH_INVALID_CONFIGURATION(`There is no file ${path}.`)
  return path
}

function cannotLoad (path: string, error: unknown, place = ''): Error {
  const said = reason(error)
  // Some loaders throw an error without a code, and the name of the code is its message.
  const isUnknown = /ERR_UNKNOWN_FILE_EXTENSION/.test(`${(error as { code?: unknown } | null)?.code} ${said}`)
  const howTo = /\.[cm]?tsx?$/.test(path)
    ? 'This Node.js cannot load it as it is: compile it, or run with a loader such as tsx.'
    : 'It must end in .js, .mjs, .cjs, .ts or .json.'
  return new FST_HEALTH_INVALID_CONFIGURATION(`${path} cannot be loaded: ${said}${place}.${isUnknown ? ` ${howTo}` : ''}`)
}
