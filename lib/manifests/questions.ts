import { FST_HEALTH_USAGE } from '../errors.js'
import type { ManifestInput, ManifestSubset } from './input.js'

/** What a prober asks, and how long it has to wait for the answer. */
export interface Question {
  readonly subset: string
  /** `undefined` where it is not asked over HTTP. */
  readonly path: string | undefined
  readonly timeoutSeconds: number
}

/** How much later than the slowest answer a prober may give up, in milliseconds: an answer has to travel, a command has to start. */
const travelTime = 500
const startTime = 2000

/** Liveness as such has nothing to wait for: what it needs is patience with a busy event loop. */
const livenessSeconds = 3

/** What to ask a service about `name`: liveness, or a subset. `undefined` where it has no such thing. */
export function questionOf (input: ManifestInput, name: string): Question | undefined {
  const subset = input.subsets.find(subset => subset.name === name)
  if (input.over !== 'http') {
    return subset && { subset: name, path: undefined, timeoutSeconds: wholeSeconds(subset.time + (input.over === 'grpc' ? travelTime : startTime)) }
  }
  if (name === 'liveness' && input.livenessPath !== false) {
    return { subset: name, path: input.livenessPath, timeoutSeconds: livenessSeconds }
  }
  return subset && { subset: name, path: subset.path, timeoutSeconds: wholeSeconds(subset.time + travelTime) }
}

/** The subsets that are reached over HTTP, each with its question: where liveness is, no subset can be. */
export function servedSubsets (input: ManifestInput): Array<{ subset: ManifestSubset, timeoutSeconds: number }> {
  return input.subsets
    .filter(({ path }) => input.over === 'http' && path !== input.livenessPath)
    .map(subset => ({ subset, timeoutSeconds: wholeSeconds(subset.time + travelTime) }))
}

/** @throws FST_HEALTH_USAGE of a target that asks over HTTP, where none is served. */
export function needsHttp ({ over }: ManifestInput, target: string): void {
  if (over === 'command') throw new FST_HEALTH_USAGE(`${target} asks over HTTP, and a worker serves none: leave --kind worker out, or name with --port where the worker listens for its probes.`)
  needsNoGrpc(over, target)
}

/** @throws FST_HEALTH_USAGE of a target that cannot ask over gRPC. */
export function needsNoGrpc (over: ManifestInput['over'], target: string): void {
  if (over === 'grpc') throw new FST_HEALTH_USAGE(`${target} does not ask over gRPC: leave --grpc out, which is for kubernetes.`)
}

/** The command line that asks a subset. */
export function commandFor ({ command }: ManifestInput, subset: string): string[] {
  return [...command, '--subset', subset]
}

function wholeSeconds (milliseconds: number): number {
  return Math.ceil(milliseconds / 1000)
}
