import type { FastifyReply, FastifyRequest } from 'fastify'
import { failureStatusOf } from '../config/options.js'
import { FST_HEALTH_TIMEOUT } from '../errors.js'
import { within } from '../time/timeout.js'
import type { Settings } from '../../types/options.js'
import type { Details } from '../../types/settings.js'

export const plainText = 'text/plain; charset=utf-8'

/** A request to a subset or to the fleet, and its reply. */
export interface Exchange {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly subset: string
  /** The settings at the time when the routes were declared. They are known to be valid. */
  readonly settings: Settings
}

/** Sends what `respond` sends, with the headers of every answer. It never throws, since the app's error handler might answer 200. */
export async function answered (
  { request, reply, subset, settings }: Exchange,
  respond: () => Promise<FastifyReply>
): Promise<FastifyReply> {
  const varied = reply.getHeader('vary')
  reply.headers({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    vary: varied === undefined ? 'accept' : `${String(varied)}, accept`,
  })
  // The answer of an unhealthy subset must not become a 304, which counts as a success.
  if ('if-none-match' in request.raw.headers) delete request.raw.headers['if-none-match']
  try {
    return await respond()
  } catch (error) {
    request.log.error({ err: error }, `health: ${subset} could not be answered`)
    return send(reply, failureStatusOf(settings, subset), plainText, 'unknown error')
  }
}

export function refuse (reply: FastifyReply, { statusCode, message }: { statusCode?: number, message: string }): FastifyReply {
  return send(reply, statusCode as number, plainText, message)
}

let validation: Promise<typeof import('./validated.js')> | undefined

/** Loads the validator of answers. The first answer does so, since the validator takes a tenth of the time to boot. */
export function loadValidation (): Promise<typeof import('./validated.js')> {
  return (validation ??= import('./validated.js'))
}

export function send (reply: FastifyReply, status: number, contentType: string, text: string): FastifyReply {
  // A text with its own serializer bypasses the app's `preSerialization` hooks and serializers, and keeps its content type.
  return reply.code(status).type(contentType).serializer(asItIs).send(text)
}

const asItIs = (text: unknown) => text as string

/** Returns whether the client may see messages. */
export function seesDetails (settings: Settings, request: FastifyRequest): boolean | Promise<boolean> {
  const { details } = settings
  return typeof details === 'function' ? decided(details, settings, request) : details === 'always'
}

async function decided (
  details: Exclude<Details, string>,
  { timeout, deadline = timeout }: Settings,
  request: FastifyRequest
): Promise<boolean> {
  const limit = Math.min(timeout, deadline)
  const decide = async () => await details(request)
  const decision = await within<unknown>(limit, decide(), () => { throw new FST_HEALTH_TIMEOUT(limit) }).catch(error => {
    request.log.error({ err: error }, 'health: the `details` function failed, so details are withheld')
  })
  return decision === true
}
