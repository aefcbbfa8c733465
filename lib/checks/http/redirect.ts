import { ServiceReturnedUnexpectedResult } from '../../errors.js'
import { decodableUrl } from '../../values/rules.js'
import type { HttpAnswer, HttpRequest } from './message.js'

/** A check follows at most this many redirects. */
export const redirectsMax = 10

/** Returns the next request if the answer is a redirect. https://www.rfc-editor.org/rfc/rfc9110#name-redirection-3xx */
export function redirected (
  { url, method, headers, body }: HttpRequest,
  { status, headers: { location } }: HttpAnswer
): HttpRequest | undefined {
  if (location === undefined || ![301, 302, 303, 307, 308].includes(status)) return undefined
  const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined
  if (target === undefined || !isHttp(target)) {
    throw new ServiceReturnedUnexpectedResult('redirected to what is no URL of HTTP')
  }
  const becomesGet = status === 303 ? method !== 'GET' && method !== 'HEAD' : status !== 307 && status !== 308 && method === 'POST'
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
function withoutContent (headers: HttpRequest['headers']): HttpRequest['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !/^content-/i.test(name)))
}
