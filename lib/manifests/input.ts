import { FST_HEALTH_USAGE } from '../errors.js'
import type { HealthRegistry } from '../engine/registry.js'

/** What a manifest is made of. */
export interface ManifestInput {
  /** Of the service: letters a-z, digits and -. */
  readonly name: string
  /** A worker serves no HTTP: it is asked through the command. */
  readonly kind: 'web' | 'worker'
  /** Where a web app listens. */
  readonly port: number
  /** Node.js in the image. */
  readonly node: string
  /** The command that asks a subset, to which `--subset <name>` is added. */
  readonly command: readonly string[]
  readonly livenessPath: string | false
  readonly subsets: readonly ManifestSubset[]
}

export interface ManifestSubset {
  readonly name: string
  readonly path: string
  /** Milliseconds that it may take. */
  readonly time: number
}

/** Writes a manifest. It throws FST_HEALTH_USAGE where the configuration has nothing to write it of. */
export type Manifest = (input: ManifestInput) => string

export interface ManifestOptions {
  /** Of the service, as in its package.json: a scope is left out; default: `app`. */
  name?: string | undefined
  /** Default: `web`. */
  kind?: ManifestInput['kind'] | undefined
  /** Default: 3000. */
  port?: number | undefined
  /** Default: `node`, which has to be in the image's `PATH`. */
  node?: string | undefined
  /** Default: the package's own command, from the folder where it is installed. */
  command?: readonly string[] | undefined
}

/**
 * What the manifests of a registry are made of.
 *
 * @throws FST_HEALTH_USAGE where nothing of `name` can be part of a name in a manifest.
 */
export async function toManifestInput (registry: HealthRegistry, options: ManifestOptions = {}): Promise<ManifestInput> {
  const { name = 'app', kind = 'web', port = 3000, node = 'node', command = ['node_modules/.bin/fastify-health'] } = options
  const { mountedAt, settings: { prefix, livenessPath } } = registry
  const base = `${mountedAt}${prefix === '/' ? '' : prefix}`
  const subsets = await Promise.all(registry.subsets().map(async name => {
    return { name, path: `${base}/${name}`, time: await registry.longestRun(name, { background: kind === 'web' }) }
  }))
  return { name: labelOf(name), kind, port, node, command, livenessPath: livenessPath === false ? false : `${mountedAt}${livenessPath}`, subsets }
}

// What Kubernetes takes as a name; HAProxy and Prometheus take it as well.
function labelOf (name: string): string {
  const label = name.replace(/^@[^/]*\//, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  if (label === '') throw new FST_HEALTH_USAGE(`'${name}' cannot be the name of a service: it needs a letter of a-z or a digit.`)
  return label.slice(0, 63).replace(/-$/, '')
}
