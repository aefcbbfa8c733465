const capacity = 60

/** What became of one entry, in fixed memory. */
export class History {
  /** Since when it is in this state, in milliseconds since the epoch; `null` before its first run. */
  since: number | null = null
  lastSuccess: number | null = null
  consecutiveFailures = 0
  runs = 0
  transitions = 0
  healthy: boolean | undefined = undefined
  #outcomes: readonly boolean[] = []
  /** How many outcomes there were since they were different. */
  #alike = 0

  /**
   * Returns whether this is a change of state; a first success is none.
   *
   * @param isRun whether the check was asked, and is not only known to fail
   * @param worked whether nothing failed: a failure that is borne is healthy, and no success
   */
  record (healthy: boolean, at: number, isRun = true, worked = healthy): boolean {
    // Told again and again, it happened once.
    if (!isRun && this.healthy === healthy) return false
    const changed = this.healthy === undefined ? !healthy : this.healthy !== healthy
    if (this.healthy !== healthy) {
      this.since = at
      this.#alike = 0
    }
    if (changed) this.transitions++
    this.healthy = healthy
    // A full list of one outcome stays as it is, which saves most checks most of their lists.
    if (++this.#alike <= capacity) this.#outcomes = this.#outcomes.slice(1 - capacity).concat([healthy])
    if (isRun) this.runs++
    this.consecutiveFailures = worked ? 0 : this.consecutiveFailures + 1
    if (worked) this.lastSuccess = at
    return changed
  }

  // A new list for each run, so that every report may keep the one of its time: copying it for each report costs far more.
  /** The last 60 outcomes, the latest last. */
  outcomes (): readonly boolean[] {
    return this.#outcomes
  }
}
