import type { HealthRegistry } from '../lib/engine/registry.js'

/** What the plugin adds to the instance that it is registered in. */
export interface HealthDecoration {
  /** The registry of subsets and checks. */
  health: HealthRegistry
}

declare module 'fastify' {
  interface FastifyInstance extends HealthDecoration {}
}
