import * as Type from 'typebox'
import { renderers } from '../renderers/index.js'

export const anyText = Type.String()

/**
 * Makes the schema of an object whose keys are not known. `Type.Record` would load a third of TypeBox, and OpenAPI 3.0 cannot say what it
 * makes.
 */
function objectOf<Value extends Type.TSchema> (value: Value) {
  return Type.Object({}, { additionalProperties: value })
}

/** The properties of a schema, as they are written in JSON. */
export const names = new WeakMap<Type.TSchema, ReadonlyMap<string, string>>()

/** Makes the schema of the statuses of the given checks. */
export function statusesSchema (identifiers: readonly string[]) {
  const schema = Type.Object(Object.fromEntries(identifiers.map(identifier => [identifier, anyText])), { additionalProperties: false })
  names.set(schema, new Map(identifiers.map(identifier => [identifier, `${JSON.stringify(identifier)}:`])))
  return schema
}

/** The schema of the statuses of a subset whose checks are not known when its route is declared. */
export const anyStatuses = objectOf(anyText)

export const livenessBody = Type.Object({ status: Type.Literal('ok') }, { additionalProperties: false })

export const formatQuery = Type.Object({
  format: Type.Optional(Type.Enum(renderers.map(({ name }) => name), { type: 'string', description: 'Wins over the Accept header.' })),
})

const passWarnFail = Type.Enum(['pass', 'warn', 'fail'], { type: 'string' })

/** The draft calls this component details, and allows further keys. */
const componentSchema = Type.Object({
  componentId: Type.Optional(anyText),
  componentType: Type.Optional(anyText),
  observedValue: Type.Optional(Type.Union([Type.Number(), anyText])),
  observedUnit: Type.Optional(anyText),
  status: passWarnFail,
  time: Type.Optional(Type.String({ format: 'date-time' })),
  output: Type.Optional(anyText),
})

/** The id by which other schemas refer to `healthReport`. */
export const healthReportId = 'FastifyHealthReport'

/** The schema of `health+json`: https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06 */
export const healthReport = Type.Object({
  status: passWarnFail,
  version: Type.Optional(anyText),
  releaseId: Type.Optional(anyText),
  serviceId: Type.Optional(anyText),
  description: Type.Optional(anyText),
  notes: Type.Optional(Type.Array(anyText)),
  output: Type.Optional(anyText),
  links: Type.Optional(objectOf(anyText)),
  checks: objectOf(Type.Array(componentSchema)),
}, {
  $id: healthReportId,
  title: 'HealthReport',
  additionalProperties: false,
  description: 'application/health+json, after the IETF draft.',
})

const dateTime = Type.String({ format: 'date-time' })

const naturalNumber = Type.Integer({ minimum: 0 })

/** The `json` body of the fleet's page. */
export const rosterBody = Type.Object({
  fleet: anyText,
  healthy: Type.Boolean({ description: 'No instance is gone without goodbye, and none finds a subset failing.' }),
  at: dateTime,
  unavailable: Type.Optional(Type.String({ description: 'Why only this instance is known.' })),
  up: naturalNumber,
  draining: naturalNumber,
  gone: naturalNumber,
  subsets: Type.Array(Type.Object({ subset: anyText, healthy: naturalNumber, failing: naturalNumber })),
  mutes: Type.Array(Type.Object({
    subset: anyText,
    identifier: anyText,
    since: dateTime,
    until: dateTime,
    because: Type.Optional(anyText),
    by: Type.Optional(anyText),
  })),
  instances: Type.Array(Type.Object({
    instance: anyText,
    state: Type.Enum(['up', 'draining', 'gone'], { type: 'string' }),
    since: dateTime,
    seen: dateTime,
    version: Type.Optional(anyText),
    releaseId: Type.Optional(anyText),
    subsets: Type.Array(Type.Object({
      subset: anyText,
      healthy: Type.Boolean(),
      at: dateTime,
      failing: Type.Array(Type.Object({
        identifier: anyText,
        kind: anyText,
        status: anyText,
        critical: Type.Boolean(),
        muted: Type.Boolean(),
        since: dateTime,
      })),
    })),
  }), { description: 'The worst first.' }),
})

/** The page of the fleet shows this many instances if the query has no `limit`. */
export const usualInstances = 200
export const mostInstances = 1000

export const rosterQuery = Type.Object({
  format: formatQuery.properties.format,
  limit: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: mostInstances,
      default: usualInstances,
      description: 'How many instances are shown, the worst first.',
    })
  ),
})

/** Returns the schema of a format's body. The format `json` has the given schema. */
export function bodySchema (format: string, json: Type.TSchema = anyStatuses): Type.TSchema {
  if (format === 'json') return json
  return format === 'health+json' ? healthReport : anyText
}
