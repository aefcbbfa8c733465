import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { RouterOptions } from './router-options.js'

export const alive = '{"status":"ok"}'

/** This key in a route's `config` marks liveness, for spellings of the path that the cheap comparison misses. */
export const livenessRoute = Symbol.for('fastify-health.liveness')

// A list of names and values, which Node.js writes faster than an object.
const headers = [
  'content-type', 'application/json; charset=utf-8',
  'content-length', String(alive.length),
  'cache-control', 'no-store',
  'x-content-type-options', 'nosniff',
  'vary', 'accept',
]

type OnRequest = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void

/**
 * Answers on `path` before any hook that is added later, and past whatever the app does to replies. Every other request pays for
 * a few comparisons of characters: nothing is allocated, nothing parsed.
 */
export function livenessHook (path: string, options: RouterOptions): OnRequest {
  const { length } = path
  const mayBeSpelled = spellings(path, options)
  return function liveness (request, reply, done) {
    const url = request.raw.url as string
    const asWritten = url.startsWith(path) && isEnd(url, length)
    if (asWritten ? isRead(request.method) : mayBeSpelled(url) && isLiveness(request)) answer(reply)
    else done()
  }
}

/** Past `onSend`, serializers and error handlers: none of them may change this answer, or hang on a store that is down. */
export function answer (reply: FastifyReply): void {
  reply.hijack()
  reply.raw.writeHead(200, headers)
  // Node.js can be told to refuse a body where there must be none, and would then never end the response.
  if (reply.request.method === 'HEAD') reply.raw.end()
  else reply.raw.end(alive)
}

const percent = 0x25
const slash = 0x2f
const query = 0x3f

/** Whether a URL is worth asking the router about, which knows other spellings of the same path but takes its time to tell. */
function spellings (path: string, { caseSensitive, ignoreDuplicateSlashes, useSemicolonDelimiter }: RouterOptions): (url: string) => boolean {
  // Below a prefix with a parameter, such as a tenant.
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
  return at === url.length || url.charCodeAt(at) === query
}

function isLiveness ({ routeOptions: { config } }: FastifyRequest): boolean {
  return (config as { [livenessRoute]?: true } | undefined)?.[livenessRoute] === true
}

function isRead (method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
