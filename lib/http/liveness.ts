import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { RouterOptions } from './router-options.js'

export const alive = '{"status":"ok"}'

/** This key in a route's `config` marks liveness, for spellings of the path that the cheap comparison misses. */
export const livenessRoute = Symbol.for('fastify-health.liveness')

// The headers are a list of names and values, since Node.js writes a list faster than an object.
const headers = [
  'content-type', 'application/json; charset=utf-8',
  'content-length', String(alive.length),
  'cache-control', 'no-store',
  'x-content-type-options', 'nosniff',
  'vary', 'accept',
]

type OnRequest = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void

/**
 * Makes a hook that answers on `path`, before any hook that is added later, and bypasses everything that the app does to replies. Every
 * other request costs a few comparisons of characters, without allocating or parsing.
 */
export function livenessHook (path: string, options: RouterOptions): OnRequest {
  const { length } = path
  const mayBeSpelled = spellingTest(path, options)
  return function liveness (request, reply, done) {
    const url = request.raw.url as string
    const asWritten = url.startsWith(path) && isEnd(url, length)
    if (asWritten ? isRead(request.method) : mayBeSpelled(url) && isLiveness(request)) answer(reply)
    else done()
  }
}

/** Sends liveness without `onSend`, serializers and error handlers, which could change the answer, or hang on a store that is down. */
export function answer (reply: FastifyReply): void {
  reply.hijack()
  reply.raw.writeHead(200, headers)
  // The option `rejectNonStandardBodyWrites` of Node.js refuses a body in an answer to HEAD, and the response would never end.
  if (reply.request.method === 'HEAD') reply.raw.end()
  else reply.raw.end(alive)
}

const percent = 0x25
const slash = 0x2f
const questionMark = 0x3f

/** Returns a function that says whether a URL may be another spelling of `path`. Only then is the router asked, which takes longer. */
function spellingTest (
  path: string,
  { caseSensitive, ignoreDuplicateSlashes, useSemicolonDelimiter }: RouterOptions
): (url: string) => boolean {
  // The prefix may have a parameter, such as a tenant, so any URL may match.
  if (/[:*]/.test(path)) return () => true
  const alwaysLoose = !caseSensitive || ignoreDuplicateSlashes || useSemicolonDelimiter
  const first = path.charCodeAt(1) | 0x20
  return url => {
    // A request to a proxy has the scheme and the host in its URL.
    if (url.charCodeAt(0) !== slash) return true
    const start = url.charCodeAt(1)
    const mayMatch = (start | 0x20) === first || start === percent || start === slash
    return mayMatch && (alwaysLoose || url.includes('%'))
  }
}

function isEnd (url: string, at: number): boolean {
  if (url.charCodeAt(at) === slash) at++
  return at === url.length || url.charCodeAt(at) === questionMark
}

function isLiveness ({ routeOptions: { config } }: FastifyRequest): boolean {
  return (config as { [livenessRoute]?: true } | undefined)?.[livenessRoute] === true
}

function isRead (method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
