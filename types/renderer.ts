import type { Service } from './settings.js'
import type { Report } from './report.js'

/** One wire format, of what a run of a subset found unless told otherwise. */
export interface Renderer<Subject = Report> {
  /** What `?format=` and `--format` call it. */
  readonly name: string
  /** Without parameters: what `Accept` is compared with. */
  readonly mediaType: string
  /** The whole header. */
  readonly contentType: string
  /** Answers 200 whatever the verdict. */
  readonly alwaysOk?: boolean
  readonly headers?: Readonly<Record<string, string>>
  /** A text as it is sent, or an object that is sent as JSON. */
  render (subject: Subject, service: Service): string | object
}
