import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { ClientKind } from '../../clients/client.js'
import { basicAuthorization, refusedByProxy } from '../../clients/proxy.js'
import { ServiceReturnedUnexpectedResult } from '../../errors.js'
import { requestHeaders, type HttpAnswer, type HttpRequest } from './message.js'

/** The part of a Dispatcher of undici that the check calls. */
export interface DispatcherLike {
  dispatch (options: object, handler: object): boolean
  request (options: object): Promise<object>
}

interface ResponseData {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readable
}

export const dispatcherKind: ClientKind = {
  takes: 'a Dispatcher of undici',
  fits: value => {
    const { dispatch, request } = Object(value)
    return typeof value === 'object' && typeof dispatch === 'function' && typeof request === 'function'
  },
  hint: "Decorate it: app.decorate('partner', new Agent(…)), of the package undici, or name the decorator that holds one.",
  option: 'dispatcher',
}

/** Sends a request through a dispatcher. */
export async function askThrough (dispatcher: DispatcherLike, message: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const { url, method, body = null } = message
  const { origin, pathname, search } = url
  // Node.js takes the user and password from a URL, and undici does not.
  const authorization = url.username === '' && url.password === '' ? {} : { authorization: basicAuthorization(url) }
  const headers = { ...authorization, ...requestHeaders(message) }
  try {
    const answer = await dispatcher.request({ origin, path: `${pathname}${search}`, method, headers, body, signal }) as ResponseData
    // A body that is destroyed before its end emits an error.
    answer.body.on('error', () => {})
    return { status: answer.statusCode, headers: joined(answer.headers), body: answer.body, isComplete: () => answer.body.readableEnded }
  } catch (error) {
    throw explained(error)
  }
}

/** Replaces the errors that undici gives no code of their own. */
function explained (error: unknown): unknown {
  const { message = '' } = Object(error)
  if (message === 'bad upgrade') return new ServiceReturnedUnexpectedResult('answered 101', { cause: error })
  const status = /^Proxy (?:response|Authentication Required) \((\d{3})\)/.exec(message)?.[1]
  return status === undefined ? error : refusedByProxy(Number(status), error)
}

/** Returns headers in the form of Node.js. For a header that was sent more than once, undici has a list. */
function joined (headers: ResponseData['headers']): IncomingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) && name !== 'set-cookie' ? value.join(', ') : value])
  )
}
