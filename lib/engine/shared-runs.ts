import type { Report } from '../../types/report.js'

interface SharedRun {
  readonly terms: readonly unknown[]
  readonly report: Promise<Report>
}

/**
 * Runs of subsets that others may join: however many probes arrive at once, the report is made once. A run can be joined until the
 * first of its checks has answered, so that nobody is told what was found before it asked.
 */
export class SharedRuns {
  readonly #joinable = new Map<string, SharedRun>()

  /**
   * The run under way on the same terms, or what `start` begins. It is given what to call when a check has answered.
   *
   * @param terms what the report depends on, compared by identity
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
