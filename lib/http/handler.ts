import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import { answered, loadValidation, refuse, seesDetails, send } from './answers.js'
import { negotiate, supportedTypes } from './negotiate.js'
import { failureStatusOf, settingsFaults } from '../config/options.js'
import { isOptions } from '../values/plain-data.js'
import { FST_HEALTH_NOT_ACCEPTABLE, FST_HEALTH_UNKNOWN_SUBSET } from '../errors.js'
import type { HealthRegistry } from '../engine/registry.js'
import { withoutDetails } from '../engine/report.js'
import type { Settings } from '../../types/options.js'
import type { Renderer } from '../../types/renderer.js'
import type { Report } from '../../types/report.js'

/** A subset, and what its route needs to answer for it. */
export interface AskedSubset {
  readonly registry: HealthRegistry
  /** The settings at the time when the routes were declared. They are known to be valid. */
  readonly mounted: Settings
  readonly schemas: typeof import('./schemas.js')
  readonly subset: string
  /** The checks that the route's schema lists. */
  readonly declared?: { readonly identifiers: readonly string[], readonly body: TSchema }
  /** The last answer. */
  last?: Rendering
}

/** Answers with the report of a subset. */
export async function answerForSubset (asked: AskedSubset, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { subset, mounted } = asked
  return await answered({ request, reply, subset, settings: mounted }, async () => await respond(asked, request, reply))
}

async function respond (asked: AskedSubset, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { registry, subset } = asked
  if (!exists(registry, subset)) return refuse(reply, new FST_HEALTH_UNKNOWN_SUBSET(subset))
  const renderer = negotiate((request.query as { format?: unknown } | undefined)?.format, request.headers)
  if (renderer === undefined) return refuse(reply, new FST_HEALTH_NOT_ACCEPTABLE(supportedTypes))
  const detailed = seesDetails(registry.settings, request)
  const report = await registry.run(subset)
  const { validated } = await loadValidation()
  const { status, text } = rendered(asked, renderer, report, typeof detailed === 'boolean' ? detailed : await detailed, validated)
  if (renderer.headers !== undefined) reply.headers(renderer.headers)
  return send(reply, status, renderer.contentType, text)
}

type Validate = typeof import('./validated.js').validated

interface Rendering {
  readonly report: Report
  readonly renderer: Renderer
  readonly detailed: boolean
  readonly status: number
  readonly text: string
}

/** Renders a report. Probes that arrive at the same time share a report, so the last rendering is kept. */
function rendered (asked: AskedSubset, renderer: Renderer, found: Report, detailed: boolean, validated: Validate): Rendering {
  const { registry, mounted, last } = asked
  if (last !== undefined && last.report === found && last.renderer === renderer && last.detailed === detailed) return last
  const report = detailed ? found : withoutDetails(found)
  // If the settings became invalid, the report is about that, and the settings at mounting are used.
  const settings = report.healthy || settingsFaults(registry.settings).length === 0 ? registry.settings : mounted
  const text = validated(schemaOf(asked, renderer, report), renderer.render(report, settings.service))
  return (asked.last = {
    report: found,
    renderer,
    detailed,
    status: report.healthy || renderer.alwaysOk === true ? 200 : failureStatusOf(settings, report.subset),
    text,
  })
}

export function exists ({ settings: { subsets } }: HealthRegistry, subset: string): boolean {
  // If `subsets` is not an object, the answer for every name is the fault in the configuration.
  return !isOptions(subsets) || Object.hasOwn(subsets, subset)
}

function schemaOf ({ schemas: { bodySchema }, declared }: AskedSubset, { name }: Renderer, { results }: Report): TSchema {
  return bodySchema(name, declared !== undefined && isAsDeclared(declared.identifiers, results) ? declared.body : undefined)
}

/** Returns whether the subset has the same checks as when its route was declared. */
function isAsDeclared (identifiers: readonly string[], results: Report['results']): boolean {
  return results.length === identifiers.length && results.every(({ identifier }, index) => identifier === identifiers[index])
}
