import { HealthRegistry, type RegistryContext } from './engine/registry.js'
import type { HealthOptions } from '../types/options.js'

/** Makes a registry for a worker or a script. It is the same as the one that the plugin adds to an app. */
export function createHealth (options?: HealthOptions, context: RegistryContext = {}): HealthRegistry {
  return new HealthRegistry(options, {
    // The modules for listening are loaded only when the registry listens.
    openListener: async (...given) => await (await import('./http/listener.js')).openListener(...given),
    openFleet: async context => (await import('./fleet/index.js')).openFleet(context),
    ...context,
  })
}
