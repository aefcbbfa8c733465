/** The names of the things that the runs of a check put into a server, and must remove again. */
export class Leftovers {
  readonly #inUse = new Set<string>()
  readonly #left = new Set<string>()

  /** The names that finished runs could not remove. A later run removes them. */
  get left (): readonly string[] {
    return [...this.#left]
  }

  /** All names that are in the server: those of `left`, and those that runs under way use. */
  get all (): readonly string[] {
    return [...this.#left, ...this.#inUse]
  }

  /** Notes that a run is about to put this in, perhaps again. */
  use (name: string): void {
    this.#left.delete(name)
    this.#inUse.add(name)
  }

  /** Notes that this was removed. */
  removed (name: string): void {
    this.#inUse.delete(name)
    this.#left.delete(name)
  }

  /** Notes that a run ended and could not remove this. */
  leave (name: string): void {
    this.#inUse.delete(name)
    this.#left.add(name)
  }
}

const leftovers = new WeakMap<WeakKey, Map<string, Leftovers>>()

/** Returns the leftovers in the server or disk that an object of the app leads to. */
export function leftoversOf (owner: WeakKey, place = ''): Leftovers {
  const places = leftovers.get(owner) ?? new Map<string, Leftovers>()
  leftovers.set(owner, places)
  const known = places.get(place) ?? new Leftovers()
  places.set(place, known)
  return known
}
