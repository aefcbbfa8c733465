import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { CommandConfig, Loaded } from './load.js'
import { needsDriver } from '../clients/requirements.js'
import { reason } from '../values/shown.js'
import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'
import { placeOf } from '../config/place.js'
import { command, type CommandRegistration } from '../plugin.js'
import { createHealth } from '../create-health.js'
import { type HealthRegistry } from '../engine/registry.js'

export interface Booted {
  readonly app: FastifyInstance
  readonly registries: readonly HealthRegistry[]
}

/** Boots an app of a plugin that registers fastify-health itself. The app is ready, but does not listen. */
export async function bootApp (
  { path, found: plugin }: Loaded<FastifyPluginAsync>,
  skipChecks: boolean,
  log: FastifyBaseLogger
): Promise<Booted> {
  const what = `The app of ${path} did not start`
  const app = await emptyApp(what, log)
  const registries: HealthRegistry[] = []
  app.decorate(command, { skipChecks, registries } satisfies CommandRegistration)
  app.register(plugin)
  await readyOrClosed(app, what)
  if (registries.length > 0) return { app, registries }
  await app.close()
  throw new FST_HEALTH_INVALID_CONFIGURATION(
    "The app does not register fastify-health: app.register(import('fastify-health'), { subsets: { … } })"
  )
}

/** Boots an app with the clients that a configuration's `setup` registers, and makes a registry that uses them. */
export async function bootConfig ({ path, found: { setup, ...options } }: Loaded<CommandConfig>, log: FastifyBaseLogger): Promise<Booted> {
  const what = `\`setup\` of ${path} failed`
  const app = await emptyApp(what, log)
  // `setup` is a plugin, so that Fastify limits its time. The plugin is not encapsulated, so that the registry sees its decorators.
  const { default: fp } = await import('fastify-plugin')
  app.register(fp(async app => { await setup?.(app) }, { name: 'setup' }))
  await readyOrClosed(app, what)
  return { app, registries: [createHealth(options, { app, log })] }
}

async function emptyApp (what: string, log: FastifyBaseLogger): Promise<FastifyInstance> {
  const [missing] = await needsDriver('fastify', async () => await import('fastify'))
  if (missing !== undefined) throw new FST_HEALTH_INVALID_CONFIGURATION(`${what}: ${missing.message}. ${missing.hint}`)
  const { default: Fastify } = await import('fastify')
  return Fastify({ loggerInstance: log })
}

async function readyOrClosed (app: FastifyInstance, what: string): Promise<void> {
  try {
    await app.ready()
  } catch (error) {
    await app.close()
    // An error of this package already says what to do.
    if (error instanceof FST_HEALTH_INVALID_CONFIGURATION) throw error
    throw new FST_HEALTH_INVALID_CONFIGURATION(`${what}: ${lateness(app, error) ?? `${reason(error)}${placeOf(error)}`}.`)
  }
}

/** Describes the timeout of a plugin, or returns `undefined` for another error. Fastify may have made up the plugin's name. */
function lateness ({ initialConfig: { pluginTimeout } }: FastifyInstance, error: unknown): string | undefined {
  const [, name] = /\bPlugin did not start in time: '(.*)'\. /.exec(reason(error)) ?? []
  if (name === undefined) return undefined
  return `${/^(?:setup|default)$|-auto-\d+$/.test(name) ? 'it' : `its plugin '${name}'`} did not settle within ` +
    `${pluginTimeout as number / 1000} s`
}
