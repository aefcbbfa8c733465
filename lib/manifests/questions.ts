import { FST_HEALTH_USAGE } from '../errors.js'
import type { ManifestInput, ManifestSubset } from './input.js'

/** The question of a prober, and the time that it must wait for the answer. */
export interface ProberQuestion {
  readonly subset: string
  /** The path is `undefined` if the question is not asked over HTTP. */
  readonly path: string | undefined
  readonly timeoutSeconds: number
}

/** A prober waits this many milliseconds longer than the slowest answer takes, since the answer must travel or a command must start. */
const travelTime = 500
const startTime = 2000

/** Liveness runs no check. The prober waits this many seconds because the event loop may be busy. */
const livenessSeconds = 3

/** Returns the question for liveness or a subset, or `undefined` if the service has neither of that name. */
export function questionOf (input: ManifestInput, name: string): ProberQuestion | undefined {
  const subset = input.subsets.find(subset => subset.name === name)
  if (input.over !== 'http') {
    return subset &&
      { subset: name, path: undefined, timeoutSeconds: secondsAtLeast(subset.time + (input.over === 'grpc' ? travelTime : startTime)) }
  }
  if (name === 'liveness' && input.livenessPath !== false) {
    return { subset: name, path: input.livenessPath, timeoutSeconds: livenessSeconds }
  }
  return subset && { subset: name, path: subset.path, timeoutSeconds: secondsAtLeast(subset.time + travelTime) }
}

/** Returns the subsets that can be asked over HTTP. A subset at the path of liveness cannot, since liveness answers there. */
export function servedSubsets (input: ManifestInput): Array<{ subset: ManifestSubset, timeoutSeconds: number }> {
  return input.subsets
    .filter(({ path }) => input.over === 'http' && path !== input.livenessPath)
    .map(subset => ({ subset, timeoutSeconds: secondsAtLeast(subset.time + travelTime) }))
}

/** @throws FST_HEALTH_USAGE if the target asks over HTTP, and the service does not answer over HTTP. */
export function needsHttp ({ over }: ManifestInput, target: string): void {
  if (over === 'command') {
    throw new FST_HEALTH_USAGE(
      `${target} asks over HTTP, and a worker serves none: leave --kind worker out, or name with --port where the worker listens for ` +
      'its probes.'
    )
  }
  needsNoGrpc(over, target)
}

/** @throws FST_HEALTH_USAGE if the service is asked over gRPC, which the target cannot do. */
export function needsNoGrpc (over: ManifestInput['over'], target: string): void {
  if (over === 'grpc') throw new FST_HEALTH_USAGE(`${target} does not ask over gRPC: leave --grpc out, which is for kubernetes.`)
}

/** Returns the command line that asks a subset. */
export function commandFor ({ command }: ManifestInput, subset: string): string[] {
  return [...command, '--subset', subset]
}

function secondsAtLeast (milliseconds: number): number {
  return Math.ceil(milliseconds / 1000)
}
