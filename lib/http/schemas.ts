import * as Type from 'typebox'
import { renderers } from '../renderers/index.js'

export const text = Type.String()

/**
 * Makes the schema of an object whose keys are not known. `Type.Record` would load a third of TypeBox, and OpenAPI 3.0 cannot say what it
 * makes.
 */
function byName<Value extends Type.TSchema> (value: Value) {
  return Type.Object({}, { additionalProperties: value })
}

/** The properties of a schema, as they are written in JSON. */
export const names = new WeakMap<Type.TSchema, ReadonlyMap<string, string>>()

/** Makes the schema of the statuses of the given checks. */
export function statuses (identifiers: readonly string[]) {
  const schema = Type.Object(Object.fromEntries(identifiers.map(identifier => [identifier, text])), { additionalProperties: false })
  names.set(schema, new Map(identifiers.map(identifier => [identifier, `${JSON.stringify(identifier)}:`])))
  return schema
}

/** The schema of the statuses of a subset whose checks are not known when its route is declared. */
export const anyStatuses = byName(text)

export const livenessBody = Type.Object({ status: Type.Literal('ok') }, { additionalProperties: false })

export const query = Type.Object({
  format: Type.Optional(Type.Enum(renderers.map(({ name }) => name), { type: 'string', description: 'Wins over the Accept header.' })),
})

const passWarnFail = Type.Enum(['pass', 'warn', 'fail'], { type: 'string' })

/** The draft calls this component details, and allows further keys. */
const component = Type.Object({
  componentId: Type.Optional(text),
  componentType: Type.Optional(text),
  observedValue: Type.Optional(Type.Union([Type.Number(), text])),
  observedUnit: Type.Optional(text),
  status: passWarnFail,
  time: Type.Optional(Type.String({ format: 'date-time' })),
  output: Type.Optional(text),
})

/** The id by which other schemas refer to `healthReport`. */
export const healthReportId = 'FastifyHealthReport'

/** The schema of `health+json`: https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06 */
export const healthReport = Type.Object({
  status: passWarnFail,
  version: Type.Optional(text),
  releaseId: Type.Optional(text),
  serviceId: Type.Optional(text),
  description: Type.Optional(text),
  notes: Type.Optional(Type.Array(text)),
  output: Type.Optional(text),
  links: Type.Optional(byName(text)),
  checks: byName(Type.Array(component)),
}, {
  $id: healthReportId,
  title: 'HealthReport',
  additionalProperties: false,
  description: 'application/health+json, after the IETF draft.',
})

const moment = Type.String({ format: 'date-time' })

const count = Type.Integer({ minimum: 0 })

/** The `json` body of the fleet's page. */
export const rosterBody = Type.Object({
  fleet: text,
  healthy: Type.Boolean({ description: 'No instance is gone without goodbye, and none finds a subset failing.' }),
  at: moment,
  unavailable: Type.Optional(Type.String({ description: 'Why only this instance is known.' })),
  up: count,
  draining: count,
  gone: count,
  subsets: Type.Array(Type.Object({ subset: text, healthy: count, failing: count })),
  mutes: Type.Array(
    Type.Object({ subset: text, identifier: text, since: moment, until: moment, because: Type.Optional(text), by: Type.Optional(text) })
  ),
  instances: Type.Array(Type.Object({
    instance: text,
    state: Type.Enum(['up', 'draining', 'gone'], { type: 'string' }),
    since: moment,
    seen: moment,
    version: Type.Optional(text),
    releaseId: Type.Optional(text),
    subsets: Type.Array(Type.Object({
      subset: text,
      healthy: Type.Boolean(),
      at: moment,
      failing: Type.Array(
        Type.Object({ identifier: text, kind: text, status: text, critical: Type.Boolean(), muted: Type.Boolean(), since: moment })
      ),
    })),
  }), { description: 'The worst first.' }),
})

/** The page of the fleet shows this many instances if the query has no `limit`. */
export const usualInstances = 200
export const mostInstances = 1000

export const rosterQuery = Type.Object({
  format: query.properties.format,
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
  return format === 'health+json' ? healthReport : text
}
