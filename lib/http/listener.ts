import type { FastifyBaseLogger } from 'fastify'
import { livenessHook } from './liveness.js'
import { routerOptions } from './router-options.js'
import { healthRoutes } from './routes.js'
import { FST_HEALTH_ADDRESS_IN_USE, FST_HEALTH_CANNOT_LISTEN } from '../errors.js'
import type { HealthRegistry, Listener } from '../engine/registry.js'
import { named, reason } from '../values/shown.js'
import type { ListenOptions } from '../../types/settings.js'

/**
 * Opens a server for the probes only: liveness and every subset, at the same paths as in the app. It does not keep the process alive.
 *
 * @throws FST_HEALTH_ADDRESS_IN_USE if another process listens there; FST_HEALTH_CANNOT_LISTEN if the address cannot be used.
 */
export async function openListener (
  registry: HealthRegistry,
  { port = 0, host = '0.0.0.0', path }: ListenOptions,
  log: FastifyBaseLogger
): Promise<Listener> {
  const { default: fastify } = await import('fastify')
  const server = fastify({ loggerInstance: log, forceCloseConnections: true })
  const { mountedAt, settings: { livenessPath } } = registry
  if (livenessPath !== false) server.addHook('onRequest', livenessHook(`${mountedAt}${livenessPath}`, routerOptions(server)))
  await server.register(healthRoutes, { registry, prefix: mountedAt })
  try {
    const address = await server.listen(path === undefined ? { port, host } : { path })
    server.server.unref()
    return { address, close: () => server.close() }
  } catch (error) {
    await server.close()
    const place = named(path ?? `port ${port} of ${host}`)
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw new FST_HEALTH_ADDRESS_IN_USE(place)
    throw new FST_HEALTH_CANNOT_LISTEN(place, reason(error), { cause: error })
  }
}
