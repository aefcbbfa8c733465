import { FST_HEALTH_USAGE } from '../errors.js'
import type { HealthRegistry } from '../engine/registry.js'
import type { Settings } from '../../types/options.js'

/** The facts about a service that a manifest needs. */
export interface ManifestInput {
  /** The name of the service, which consists of a-z, digits and `-`. */
  readonly name: string
  readonly kind: 'web' | 'worker'
  /** The way to ask the service. A worker that does not listen is asked through the command. */
  readonly over: 'http' | 'grpc' | 'command'
  /** The port where the service listens for its probes. */
  readonly port: number
  /** The path or name of Node.js in the image. */
  readonly node: string
  /** The command that asks a subset when `--subset <name>` is added. */
  readonly command: readonly string[]
  readonly livenessPath: string | false
  readonly subsets: readonly ManifestSubset[]
}

export interface ManifestSubset {
  readonly name: string
  readonly path: string
  /** A run of the subset may take this many milliseconds. */
  readonly time: number
}

/** Writes a manifest. It throws FST_HEALTH_USAGE if the configuration has nothing that the target could ask. */
export type Manifest = (input: ManifestInput) => string

export interface ManifestOptions {
  /**
   * The name of the service, as in its package.json. A scope is left out.
   *
   * @default 'app'
   */
  name?: string | undefined
  /**
   * A `web` service is asked over HTTP. A `worker` without a port is asked through the command.
   *
   * @default 'web'
   */
  kind?: ManifestInput['kind'] | undefined
  /**
   * The port of the probes. A worker with a port is asked over HTTP.
   *
   * @default the port of the setting `listen`, or 3000, and 50051 for gRPC
   */
  port?: number | undefined
  /**
   * `true` writes probes of gRPC.
   *
   * @default false
   */
  grpc?: boolean | undefined
  /**
   * The path of Node.js in the image.
   *
   * @default 'node', which must be in the `PATH` of the image
   */
  node?: string | undefined
  /**
   * The command that asks a subset when `--subset <name>` is added.
   *
   * @default ['node_modules/.bin/fastify-health']
   */
  command?: readonly string[] | undefined
}

/**
 * Collects the facts about a registry that its manifests need.
 *
 * @throws FST_HEALTH_USAGE if `name` has no letter of a-z and no digit, or the probes have no port.
 */
export async function toManifestInput (registry: HealthRegistry, options: ManifestOptions = {}): Promise<ManifestInput> {
  const { name = 'app', kind = 'web', grpc = false, node = 'node', command = ['node_modules/.bin/fastify-health'] } = options
  const { mountedAt, settings: { prefix, livenessPath } } = registry
  const port = options.port ?? (grpc ? undefined : portOf(registry.settings, kind))
  const over = grpc ? 'grpc' : kind === 'worker' && port === undefined ? 'command' : 'http'
  const base = `${mountedAt}${prefix === '/' ? '' : prefix}`
  const subsets = await Promise.all(registry.subsets().map(async name => {
    return { name, path: `${base}/${name}`, time: await registry.longestRun(name, { background: over !== 'command' }) }
  }))
  return {
    name: manifestName(name),
    kind,
    over,
    port: port ?? (grpc ? 50_051 : 3000),
    node,
    command,
    livenessPath: livenessPath === false ? false : `${mountedAt}${livenessPath}`,
    subsets,
  }
}

// Returns the port of the separate listener, if the port is known before it listens.
function portOf ({ listen, routes }: Settings, kind: ManifestInput['kind']): number | undefined {
  const port = listen?.port
  if (port !== undefined && port !== 0) return port
  if (!routes && kind === 'web') {
    throw new FST_HEALTH_USAGE(
      "`routes: false` takes the probes off the app's own listener, and `listen` " +
      `${listen === undefined ? 'is not there' : 'names no port'}: give it one, or name it with --port.`
    )
  }
  return undefined
}

// Makes a name that Kubernetes, HAProxy and Prometheus accept.
function manifestName (name: string): string {
  const label = name.replace(/^@[^/]*\//, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  if (label === '') throw new FST_HEALTH_USAGE(`'${name}' cannot be the name of a service: it needs a letter of a-z or a digit.`)
  return label.slice(0, 63).replace(/-$/, '')
}
