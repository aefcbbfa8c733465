import http from 'node:http'
import { HealthCheck } from '../check.js'
import { abortable } from '../time/abortable.js'
import { interruptionOf } from '../time/stop-signal.js'
import { clientRequirements, clientRule, withClient, type ClientOption } from '../clients/client.js'
import { unavailable } from '../clients/driver-errors.js'
import { findProxy, isMalformed } from '../clients/proxy.js'
import { moreThanOne } from '../clients/requirements.js'
import { lacking, ServiceReturnedUnexpectedResult } from '../errors.js'
import { pem, tlsRequirements, type TLSMaterial } from '../clients/tls.js'
import { decodableUrl, flag, rule, withoutNul } from '../values/rules.js'
import type { CheckContext, OptionRules, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'
import { askThrough, dispatcherKind, type DispatcherLike } from './http/dispatcher.js'
import { exchange, letGo, readBody, throughProxy } from './http/exchange.js'
import {
  bodyMismatch, encodingMismatch, headersMismatch, isExpectation, needsBody, statusMismatch, type HttpExpectation,
} from './http/expectation.js'
import { requestHeaders, type HttpAnswer, type HttpRequest } from './http/message.js'
import { redirected, redirectsMax } from './http/redirect.js'
import { routeTo } from './http/route.js'

export type { DispatcherLike } from './http/dispatcher.js'
export type { HttpExpectation, StatusExpectation } from './http/expectation.js'

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
  /**
   * A Dispatcher of undici, such as an Agent, a Pool or a ProxyAgent: the name of a decorator (dots reach into it), a function of the app,
   * or the dispatcher itself. All requests go through it, also those of redirects. The check never closes it.
   */
  dispatcher?: ClientOption<DispatcherLike>
  /**
   * `true` asks through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of the environment name.
   *
   * @default false
   */
  proxy?: boolean
}

/** Passes if the answer to one HTTP request is as expected. A connection of the check is kept until the next run. */
export class HttpCheck extends HealthCheck<HttpOptions> {
  static override readonly rules: OptionRules = {
    url: decodableUrl(['http', 'https'], { required: true }),
    method: rule("an HTTP method in capitals, such as 'GET'", value => http.METHODS.includes(value as string) && value !== 'CONNECT'),
    headers: rule('an object of header names and texts', areHeaders, { secret: true }),
    body: rule('a text', value => typeof value === 'string', { secret: true }),
    expect: rule(
      'an object with any of: status (a number from 200 to 599, a list of them, or { from, to }), headers (an object of texts or ' +
      'RegExps), body (a text or RegExp), json (what the body must hold)',
      isExpectation
    ),
    followRedirects: flag(),
    maxBytes: rule('a whole number of bytes, 1 or more', value => Number.isSafeInteger(value) && (value as number) >= 1),
    socketPath: withoutNul('the path of a Unix socket'),
    ca: pem(),
    cert: pem(),
    key: pem({ secret: true }),
    dispatcher: clientRule(dispatcherKind),
    proxy: flag(),
  } satisfies RulesOf<HttpOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext): Promise<Requirement[]> {
    const { method, expect = {} } = this.options
    const missing = await this.#connectionRequirements(context)
    if (method !== 'HEAD' || !needsBody(expect)) return missing
    return [
      ...missing,
      {
        message: 'a body is expected of the answer to HEAD, which has none',
        hint: 'Set `method` to GET, or expect only a status and headers.',
      },
    ]
  }

  async #connectionRequirements (context: RequirementsContext): Promise<Requirement[]> {
    const { url, dispatcher } = this.options
    const misgiven = this.#misgiven
    if (misgiven !== undefined) return [misgiven]
    if (dispatcher !== undefined) return await clientRequirements(context, { client: dispatcher, kind: dispatcherKind })
    const { missing } = this.options.proxy === true ? findProxy(new URL(url)) : {}
    return [...await tlsRequirements(this.#tls), ...missing === undefined ? [] : [missing]]
  }

  /** The fault of options that exclude each other. */
  get #misgiven (): Requirement | undefined {
    const { dispatcher, socketPath, proxy } = this.options
    const asked = proxy === true ? proxy : undefined
    if (dispatcher === undefined) {
      return moreThanOne({ socketPath, proxy: asked }, 'A Unix socket is asked without a proxy: leave one of the two out.')
    }
    return moreThanOne(
      { dispatcher, ...this.#tls, socketPath, proxy: asked },
      'The dispatcher makes the connection: give the other options to it, or leave `dispatcher` out.'
    )
  }

  get #tls () {
    const { ca, cert, key } = this.options
    return { ca, cert, key }
  }

  override async check (context: CheckContext) {
    const { url, method = 'GET', headers = {}, body, dispatcher } = this.options
    const misgiven = this.#misgiven
    if (misgiven !== undefined) throw lacking([misgiven])
    const first: HttpRequest = { url: new URL(url), method, headers, body }
    try {
      if (dispatcher === undefined) {
        // An aborted body ends a turn later. A run that begins before must not be told that this one hangs.
        await abortable(this.#ask(first, async message => await this.#send(context, message)), interruptionOf(context))
      } else {
        // A dispatcher may lead to many hosts. A host that does not answer must not hold up the others.
        const source = { client: dispatcher, kind: dispatcherKind, part: first.url.origin }
        await withClient(context, source, async found =>
          await this.#ask(first, async message => await askThrough(found, message, context.signal)))
      }
    } catch (error) {
      throw isMalformed(error)
        ? new ServiceReturnedUnexpectedResult('the answer is not valid HTTP', { cause: error })
        : unavailable(error)
    }
  }

  async #ask (first: HttpRequest, send: (message: HttpRequest) => Promise<HttpAnswer>): Promise<void> {
    let next: HttpRequest | undefined = first
    for (let asked = 0; next !== undefined; asked++) {
      if (asked > redirectsMax) throw new ServiceReturnedUnexpectedResult(`redirected more than ${redirectsMax} times`)
      const answer = await send(next)
      try {
        next = this.options.followRedirects === true ? redirected(next, answer) : undefined
        if (next === undefined) await this.#judge(answer)
      } finally {
        await letGo(answer)
      }
    }
  }

  async #send (context: CheckContext, message: HttpRequest): Promise<HttpAnswer> {
    const { signal } = context
    // A redirect may lead to a different origin each time, so only the connection to the first origin is kept.
    const isFirst = message.url.origin === new URL(this.options.url).origin
    const { socketPath, proxy = false } = this.options
    const means = isFirst ? { socketPath, tls: this.#tls, proxy } : { socketPath: undefined, tls: {}, proxy }
    const { request, options, headers, makeAgent, isRelayed, key } = await routeTo(message.url, means)
    // At most one idle connection is kept. If it is broken, the next run makes a new one.
    const makeKept = () => makeAgent({ keepAlive: true, maxFreeSockets: 1 })
    const agent = isFirst ? await context.resources.get(key, makeKept, agent => agent.destroy()) : makeAgent({})
    const sent = {
      ...options,
      agent,
      method: message.method,
      headers: { ...headers, ...requestHeaders(message) },
      signal,
      tunnelSignal: signal,
    }
    const answered = exchange(() => request(message.url, sent), message.body, signal)
    return isRelayed ? await throughProxy(answered) : await answered
  }

  async #judge ({ status, headers, body }: HttpAnswer): Promise<void> {
    const { expect = {}, maxBytes = 1024 ** 2 } = this.options
    const mismatch = statusMismatch(expect, status) ??
      headersMismatch(expect, headers) ??
      (needsBody(expect) ? encodingMismatch(headers) ?? bodyMismatch(expect, await readBody(body, maxBytes), maxBytes) : undefined)
    if (mismatch !== undefined) throw new ServiceReturnedUnexpectedResult(mismatch)
  }
}

export default HttpCheck

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
