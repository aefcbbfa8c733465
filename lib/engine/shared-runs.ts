import type { Report } from '../../types/report.js'

interface SharedRun {
  readonly terms: readonly unknown[]
  readonly report: Promise<Report>
}

/**
 * Shares the runs of subsets, so that probes that arrive at the same time get one report. A probe can join a run until the first check has
 * answered, so that no probe gets an answer that is older than its request.
 */
export class SharedRuns {
  readonly #joinable = new Map<string, SharedRun>()

  /**
   * Returns the run under way with the same terms, or begins a new one.
   *
   * @param terms the values that the report depends on, compared by identity
   * @param start begins a run; it must call `onAnswer` when a check has answered
   */
  join (subset: string, terms: readonly unknown[], start: (onAnswer: () => void) => Promise<Report>): Promise<Report> {
    const run = this.#joinable.get(subset)
    if (run !== undefined && terms.every((term, index) => term === run.terms[index])) return run.report
    let isAnswered = false
    const report = start(() => {
      isAnswered = true
      this.#joinable.delete(subset)
    })
    if (!isAnswered) this.#joinable.set(subset, { terms, report })
    return report
  }
}
