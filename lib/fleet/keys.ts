/**
 * The keys of a fleet in Redis. Each begins with `fastify-health:{<name>}:`, so all are in one slot of a Redis Cluster. Each expires.
 *
 * | key | type | holds |
 * |---|---|---|
 * | `instances` | sorted set | each instance, by the moment from which it counts as gone |
 * | `draining` | sorted set | the same for the instances that drain |
 * | `subsets` | sorted set | each subset, by the moment from which its last report counts no longer |
 * | `healthy:<subset>`, `failing:<subset>` | sorted set | as `instances`, for those that last found the subset healthy or failing |
 * | `instance:<id>` | string | the moment of the last report of an instance, and the report |
 * | `name:<name>` | sorted set | the instances of that name, by the moment of their last report |
 * | `question:<digest>` | hash | the turn of a check that is shared |
 * | `mutes` | hash | each mute by subset and identifier: the moments of its beginning and end, and its reason |
 * | `mutes:version` | string | a value that changes with every change of `mutes` |
 *
 * The hash of a question holds `turn`, the moment when the last run began; `holder`, the instance that runs the check; `alive`, the
 * moment of its last sign of life; `found` and `foundIn`, the last outcome and its turn.
 *
 * Moments are of the clock of Redis, so the clocks of the hosts may differ.
 */
export class Keys {
  readonly #base: string
  readonly instances: string
  readonly draining: string
  readonly subsets: string
  readonly mutes: string
  readonly version: string

  constructor (fleet: string) {
    this.#base = `fastify-health:{${fleet}}:`
    this.instances = `${this.#base}instances`
    this.draining = `${this.#base}draining`
    this.subsets = `${this.#base}subsets`
    this.mutes = `${this.#base}mutes`
    this.version = `${this.#base}mutes:version`
  }

  instance (id: string): string {
    return `${this.#base}instance:${id}`
  }

  named (name: string): string {
    return `${this.#base}name:${name}`
  }

  question (digest: string): string {
    return `${this.#base}question:${digest}`
  }

  /** Returns the key of the instances that found a subset healthy, or of those that found it failing. */
  found (subset: string, healthy: boolean): string {
    return `${this.#base}${healthy ? 'healthy' : 'failing'}:${subset}`
  }
}
