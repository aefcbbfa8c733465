import type { FastifyInstance, RouteOptions } from 'fastify'
import type { DocumentedSchema } from './openapi.js'
import { answerForFleet } from './fleet.js'
import { answerForSubset, exists, type AskedSubset } from './handler.js'
import { answer, livenessRoute } from './liveness.js'
import { fleetSubset } from '../config/options.js'
import type { HealthRegistry } from '../engine/registry.js'
import { routerOptions } from './router-options.js'
import { longestTimer } from '../values/rules.js'
import type { Settings } from '../../types/options.js'

interface Route {
  readonly schema: DocumentedSchema
  readonly config?: object
  readonly constraints?: Record<string, string>
  readonly handler: RouteOptions['handler']
}

// Rate limiting and load shedding must not refuse a probe. A swagger transform of the app may accept only Zod schemas.
const config = { rateLimit: false, pressureHandler: () => {}, swaggerTransform: false } as const

/** Declares liveness, one route for each subset, and one for those added later. */
export async function healthRoutes (app: FastifyInstance, { registry }: { registry: HealthRegistry }): Promise<void> {
  const schemas = await import('./schemas.js')
  const { fleetDocumentation, livenessDocumentation, operationNames, subsetDocumentation } = await import('./openapi.js')
  const { settings } = registry
  const mounted = { ...settings }
  const { prefix, livenessPath } = mounted
  const base = prefix === '/' ? '' : prefix

  // The compilers of the app may accept only Zod schemas, and that of Fastify would drop properties that a schema does not list.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => serialized)
  app.addSchema(schemas.healthReport)
  const declare = declarer(app, mounted, operationNames(app.server))

  if (livenessPath !== false) {
    declare(livenessPath, {
      config: { [livenessRoute]: true },
      schema: livenessDocumentation,
      handler: (_request, reply) => { answer(reply) },
    })
  }
  const { caseSensitive } = routerOptions(app)
  const isLiveness = (path: string) => path === livenessPath ||
    (!caseSensitive && path.toLowerCase() === String(livenessPath).toLowerCase())
  // A name that no path can lead to would stop the boot here, before the system checks report it together with the other faults.
  const subsets = registry.subsets().filter(subset => registry.nameFault(subset) === undefined && !isLiveness(`${base}/${subset}`))
  // The subsets load at the same time. One after another, modules that hang would exceed the time that Fastify gives a plugin.
  for (const [subset, checks] of await Promise.all(subsets.map(async subset => [subset, await registry.checks(subset)] as const))) {
    const identifiers = checks.map(({ identifier }) => identifier).sort()
    const body = schemas.statusesSchema(identifiers)
    const asked: AskedSubset = { registry, mounted, schemas, subset, declared: { identifiers, body } }
    declare(`${base}/${subset}`, {
      schema: subsetDocumentation({ subset, checks, body }, mounted),
      handler: (request, reply) => answerForSubset(asked, request, reply),
    })
  }
  if (mounted.fleet !== undefined) {
    declare(`${base}/${fleetSubset}`, {
      schema: fleetDocumentation(mounted),
      handler: (request, reply) => answerForFleet({ registry, mounted, schemas }, request, reply),
    })
  }
  const subsetNamed = (name: string) => {
    const found = caseSensitive ? undefined : registry.subsets().find(subset => subset.toLowerCase() === name.toLowerCase())
    return found ?? name
  }
  declare(`${base}/:subset`, {
    schema: { hide: true },
    ...base === '' && { constraints: onlyLast(app, segment => exists(registry, subsetNamed(segment))) },
    handler: async (request, reply) => {
      const { subset } = request.params as { subset: string }
      return await answerForSubset({ registry, mounted, schemas, subset: subsetNamed(subset) }, request, reply)
    },
  })
}

/**
 * Returns the constraint of a route to paths whose last segment passes `test`. With the prefix `/`, all other paths belong to the app: to
 * a wildcard, or to its 404 handler.
 */
function onlyLast (app: FastifyInstance, test: (segment: string) => boolean): Record<string, string> {
  // The router makes code of the name.
  const name = `fastifyHealthBelow${Buffer.from(app.prefix).toString('hex')}`
  app.addConstraintStrategy({
    name,
    storage () {
      const stores = new Map<unknown, never>()
      return { get: value => stores.get(value) ?? null, set: (value, store) => { stores.set(value, store as never) } }
    },
    validate () {},
    deriveConstraint: ({ url = '' }) => test(lastSegment(url)) ? 'subset' : undefined,
  })
  return { [name]: 'subset' }
}

/** Returns the last segment of the path of a URL, or an empty text if its escapes cannot be decoded. */
function lastSegment (url: string): string {
  const path = url.replace(/\/?(?:[?#;].*)?$/s, '')
  try {
    return decodeURIComponent(path.slice(path.lastIndexOf('/') + 1))
  } catch {
    return ''
  }
}

/** Declares a route in each of its spellings. */
function declarer (
  app: FastifyInstance,
  { logLevel, openapi }: Settings,
  operationName: (url: string) => string
): (url: string, route: Route) => void {
  const errorHandler = latestErrorHandler(app)
  return (url, { schema, config: own, constraints, handler }) => {
    const operationId = operationName(`${app.prefix}${url}`)
    for (const [path, isAlias] of pathAndAlias(app, url)) {
      const documented: DocumentedSchema = !openapi || isAlias ? { hide: true } : { operationId, ...schema }
      app.route({
        method: 'GET',
        url: path,
        exposeHeadRoute: true,
        logLevel,
        ...withoutHandlerTimeout(app),
        config: { ...config, ...own },
        ...constraints !== undefined && { constraints },
        schema: documented,
        errorHandler,
        handler,
      })
    }
  }
}

/** Returns the path, and its alias with a slash at the end unless the router ignores it. An alias is not documented. */
function pathAndAlias (app: FastifyInstance, url: string): Array<[path: string, isAlias: boolean]> {
  return routerOptions(app).ignoreTrailingSlash ? [[url, false]] : [[url, false], [`${url}/`, true]]
}

/** Lifts a server-wide `handlerTimeout`, after which Fastify would send its own answer in place of the report. */
function withoutHandlerTimeout ({ initialConfig }: FastifyInstance): { handlerTimeout?: number } {
  return (initialConfig as { handlerTimeout?: number }).handlerTimeout ? { handlerTimeout: longestTimer } : {}
}

/** Uses the error handler that the app sets later. A route keeps the handler that was set when the route was declared. */
function latestErrorHandler (app: FastifyInstance): FastifyInstance['errorHandler'] {
  const { errorHandler: earlier } = app
  return (error, request, reply) => {
    if (app.errorHandler === earlier) throw error
    return app.errorHandler(error, request, reply)
  }
}

/** Serializes an answer that the app sends on these routes, for example from a hook. An error has the same fields as in Fastify. */
function serialized (body: unknown): string {
  if (!(body instanceof Error)) return JSON.stringify(body)
  const { statusCode, code, error, message } = body as Error & { statusCode?: number, code?: string, error?: string }
  return JSON.stringify({ statusCode, code, error, message })
}
