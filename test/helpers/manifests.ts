import { defineCheck } from '../../lib/index.js'
import { createHealth } from '../../lib/create-health.js'
import { toManifestInput, type ManifestInput, type ManifestOptions } from '../../lib/manifests/index.js'
import type { HealthOptions } from '../../types/options.js'

/** A check that does nothing and may take `timeout` ms. */
export function taking (timeout: number, identifier = `${timeout} ms`) {
  return defineCheck({ identifier, timeout, check () {} })
}

/** What the manifests of these options are made of. */
export async function inputOf (options: HealthOptions, manifest: ManifestOptions = {}): Promise<ManifestInput> {
  return await toManifestInput(createHealth(options), { name: 'shop', ...manifest })
}

export const everySubset: HealthOptions = {
  subsets: { liveness: [taking(1000)], readiness: [taking(4000)], integrations: [taking(7000)] },
}
