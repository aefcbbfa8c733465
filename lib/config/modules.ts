import type { Clock } from '../time/clock.js'
import { inTime } from '../time/timeout.js'
import { named } from '../values/shown.js'
import { loadCheck } from './entry.js'
import type { Fault } from './options.js'
import { preparationTime } from './preparation.js'
import type { CheckClass } from '../../types/check.js'
import type { Settings } from '../../types/options.js'

/** The modules that entries name. Each of them is loaded once. */
export class Modules {
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #loadedLate: () => void
  readonly #loading = new Map<string, Promise<void>>()
  readonly #loaded = new Map<string, CheckClass | Fault>()

  /** @param loadedLate is called when a module has loaded that nobody waits for any more */
  constructor (settings: Settings, clock: Clock, loadedLate: () => void) {
    this.#settings = settings
    this.#clock = clock
    this.#loadedLate = loadedLate
  }

  /** Returns the class that a specifier names, or the fault of its module, or `undefined` if it must be loaded first. */
  get (specifier: string): CheckClass | Fault | undefined {
    return this.#loaded.get(specifier)
  }

  /** Loads a module once for all callers that wait for it. */
  load (specifier: string): Promise<void> {
    const loading = this.#loading.get(specifier) ?? this.#loadInTime(specifier).finally(() => this.#loading.delete(specifier))
    this.#loading.set(specifier, loading)
    return loading
  }

  async #loadInTime (specifier: string): Promise<void> {
    const limit = preparationTime(this.#settings.timeout)
    const loading = loadCheck(specifier, this.#settings.baseDir)
    this.#loaded.set(specifier, await inTime(this.#clock, limit, loading, () => {
      loading.then(found => {
        this.#loaded.set(specifier, found)
        this.#loadedLate()
      })
      return hasNotLoaded(specifier, limit)
    }))
  }
}

function hasNotLoaded (specifier: string, limit: number): Fault {
  return {
    id: 'E004',
    message: `${named(specifier)} has not loaded within ${limit} ms`,
    hint: 'A top-level `await` in it, or in what it imports, takes too long or never settles. Once it has loaded it is used.',
  }
}
