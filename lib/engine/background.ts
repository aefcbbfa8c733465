import type { Clock } from '../time/clock.js'
import type { ResolvedEntry } from '../config/entry.js'
import { longestTimer } from '../values/rules.js'

/** Entries of subsets, and how to run them. */
export interface Source {
  /** Every entry that is configured now. */
  readonly entries: () => ReadonlyArray<readonly [subset: string, entry: ResolvedEntry]>
  /** Never rejects. It may say in how many milliseconds to come again, where that is not the entry's interval. */
  readonly run: (subset: string, entry: ResolvedEntry) => Promise<number | undefined>
}

interface Schedule {
  readonly subset: string
  readonly interval: number
  entry: ResolvedEntry
  stop: () => void
}

/**
 * Runs the entries that have an `interval` on clocks of their own: at once, then every interval give or take a tenth, so that
 * pods do not run at the same moment. No timer of it keeps the process alive.
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

  /** Goes by the entries as they are now: those that go on at their interval are not disturbed. */
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
