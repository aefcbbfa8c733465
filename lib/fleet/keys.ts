/**
 * What a fleet keeps in Redis. Every key begins with `fastify-health:{<name>}:`, hence one slot of a Redis Cluster, and expires by itself.
 *
 * | key | type | holds |
 * |---|---|---|
 * | `instances` | sorted set | each instance by the moment from which it counts as gone |
 * | `draining` | sorted set | the same of those that drain |
 * | `subsets` | sorted set | each subset by the moment from which nobody has told anything of it |
 * | `healthy:<subset>`, `failing:<subset>` | sorted set | as `instances`, those that found it so last |
 * | `instance:<id>` | string | what an instance says of itself, behind the moment when it said so |
 * | `name:<name>` | sorted set | the instances that call themselves so, by the moment when they said so |
 * | `question:<digest>` | hash | `turn`, when its run began; `holder`, whose turn it is; `alive`, when the holder was heard of last; `found` and `foundIn`, the last outcome and its turn |
 * | `mutes` | hash | what is muted, by subset and identifier, behind the moments of its beginning and its end |
 * | `mutes:version` | string | another one after each change of them |
 *
 * Moments are of Redis's own clock, so those of the hosts may differ.
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

  /** Of those that found a subset healthy, and of those that did not. */
  found (subset: string, healthy: boolean): string {
    return `${this.#base}${healthy ? 'healthy' : 'failing'}:${subset}`
  }
}
