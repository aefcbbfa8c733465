import type { IncomingMessage, ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import { FST_HEALTH_ALREADY_REGISTERED, FST_HEALTH_INVALID_CONFIGURATION } from './errors.js'
import { livenessHook } from './http/liveness.js'
import { settingsFaults, type Fault } from './config/options.js'
import { createHealth } from './create-health.js'
import type { HealthRegistry } from './engine/registry.js'
import { healthRoutes } from './http/routes.js'
import { routerOptions } from './http/router-options.js'
import { lineOf } from './config/faults.js'
import { within } from './time/timeout.js'
import type { HealthOptions } from '../types/options.js'
import type { SystemCheck } from '../types/report.js'

/** The command line sets this decorator on an app that it boots. Each registry of the app enters itself there. */
export const command = Symbol.for('fastify-health.command')

export interface CommandRegistration {
  readonly skipChecks: boolean
  readonly registries: HealthRegistry[]
}

/** The decorator that the plugin adds to the instance that it is registered in. */
export interface HealthDecoration {
  /** The registry of subsets and checks. */
  health: HealthRegistry
}

declare module 'fastify' {
  interface FastifyInstance extends HealthDecoration {}
}

async function health (app: FastifyInstance, options: HealthOptions): Promise<void> {
  if (app.hasDecorator('health')) throw new FST_HEALTH_ALREADY_REGISTERED()
  const { caseSensitive } = routerOptions(app)
  const { [command]: asked } = app as { [command]?: CommandRegistration }
  const registry = createHealth(options, {
    app,
    log: app.log,
    mountedAt: trimmed(app.prefix),
    caseSensitive,
    onDrain: () => closeConnections(app),
    starting: options.listen !== undefined && asked === undefined,
    faults: options.livenessPath === false || options.routes === false ? [] : gatedLiveness(app),
  })
  app.decorate('health', registry)
  asked?.registries.push(registry)
  // With invalid settings nothing can be mounted. `onReady` reports them and stops the boot.
  if (settingsFaults(registry.settings).length === 0) {
    const { livenessPath, listen, routes } = registry.settings
    if (listen !== undefined && asked === undefined) await registry.listen(listen)
    if (routes) {
      if (livenessPath !== false) app.addHook('onRequest', livenessHook(`${registry.mountedAt}${livenessPath}`, routerOptions(app)))
      await app.register(healthRoutes, { registry })
    }
  }
  app.addHook('onReady', async () => {
    if (!asked?.skipChecks) report(app, await inBootTime(app, registry.systemChecks()))
    // A command asks only once, so checks with an interval need not run in the background.
    if (asked === undefined) registry.start()
  })
  // This must happen before the clients of the app are closed, since a pool would wait for the connection of a check that hangs.
  app.addHook('preClose', () => registry.stop())
  // Fastify runs these hooks from the last to the first, so a separate listener is closed after the app's. If the boot failed, Fastify runs
  // no preClose.
  app.addHook('onClose', () => registry.close())
}

/**
 * Makes every later response end its connection, so that clients with open connections move to other pods. It costs nothing before that.
 * HTTP/2 has GOAWAY for this purpose.
 */
function closeConnections ({ server }: FastifyInstance): void {
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    if (request.httpVersionMajor === 1) response.setHeader('connection', 'close')
  })
}

/** Finds W001: a hook that was added before the liveness hook can answer first. */
function gatedLiveness (app: FastifyInstance): Fault[] {
  if (onRequestHooks(app).length === 0) return []
  return [{
    id: 'W001',
    message: 'an onRequest hook was registered before fastify-health, so liveness is gated on it',
    hint: 'Register fastify-health first.',
  }]
}

// Fastify has no API for its hooks. It keeps them under a symbol with this description, on the instance or its prototype.
function onRequestHooks (app: FastifyInstance): unknown[] {
  return [app, Object.getPrototypeOf(app)].flatMap((owner: Record<symbol, unknown>) => Object.getOwnPropertySymbols(owner)
    .filter(({ description }) => description === 'fastify.hooks')
    .flatMap(symbol => (owner[symbol] as { onRequest: unknown[] }).onRequest))
}

/** Settles as `work` does. Fastify ends a boot that takes too long, but would name no check. */
async function inBootTime<T> ({ initialConfig }: FastifyInstance, work: Promise<T>): Promise<T> {
  const pluginTimeout = initialConfig.pluginTimeout as number
  // 0 is no limit.
  if (pluginTimeout === 0) return await work
  const limit = Math.floor(pluginTimeout * 0.9)
  return await within(limit, work, () => {
    throw new FST_HEALTH_INVALID_CONFIGURATION(
      `What the checks need could not be made out within ${limit} ms, and Fastify ends the boot after its \`pluginTimeout\` of ` +
      `${pluginTimeout} ms: look for a check whose module or \`requirements\` take long, or raise \`pluginTimeout\`.`
    )
  })
}

function report (app: FastifyInstance, found: readonly SystemCheck[]): void {
  for (const warning of found.filter(({ level }) => level === 'warning')) app.log.warn(`health: ${lineOf(warning)}`)
  const errors = found.filter(({ level }) => level === 'error')
  if (errors.length > 0) {
    throw new FST_HEALTH_INVALID_CONFIGURATION(['The health configuration has errors:', ...errors.map(lineOf)].join('\n  '))
  }
}

function trimmed (prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
}

/**
 * The Fastify plugin. Register it first, so that liveness runs before every other hook.
 *
 * @throws FST_HEALTH_ALREADY_REGISTERED if the context already has `health`; FST_HEALTH_INVALID_CONFIGURATION, when the app becomes ready,
 * with every system check that is an error.
 */
export const plugin = fp<HealthOptions>(health, { name: 'fastify-health', fastify: '5.x' })
