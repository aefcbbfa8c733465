import type { FastifyReply, FastifyRequest } from 'fastify'
import { answered, loadValidation, plainText, refuse, seesDetails, send } from './answers.js'
import { negotiate, supportedTypes } from './negotiate.js'
import { failureStatusOf, fleetSubset } from '../config/options.js'
import { FST_HEALTH_NOT_ACCEPTABLE } from '../errors.js'
import { fleetRenderers } from '../renderers/fleet/index.js'
import { withoutInstanceDetails } from '../renderers/fleet/words.js'
import type { HealthRegistry } from '../engine/registry.js'
import type { Roster } from '../../types/fleet.js'
import type { Settings } from '../../types/options.js'
import type { Renderer } from '../../types/renderer.js'

export interface AskedFleet {
  readonly registry: HealthRegistry
  /** The settings at the time when the routes were declared. They are known to be valid. */
  readonly mounted: Settings
  readonly schemas: typeof import('./schemas.js')
}

/**
 * Answers with the roster. The status is 200 even if instances fail, since this is no probe, and `failureStatus` if Redis cannot be asked.
 */
export async function answerForFleet (
  { registry, mounted, schemas }: AskedFleet,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<FastifyReply> {
  return await answered({ request, reply, subset: fleetSubset, settings: mounted }, async () => {
    const { format, limit } = (request.query ?? {}) as { format?: unknown, limit?: unknown }
    const chosen = negotiate(format, request.headers)
    if (chosen === undefined) return refuse(reply, new FST_HEALTH_NOT_ACCEPTABLE(supportedTypes))
    const most = toLimit(limit, schemas.usualInstances, schemas.mostInstances)
    if (most === undefined) return send(reply, 400, plainText, `limit must be a whole number, 0 to ${schemas.mostInstances}`)
    const detailed = await seesDetails(registry.settings, request)
    const found = await registry.roster({ limit: most })
    const renderer = fleetRenderers.find(({ name }) => name === chosen.name) as Renderer<Roster>
    const body = renderer.render(detailed ? found : withoutInstanceDetails(found), registry.settings.service)
    if (renderer.headers !== undefined) reply.headers(renderer.headers)
    const status = found.unavailable === undefined || renderer.alwaysOk === true ? 200 : failureStatusOf(mounted, fleetSubset)
    const { validated } = await loadValidation()
    return send(reply, status, renderer.contentType, validated(schemas.bodySchema(renderer.name, schemas.rosterBody), body))
  })
}

function toLimit (limit: unknown, usual: number, most: number): number | undefined {
  if (limit === undefined) return usual
  return /^\d{1,6}$/.test(String(limit)) && Number(limit) <= most ? Number(limit) : undefined
}
