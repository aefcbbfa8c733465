import { once } from 'node:events'
import http from 'node:http'
import type { Agent, AgentOptions, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { HealthCheck } from '../check.js'
import { abortable } from '../time/abortable.js'
import { interruptionOf } from '../time/stop-signal.js'
import { unavailable } from '../clients/driver-errors.js'
import { ServiceReturnedUnexpectedResult } from '../errors.js'
import { pem, tlsMaterial, tlsRequirements, type TLSMaterial } from '../clients/tls.js'
import { decodableUrl, flag, rule, withoutNul } from '../values/rules.js'
import type { CheckContext, OptionRules, Requirement } from '../../types/check.js'
import { bodyMismatch, encodingMismatch, headersMismatch, isExpectation, needsBody, statusMismatch, type HttpExpectation } from './http/expectation.js'

export type { HttpExpectation, StatusExpectation } from './http/expectation.js'

const redirectsMax = 10

export interface HttpOptions extends TLSMaterial {
  /** The URL, `http://` or `https://`. A user and password in it are sent as basic authorization. */
  url: string
  /**
   * The method, in capitals.
   *
   * @default 'GET'
   */
  method?: string
  /** The headers of the request. They are not sent to another origin after a redirect. */
  headers?: Readonly<Record<string, string>>
  /** The body of the request, which is sent as UTF-8. */
  body?: string
  /**
   * The expected answer.
   *
   * @default a status from 200 to 299
   */
  expect?: HttpExpectation
  /**
   * `true` follows up to ten redirects, and judges the last answer.
   *
   * @default false
   */
  followRedirects?: boolean
  /**
   * At most this many bytes of a body are read. A body is read only if `expect` has a `body` or `json`.
   *
   * @default 1_048_576 (1 MiB)
   */
  maxBytes?: number
  /** The path of a Unix socket that is asked in place of the host of the URL. A redirect to another origin does not use it. */
  socketPath?: string
}

/** Passes if the answer to one HTTP request is as expected. The connection is kept until the next run. */
export class HttpCheck extends HealthCheck<HttpOptions> {
  static override readonly rules: OptionRules = {
    url: decodableUrl(['http', 'https'], { required: true }),
    method: rule("an HTTP method in capitals, such as 'GET'", value => http.METHODS.includes(value as string) && value !== 'CONNECT'),
    headers: rule('an object of header names and texts', areHeaders, { secret: true }),
    body: rule('a text', value => typeof value === 'string', { secret: true }),
    expect: rule('an object with any of: status (a number from 200 to 599, a list of them, or { from, to }), headers (an object of texts or RegExps), body (a text or RegExp), json (what the body must hold)', isExpectation),
    followRedirects: flag(),
    maxBytes: rule('a whole number of bytes, 1 or more', value => Number.isSafeInteger(value) && (value as number) >= 1),
    socketPath: withoutNul('the path of a Unix socket'),
    ca: pem(),
    cert: pem(),
    key: pem({ secret: true }),
  }

  static override readonly scope = 'shared'

  override async requirements (): Promise<Requirement[]> {
    const { method, expect = {} } = this.options
    const missing = await tlsRequirements(this.#tls)
    if (method !== 'HEAD' || !needsBody(expect)) return missing
    return [...missing, { message: 'a body is expected of the answer to HEAD, which has none', hint: 'Set `method` to GET, or expect only a status and headers.' }]
  }

  get #tls () {
    const { ca, cert, key } = this.options
    return { ca, cert, key }
  }

  override async check (context: CheckContext) {
    const { url, method = 'GET', headers = {}, body } = this.options
    const first: Message = { url: new URL(url), method, headers, body }
    try {
      // An aborted body ends a turn later. A run that begins before must not be told that this one hangs.
      await abortable(this.#ask(context, first), interruptionOf(context))
    } catch (error) {
      throw isMalformed(error)
        ? new ServiceReturnedUnexpectedResult('the answer is not valid HTTP', { cause: error })
        : unavailable(error)
    }
  }

  async #ask (context: CheckContext, first: Message): Promise<void> {
    let next: Message | undefined = first
    for (let asked = 0; next !== undefined; asked++) {
      if (asked > redirectsMax) throw new ServiceReturnedUnexpectedResult(`redirected more than ${redirectsMax} times`)
      const response = await this.#send(context, next)
      try {
        next = this.options.followRedirects === true ? redirected(next, response) : undefined
        if (next === undefined) await this.#judge(response)
      } finally {
        await letGo(response)
      }
    }
  }

  async #send (context: CheckContext, message: Message): Promise<IncomingMessage> {
    const { signal } = context
    const transport: Transport = message.url.protocol === 'https:' ? await import('node:https') : http
    // A redirect may lead to a different origin each time, so only the connection to the first origin is kept.
    const isFirst = message.url.origin === new URL(this.options.url).origin
    const agent = isFirst && await this.#agent(context, transport)
    const { socketPath } = this.options
    const through = isFirst && socketPath !== undefined ? { socketPath } : {}
    const open = () => transport.request(message.url, { ...through, agent, method: message.method, headers: headersOf(message), signal })
    const sent = open()
    try {
      return await answerTo(sent, message.body)
    } catch (error) {
      // The server may close an idle connection at the moment of its next use. A probe may be repeated, so it is sent again.
      if (!sent.reusedSocket || signal.aborted) throw error
      return await answerTo(open(), message.body)
    }
  }

  async #agent ({ resources }: CheckContext, { Agent }: Transport): Promise<Agent> {
    // At most one idle connection is kept. If it is broken, the next run makes a new one.
    const { url, socketPath } = this.options
    const key = `http ${url} ${socketPath} ${JSON.stringify(this.#tls)}`
    return await resources.get(key, () => new Agent({ keepAlive: true, maxFreeSockets: 1, ...tlsMaterial(this.#tls) }), agent => agent.destroy())
  }

  async #judge (response: IncomingMessage): Promise<void> {
    const { expect = {}, maxBytes = 1024 ** 2 } = this.options
    const mismatch = statusMismatch(expect, response.statusCode as number) ??
      headersMismatch(expect, response.headers) ??
      (needsBody(expect) ? encodingMismatch(response.headers) ?? bodyMismatch(expect, await read(response, maxBytes), maxBytes) : undefined)
    if (mismatch !== undefined) throw new ServiceReturnedUnexpectedResult(mismatch)
  }
}

export default HttpCheck

type Transport = {
  Agent: new (options: AgentOptions & ReturnType<typeof tlsMaterial>) => Agent
  request: (url: URL, options: RequestOptions) => ClientRequest
}

interface Message {
  url: URL
  method: string
  headers: Readonly<Record<string, string>>
  body: string | undefined
}

function headersOf ({ headers, body }: Message): Record<string, string | number> {
  return {
    'user-agent': 'fastify-health',
    'accept-encoding': 'identity',
    ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
  }
}

async function answerTo (request: ClientRequest, body: string | undefined): Promise<IncomingMessage> {
  // An error after the answer has begun is reported here and to the reader of the answer.
  request.on('error', () => {})
  // An upgrade was not requested and is no answer. Without this listener, the request would never end.
  request.once('upgrade', (_response, socket) => {
    socket.destroy()
    request.emit('error', new ServiceReturnedUnexpectedResult('answered 101'))
  })
  request.end(body)
  const [response] = await once(request, 'response')
  return response
}

// The connection is kept if the whole answer has arrived. Otherwise the verdict is known, so the rest is not waited for.
async function letGo (response: IncomingMessage): Promise<void> {
  response.resume()
  await turn()
  if (!response.complete) response.destroy()
}

async function read (response: IncomingMessage, maxBytes: number): Promise<{ bytes: Buffer, complete: boolean }> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    chunks.push(chunk)
    length += chunk.length
    if (length > maxBytes) break
  }
  return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), complete: length <= maxBytes }
}

/** Returns the next request if the answer is a redirect. https://www.rfc-editor.org/rfc/rfc9110#name-redirection-3xx */
function redirected ({ url, method, headers, body }: Message, { statusCode, headers: { location } }: IncomingMessage): Message | undefined {
  if (location === undefined || ![301, 302, 303, 307, 308].includes(statusCode as number)) return undefined
  const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined
  if (target === undefined || !isHttp(target)) {
    throw new ServiceReturnedUnexpectedResult('redirected to what is no URL of HTTP')
  }
  const becomesGet = statusCode === 303 ? method !== 'GET' && method !== 'HEAD' : statusCode !== 307 && statusCode !== 308 && method === 'POST'
  const trusted = target.origin === url.origin
  if (trusted) Object.assign(target, { username: url.username, password: url.password })
  return {
    url: target,
    method: becomesGet ? 'GET' : method,
    // Headers may hold credentials, so another origin does not get them.
    headers: trusted ? becomesGet ? withoutContent(headers) : headers : {},
    body: becomesGet ? undefined : body,
  }
}

const origin = decodableUrl(['http', 'https'])

// Node.js decodes the user and the password of a URL, but not its path.
function isHttp (target: URL): boolean {
  return target.protocol.startsWith('http') && origin.test(new URL('/', target).href)
}

/** Returns the headers without those that describe a body. */
function withoutContent (headers: Message['headers']): Message['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !/^content-/i.test(name)))
}

// The HTTP parser of Node.js has codes that begin with HPE_.
function isMalformed (error: unknown): boolean {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('HPE_')
}

function areHeaders (value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  try {
    for (const [name, content] of Object.entries(value)) {
      http.validateHeaderName(name)
      http.validateHeaderValue(name, content)
    }
    return Object.values(value).every(content => typeof content === 'string')
  } catch {
    return false
  }
}
