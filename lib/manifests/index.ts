import { docker } from './docker.js'
import { haproxy } from './haproxy.js'
import type { Manifest } from './input.js'
import { kubernetes } from './kubernetes.js'
import { prometheus } from './prometheus.js'

export { toManifestInput, type Manifest, type ManifestInput, type ManifestOptions, type ManifestSubset } from './input.js'

/** All manifests, by the name of the target. */
export const manifests: ReadonlyMap<string, Manifest> = new Map(Object.entries({ kubernetes, docker, haproxy, prometheus }))
