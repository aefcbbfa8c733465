import type { Service } from './settings.js'
import type { Report } from './report.js'

/** A renderer writes a report, or another subject, in one format. */
export interface Renderer<Subject = Report> {
  /** The name of the format in `?format=` and `--format`. */
  readonly name: string
  /** The media type without parameters, which is compared with `Accept`. */
  readonly mediaType: string
  /** The whole value of the `content-type` header. */
  readonly contentType: string
  /** `true` answers with status 200, even if the subset is unhealthy. */
  readonly alwaysOk?: boolean
  readonly headers?: Readonly<Record<string, string>>
  /** Returns the text to send, or an object to send as JSON. */
  render (subject: Subject, service: Service): string | object
}
