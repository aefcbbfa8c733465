import type { Clock } from '../time/clock.js'
import type { ResolvedEntry } from '../config/entry.js'
import { longestTimer } from '../values/rules.js'

/** The entries that run in the background, and the function that runs one of them. */
export interface Source {
  /** Returns every entry that is configured now. */
  readonly entries: () => ReadonlyArray<readonly [subset: string, entry: ResolvedEntry]>
  /** Runs an entry, and never rejects. It may resolve to the milliseconds until the next run, in place of the entry's interval. */
  readonly run: (subset: string, entry: ResolvedEntry) => Promise<number | undefined>
}

interface Schedule {
  readonly subset: string
  readonly interval: number
  entry: ResolvedEntry
  stop: () => void
}

/**
 * Runs the entries that have an `interval`: at once, and then after each interval. Each interval varies by a tenth, so that the pods do not
 * run at the same moment. Its timers do not keep the process alive.
 */
export class Background {
  readonly #clock: Clock
  readonly #source: Source
  readonly #schedules = new Map<string, Schedule>()
  #started = false

  constructor (clock: Clock, source: Source) {
    this.#clock = clock
    this.#source = source
  }

  get started (): boolean {
    return this.#started
  }

  start (): void {
    this.#started = true
    this.refresh()
  }

  stop (): void {
    this.#started = false
    for (const key of this.#schedules.keys()) this.#stop(key)
  }

  /** Adopts the entries as they are now. Entries with an unchanged interval keep their timers. */
  refresh (): void {
    if (!this.#started) return
    const entries = new Map(this.#source.entries().map(([subset, entry]) => [`${subset} ${entry.identifier}`, { subset, entry }]))
    for (const [key, { interval }] of this.#schedules) {
      if (entries.get(key)?.entry.options.interval !== interval) this.#stop(key)
    }
    for (const [key, { subset, entry }] of entries) {
      const { interval } = entry.options
      const schedule = this.#schedules.get(key)
      if (schedule !== undefined) schedule.entry = entry
      else if (interval !== undefined) this.#run(key, { subset, interval, entry })
    }
  }

  #stop (key: string): void {
    this.#schedules.get(key)?.stop()
    this.#schedules.delete(key)
  }

  #run (key: string, { subset, interval, entry }: Omit<Schedule, 'stop'>): void {
    const schedule: Schedule = { subset, interval, entry, stop: () => {} }
    const again = (delay: number) => {
      schedule.stop()
      schedule.stop = this.#clock.after(Math.min(delay, longestTimer), () => {
        this.refresh()
        if (this.#schedules.get(key) === schedule) this.#run(key, schedule)
      }, true)
    }
    this.#schedules.set(key, schedule)
    again(interval * (0.9 + 0.2 * this.#clock.random()))
    this.#source.run(subset, entry).then(delay => {
      if (delay !== undefined && this.#schedules.get(key) === schedule) again(delay)
    })
  }
}
