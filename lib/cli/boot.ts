import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { FastifyBaseLogger } from 'fastify'
import { FST_HEALTH_INVALID_CONFIGURATION } from '../errors.js'
import { createHealth, type HealthRegistry } from '../registry.js'
import { command, type Command } from '../plugin.js'
import type { CommandConfig } from './load.js'

export interface Booted {
  readonly app: FastifyInstance
  readonly registries: readonly HealthRegistry[]
}

/** An app of a plugin that registers fastify-health itself, ready but not listening. */
export async function bootApp (plugin: FastifyPluginAsync, skipChecks: boolean, log: FastifyBaseLogger): Promise<Booted> {
  const app = await emptyApp(log)
  const registries: HealthRegistry[] = []
  app.decorate(command, { skipChecks, registries } satisfies Command)
  await app.register(plugin)
  await readyOrClosed(app)
  if (registries.length > 0) return { app, registries }
  await app.close()
  throw new FST_HEALTH_INVALID_CONFIGURATION('The app does not register fastify-health: app.register(import(\'fastify-health\'), { subsets: { … } })')
}

/** An app that holds the clients that a configuration's `setup` registers, and a registry over it. */
export async function bootConfig ({ setup, ...options }: CommandConfig, log: FastifyBaseLogger): Promise<Booted> {
  const app = await emptyApp(log)
  // A plugin of its own, so that Fastify's limit on the time a plugin takes holds for it; not encapsulated.
  const { default: fp } = await import('fastify-plugin')
  await app.register(fp(async app => { await setup?.(app) }))
  await readyOrClosed(app)
  return { app, registries: [createHealth(options, { app, log })] }
}

async function emptyApp (log: FastifyBaseLogger): Promise<FastifyInstance> {
  const { default: Fastify } = await import('fastify')
  return Fastify({ loggerInstance: log })
}

async function readyOrClosed (app: FastifyInstance): Promise<void> {
  try {
    await app.ready()
  } catch (error) {
    await app.close()
    throw error
  }
}
