const capacity = 60

/** The history of one entry. It needs a fixed amount of memory. */
export class History {
  /** The moment when the entry came into this state, in milliseconds since the epoch. It is `null` before the first run. */
  since: number | null = null
  lastSuccess: number | null = null
  consecutiveFailures = 0
  runs = 0
  transitions = 0
  healthy: boolean | undefined = undefined
  #outcomes: readonly boolean[] = []
  /** The number of equal outcomes at the end of the list. */
  #alike = 0

  /**
   * Records an outcome.
   *
   * @param isRun `false` says that the check is known to fail without a run
   * @param worked `false` says that something failed: a failure that is borne counts as healthy, but is no success
   * @returns `true` if the state changed; a first success is no change
   */
  record (healthy: boolean, at: number, isRun = true, worked = healthy): boolean {
    // A result without a run that is reported repeatedly counts once.
    if (!isRun && this.healthy === healthy) return false
    const changed = this.healthy === undefined ? !healthy : this.healthy !== healthy
    if (this.healthy !== healthy) {
      this.since = at
      this.#alike = 0
    }
    if (changed) this.transitions++
    this.healthy = healthy
    // A full list of equal outcomes stays the same object, so most checks need no new list for most runs.
    if (++this.#alike <= capacity) this.#outcomes = this.#outcomes.slice(1 - capacity).concat([healthy])
    if (isRun) this.runs++
    this.consecutiveFailures = worked ? 0 : this.consecutiveFailures + 1
    if (worked) this.lastSuccess = at
    return changed
  }

  // Each run makes a new list, so that a report can keep its list. A copy for each report would cost far more.
  /** Returns the last 60 outcomes, the newest last. */
  outcomes (): readonly boolean[] {
    return this.#outcomes
  }
}
