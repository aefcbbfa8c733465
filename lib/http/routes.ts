import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { TSchema } from 'typebox'
import { answered, refuse, seesDetails, send } from './answers.js'
import type { DocumentedSchema } from './openapi.js'
import { FST_HEALTH_NOT_ACCEPTABLE, FST_HEALTH_UNKNOWN_SUBSET } from '../errors.js'
import { answerForFleet } from './fleet.js'
import { answer, livenessRoute } from './liveness.js'
import { negotiate, supportedTypes } from './negotiate.js'
import { failureStatusOf, fleetSubset, isRecord, settingsFaults } from '../config/options.js'
import type { HealthRegistry } from '../engine/registry.js'
import { withoutDetails } from '../engine/report.js'
import { routerOptions } from './router-options.js'
import { longestTimer } from '../values/rules.js'
import type { Settings } from '../../types/options.js'
import type { Renderer } from '../../types/renderer.js'
import type { Report } from '../../types/report.js'

type Schemas = typeof import('./schemas.js')

interface Route {
  readonly schema: DocumentedSchema
  readonly config?: object
  readonly handler: RouteOptions['handler']
}

// Neither may turn a probe away: rate limiting, load shedding. And a transform of the app's own may take nothing but Zod.
const config = { rateLimit: false, pressureHandler: () => {}, swaggerTransform: false } as const

/** Declares liveness, one route for each subset, and one for those added later. */
export async function healthRoutes (app: FastifyInstance, { registry }: { registry: HealthRegistry }): Promise<void> {
  const schemas = await import('./schemas.js')
  const { fleetDocumentation, livenessDocumentation, operationNames, subsetDocumentation } = await import('./openapi.js')
  const { settings } = registry
  const mounted = { ...settings }
  const { prefix, livenessPath, logLevel, openapi } = mounted
  const base = prefix === '/' ? '' : prefix

  // The app's own may be Zod's, which take no JSON Schema; and Fastify's would silently leave out what a schema does not know.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => serialized)
  app.addSchema(schemas.healthReport)
  const operationName = operationNames(app.server)
  const errorHandler = latestErrorHandler(app)

  const declare = (url: string, { schema, config: own, handler }: Route) => {
    const operationId = operationName(`${app.prefix}${url}`)
    for (const [path, isAlias] of spellings(app, url)) {
      const documented: DocumentedSchema = !openapi || isAlias ? { hide: true } : { operationId, ...schema }
      app.route({
        method: 'GET',
        url: path,
        exposeHeadRoute: true,
        logLevel,
        ...withoutHandlerTimeout(app),
        config: { ...config, ...own },
        schema: documented,
        errorHandler,
        handler,
      })
    }
  }

  if (livenessPath !== false) {
    declare(livenessPath, {
      config: { [livenessRoute]: true },
      schema: livenessDocumentation,
      handler: (_request, reply) => { answer(reply) },
    })
  }
  const { caseSensitive } = routerOptions(app)
  const isLiveness = (path: string) => path === livenessPath || (!caseSensitive && path.toLowerCase() === String(livenessPath).toLowerCase())
  // A name that no path leads to would end the boot here, before the system checks can tell it and all other faults.
  const subsets = registry.subsets().filter(subset => registry.nameFault(subset) === undefined && !isLiveness(`${base}/${subset}`))
  // All at once: modules that hang would together take longer than Fastify gives a plugin.
  for (const [subset, checks] of await Promise.all(subsets.map(async subset => [subset, await registry.checks(subset)] as const))) {
    const identifiers = checks.map(({ identifier }) => identifier).sort()
    const body = schemas.statuses(identifiers)
    const asked: Asked = { registry, mounted, schemas, subset, declared: { identifiers, body } }
    declare(`${base}/${subset}`, {
      schema: subsetDocumentation({ subset, checks, body }, mounted),
      handler: async (request, reply) => await answerFor(asked, request, reply),
    })
  }
  if (mounted.fleet !== undefined) {
    declare(`${base}/${fleetSubset}`, {
      schema: fleetDocumentation(mounted),
      handler: async (request, reply) => await answerForFleet({ registry, mounted, schemas }, request, reply),
    })
  }
  declare(`${base}/:subset`, {
    schema: { hide: true },
    handler: async (request, reply) => {
      const { subset: name } = request.params as { subset: string }
      const subset = caseSensitive ? name : registry.subsets().find(subset => subset.toLowerCase() === name.toLowerCase()) ?? name
      // At the root this route stands where the app's own 404 handler would.
      if (base === '' && !exists(registry, subset)) return reply.callNotFound()
      return await answerFor({ registry, mounted, schemas, subset }, request, reply)
    },
  })
}

/** With and without a slash at the end, unless the router makes no difference; the second one is not documented. */
function spellings (app: FastifyInstance, url: string): Array<[path: string, isAlias: boolean]> {
  return routerOptions(app).ignoreTrailingSlash ? [[url, false]] : [[url, false], [`${url}/`, true]]
}

/** A server-wide one would put an answer of Fastify's own in place of the report. */
function withoutHandlerTimeout ({ initialConfig }: FastifyInstance): { handlerTimeout?: number } {
  return (initialConfig as { handlerTimeout?: number }).handlerTimeout ? { handlerTimeout: longestTimer } : {}
}

/** Routes keep the error handler of when they were declared; what the app's hooks throw is for the one that it sets later. */
function latestErrorHandler (app: FastifyInstance): FastifyInstance['errorHandler'] {
  const { errorHandler: earlier } = app
  return (error, request, reply) => {
    if (app.errorHandler === earlier) throw error
    return app.errorHandler(error, request, reply)
  }
}

/** The app's own answers on these routes, such as that of a hook; an error has the fields that Fastify sends of it. */
function serialized (body: unknown): string {
  if (!(body instanceof Error)) return JSON.stringify(body)
  const { statusCode, code, error, message } = body as Error & { statusCode?: number, code?: string, error?: string }
  return JSON.stringify({ statusCode, code, error, message })
}

interface Asked {
  readonly registry: HealthRegistry
  /** The settings as they were, and known to be valid, when the routes were declared. */
  readonly mounted: Settings
  readonly schemas: Schemas
  readonly subset: string
  /** What the route's schema lists. */
  readonly declared?: { readonly identifiers: readonly string[], readonly body: TSchema }
  /** What was sent last. */
  last?: Rendering
}

async function answerFor (asked: Asked, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { subset, mounted } = asked
  return await answered({ request, reply, subset, settings: mounted }, async () => await respond(asked, request, reply))
}

async function respond (asked: Asked, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { registry, subset } = asked
  if (!exists(registry, subset)) return refuse(reply, new FST_HEALTH_UNKNOWN_SUBSET(subset))
  const renderer = negotiate((request.query as { format?: unknown } | undefined)?.format, request.headers)
  if (renderer === undefined) return refuse(reply, new FST_HEALTH_NOT_ACCEPTABLE(supportedTypes))
  const detailed = seesDetails(registry.settings, request)
  const report = await registry.run(subset)
  const { status, text } = rendered(asked, renderer, report, typeof detailed === 'boolean' ? detailed : await detailed)
  if (renderer.headers !== undefined) reply.headers(renderer.headers)
  return send(reply, status, renderer.contentType, text)
}

interface Rendering {
  readonly report: Report
  readonly renderer: Renderer
  readonly detailed: boolean
  readonly status: number
  readonly text: string
}

/** What is sent of a report. Probes that arrive at once are told the same one, so the last is kept. */
function rendered (asked: Asked, renderer: Renderer, found: Report, detailed: boolean): Rendering {
  const { registry, mounted, schemas, last } = asked
  if (last !== undefined && last.report === found && last.renderer === renderer && last.detailed === detailed) return last
  const report = detailed ? found : withoutDetails(found)
  // Settings that became invalid are what the report is about, and are of no use for answering.
  const settings = report.healthy || settingsFaults(registry.settings).length === 0 ? registry.settings : mounted
  const text = schemas.validated(schemaOf(asked, renderer, report), renderer.render(report, settings.service))
  return (asked.last = { report: found, renderer, detailed, status: report.healthy || renderer.alwaysOk === true ? 200 : failureStatusOf(settings, report.subset), text })
}

function exists ({ settings: { subsets } }: HealthRegistry, subset: string): boolean {
  // Where there are no subsets at all, any of them is answered with what is wrong.
  return !isRecord(subsets) || Object.hasOwn(subsets, subset)
}

function schemaOf ({ schemas: { bodySchema }, declared }: Asked, { name }: Renderer, { results }: Report): TSchema {
  return bodySchema(name, declared !== undefined && isAsDeclared(declared.identifiers, results) ? declared.body : undefined)
}

/** Whether the subset still is what it was when its route was declared. */
function isAsDeclared (identifiers: readonly string[], results: Report['results']): boolean {
  return results.length === identifiers.length && results.every(({ identifier }, index) => identifier === identifiers[index])
}
