import { FST_HEALTH_USAGE } from '../errors.js'
import type { HealthRegistry } from '../engine/registry.js'
import type { Settings } from '../../types/options.js'

/** What a manifest is made of. */
export interface ManifestInput {
  /** Of the service: letters a-z, digits and -. */
  readonly name: string
  readonly kind: 'web' | 'worker'
  /** How it is asked: a worker that listens nowhere, through the command. */
  readonly over: 'http' | 'grpc' | 'command'
  /** Where it listens for its probes. */
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
  /** Default: the port of `listen`, or 3000 of a web app, or 50051 of gRPC. A worker that has one is asked over HTTP. */
  port?: number | undefined
  /** `true`: the probes are those of gRPC. */
  grpc?: boolean | undefined
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
  const { name = 'app', kind = 'web', grpc = false, node = 'node', command = ['node_modules/.bin/fastify-health'] } = options
  const { mountedAt, settings: { prefix, livenessPath } } = registry
  const port = options.port ?? (grpc ? undefined : portOf(registry.settings, kind))
  const over = grpc ? 'grpc' : kind === 'worker' && port === undefined ? 'command' : 'http'
  const base = `${mountedAt}${prefix === '/' ? '' : prefix}`
  const subsets = await Promise.all(registry.subsets().map(async name => {
    return { name, path: `${base}/${name}`, time: await registry.longestRun(name, { background: over !== 'command' }) }
  }))
  return { name: labelOf(name), kind, over, port: port ?? (grpc ? 50_051 : 3000), node, command, livenessPath: livenessPath === false ? false : `${mountedAt}${livenessPath}`, subsets }
}

// The listener of the probes' own, where it has a port that is known before it listens.
function portOf ({ listen, routes }: Settings, kind: ManifestInput['kind']): number | undefined {
  const port = listen?.port
  if (port !== undefined && port !== 0) return port
  if (!routes && kind === 'web') throw new FST_HEALTH_USAGE(`\`routes: false\` takes the probes off the app's own listener, and \`listen\` ${listen === undefined ? 'is not there' : 'names no port'}: give it one, or name it with --port.`)
  return undefined
}

// What Kubernetes takes as a name; HAProxy and Prometheus take it as well.
function labelOf (name: string): string {
  const label = name.replace(/^@[^/]*\//, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  if (label === '') throw new FST_HEALTH_USAGE(`'${name}' cannot be the name of a service: it needs a letter of a-z or a digit.`)
  return label.slice(0, 63).replace(/-$/, '')
}
