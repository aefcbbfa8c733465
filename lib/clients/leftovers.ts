/** What the runs of a check put into a server and have to take out again, by name. */
export class Leftovers {
  readonly #inUse = new Set<string>()
  readonly #left = new Set<string>()

  /** What runs that are over could not take out. A later run does. */
  get left (): readonly string[] {
    return [...this.#left]
  }

  /** What would stay if nothing ran any more: the same, and what the runs that are under way use. */
  get all (): readonly string[] {
    return [...this.#left, ...this.#inUse]
  }

  /** A run is about to put this in, perhaps once more. */
  use (name: string): void {
    this.#left.delete(name)
    this.#inUse.add(name)
  }

  /** It is out again. */
  removed (name: string): void {
    this.#inUse.delete(name)
    this.#left.delete(name)
  }

  /** The run is over and could not take it out. */
  leave (name: string): void {
    this.#inUse.delete(name)
    this.#left.add(name)
  }
}

const leftovers = new WeakMap<WeakKey, Map<string, Leftovers>>()

/** Returns the leftovers in what an object of the app leads to, such as a client or a disk. */
export function leftoversOf (owner: WeakKey, place = ''): Leftovers {
  const places = leftovers.get(owner) ?? new Map<string, Leftovers>()
  leftovers.set(owner, places)
  const known = places.get(place) ?? new Leftovers()
  places.set(place, known)
  return known
}
