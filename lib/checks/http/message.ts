import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'

/** A request. */
export interface HttpRequest {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** An answer whose body has not been read. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Readable
  /** Returns whether the whole body has arrived. It is called after the body was resumed. */
  readonly isComplete: () => boolean
}

/** Returns the headers of a request, by their names in small letters. */
export function requestHeaders ({ headers, body }: HttpRequest): Record<string, string | number> {
  return {
    'user-agent': 'fastify-health',
    'accept-encoding': 'identity',
    ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
  }
}
