import { HealthRegistry, type RegistryContext } from './engine/registry.js'
import type { HealthOptions } from '../types/options.js'

/** The same registry that the plugin decorates the app with, for a worker or a script. */
export function createHealth (options?: HealthOptions, context: RegistryContext = {}): HealthRegistry {
  return new HealthRegistry(options, {
    // What it takes to listen is loaded only by those who do.
    openListener: async (...given) => await (await import('./http/listener.js')).openListener(...given),
    openFleet: async context => (await import('./fleet/index.js')).openFleet(context),
    ...context,
  })
}
