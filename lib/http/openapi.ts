import type { FastifySchema } from 'fastify'
import { Ref, type TSchema } from 'typebox'
import { failureStatusOf, fleetSubset } from '../config/options.js'
import { FST_HEALTH_NOT_ACCEPTABLE, FST_HEALTH_UNKNOWN_SUBSET } from '../errors.js'
import { History } from '../engine/history.js'
import { alive } from './liveness.js'
import { supportedTypes } from './negotiate.js'
import { renderers } from '../renderers/index.js'
import { failed, toReport, toResult, type Outcome } from '../engine/report.js'
import { fleetRenderers } from '../renderers/fleet/index.js'
import { bodySchema, healthReport, healthReportId, livenessBody, formatQuery, rosterBody, rosterQuery, anyText } from './schemas.js'
import type { FleetInstance, Roster } from '../../types/fleet.js'
import type { Renderer } from '../../types/renderer.js'
import type { Report } from '../../types/report.js'
import type { Settings } from '../../types/options.js'

/** The schema of a route, with the fields that @fastify/swagger reads. */
export interface DocumentedSchema extends FastifySchema {
  operationId?: string
  tags?: readonly string[]
  summary?: string
  description?: string
  /** `true` keeps the route out of the document. */
  hide?: boolean
}

/** The facts about a check that the document shows. */
export interface DocumentedCheck {
  readonly identifier: string
  readonly critical: boolean
}

export interface DocumentedSubset {
  readonly subset: string
  readonly checks: readonly DocumentedCheck[]
  /** The schema of its `json` body. */
  readonly body: TSchema
}

interface Media {
  readonly schema: TSchema
  readonly example?: unknown
}

interface Response {
  readonly description: string
  readonly content: Readonly<Record<string, Media>>
}

const tags = ['health']

export const livenessDocumentation: DocumentedSchema = {
  tags,
  summary: 'Is the process alive?',
  description: 'Answers as long as the process takes requests, and asks nothing else.',
  response: { 200: { description: 'Alive.', content: { 'application/json': { schema: livenessBody, example: JSON.parse(alive) } } } },
}

/** Describes the operation of a subset, with its checks and all its answers. */
export function subsetDocumentation (
  documented: DocumentedSubset,
  { service, ...settings }: Pick<Settings, 'failureStatus' | 'service'>
): DocumentedSchema {
  const { subset, checks } = documented
  const answers = (example: Report | undefined, description: string, formats = renderers): Response => ({
    description,
    content: Object.fromEntries(formats.map(renderer => [renderer.mediaType, mediaOf(renderer, example, documented, service)])),
  })
  const refusal = (description: string, example: string): Response =>
    ({ description, content: { 'text/plain': { schema: anyText, example } } })
  const response: Record<number, Response> = {
    200: answers(sample(subset, checks), 'Healthy. `application/openmetrics-text` is sent with this status whatever the verdict.'),
    404: refusal('The subset was removed since.', new FST_HEALTH_UNKNOWN_SUBSET(subset).message),
    406: refusal('None of the formats that are asked for exists.', new FST_HEALTH_NOT_ACCEPTABLE(supportedTypes).message),
  }
  // This status is set last, since it may be one of the statuses above.
  response[failureStatusOf(settings, subset)] = answers(
    failing(subset, checks),
    'Unhealthy: a critical check failed.',
    renderers.filter(({ alwaysOk }) => !alwaysOk)
  )
  return { tags, summary: `Is ${subset} healthy?`, description: descriptionOf(checks), querystring: formatQuery, response }
}

/** Describes the operation of the fleet's page. */
export function fleetDocumentation ({ service, ...settings }: Pick<Settings, 'failureStatus' | 'service'>): DocumentedSchema {
  const answers = (roster: Roster, description: string, formats = fleetRenderers): Response => ({
    description,
    content: Object.fromEntries(formats.map(({ name, mediaType, render }) => {
      const schema = name === 'health+json' ? Ref(`${healthReportId}#`) : bodySchema(name, rosterBody)
      return [mediaType, name === 'html' ? { schema } : { schema, example: render(roster, service) }]
    })),
  })
  const refusal = (description: string, example: string): Response =>
    ({ description, content: { 'text/plain': { schema: anyText, example } } })
  const response: Record<number, Response> = {
    200: answers(sampleRoster(true), 'What the instances know of each other, whatever that is.'),
    400: refusal('`limit` is no number that is taken.', 'limit must be a whole number, 0 to 1000'),
    406: refusal('None of the formats that are asked for exists.', new FST_HEALTH_NOT_ACCEPTABLE(supportedTypes).message),
  }
  response[failureStatusOf(settings, fleetSubset)] = answers(
    sampleRoster(false),
    'Only this instance is known, since Redis cannot be asked.',
    fleetRenderers.filter(({ alwaysOk }) => !alwaysOk)
  )
  return {
    tags,
    summary: 'How are all instances?',
    description: 'A page of its own, which runs no check.',
    querystring: rosterQuery,
    response,
  }
}

function sampleRoster (isKnown: boolean): Roster {
  const subsets = [{ subset: 'readiness', healthy: true, at: exampleMoment, failing: [] }]
  const instances: FleetInstance[] = [{ instance: 'host:1', state: 'up', since: exampleMoment, seen: exampleMoment, subsets }]
  const found = { fleet: 'fleet', at: exampleMoment, up: 1, draining: 0, gone: 0, mutes: [], instances }
  return isKnown
    ? { ...found, subsets: [{ subset: 'readiness', healthy: 1, failing: 0 }] }
    : { ...found, unavailable: 'connection refused', subsets: [] }
}

function descriptionOf (checks: readonly DocumentedCheck[]): string {
  if (checks.length === 0) return 'Checks nothing.'
  return ['Checks:', '', ...checks.map(({ identifier, critical }) => `- ${identifier}${critical ? ' (critical)' : ''}`)].join('\n')
}

function mediaOf (renderer: Renderer, report: Report | undefined, { body }: DocumentedSubset, service: Settings['service']): Media {
  const own = bodySchema(renderer.name, body)
  const schema = own === healthReport ? Ref(`${healthReportId}#`) : own
  // A page as an example would not help a reader of the document.
  if (report === undefined || renderer.name === 'html') return { schema }
  return { schema, example: renderer.render(report, service) }
}

// The moment is fixed, since documents that change with each start cannot be compared.
const exampleMoment = Date.UTC(2026, 0, 1)
const duration = 3

/** Makes a report in which a critical check fails, or returns `undefined` if no check is critical. */
function failing (subset: string, checks: readonly DocumentedCheck[]): Report | undefined {
  const critical = checks.find(({ critical }) => critical)
  return critical === undefined ? undefined : sample(subset, checks, critical)
}

/** Makes the report of a run in which all checks but `broken` work. */
function sample (subset: string, checks: readonly DocumentedCheck[], broken?: DocumentedCheck): Report {
  const results = checks.map(check => {
    const history = new History()
    const healthy = check !== broken
    const outcome: Outcome = healthy
      ? { errors: [], startedAt: exampleMoment, duration }
      : failed('unavailable', 'connection refused', exampleMoment, duration)
    history.record(healthy, exampleMoment)
    return toResult({ ...check, outcome, healthy }, history)
  })
  return toReport({ subset, draining: false, startedAt: exampleMoment, duration }, results)
}

/** The names of the operations of each server. All registrations of the plugin on a server share them. */
const namesOf = new WeakMap<object, Set<string>>()

/** Returns a function that makes a unique name for an operation from its URL. */
export function operationNames (server: object): (url: string) => string {
  const taken = namesOf.get(server) ?? new Set()
  namesOf.set(server, taken)
  return url => {
    const words = url.match(/[A-Za-z0-9]+/g) ?? []
    const name = ['get', ...words.map(word => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)].join('')
    let unique = name
    for (let count = 2; taken.has(unique); count++) unique = `${name}${count}`
    taken.add(unique)
    return unique
  }
}
