import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/schema'
import { names } from './schemas.js'
import { FST_HEALTH_INVALID_RESPONSE } from '../errors.js'

const validators = new WeakMap<TSchema, Validator>()

/**
 * Returns the text to send for the output of a renderer, which must match the schema.
 *
 * @throws FST_HEALTH_INVALID_RESPONSE if it does not match.
 */
export function validated (schema: TSchema, rendered: string | object): string {
  let validator = validators.get(schema)
  if (validator === undefined) validators.set(schema, validator = Compile(schema))
  if (!validator.Check(rendered)) throw new FST_HEALTH_INVALID_RESPONSE(JSON.stringify(validator.Errors(rendered)))
  if (typeof rendered === 'string') return rendered
  const known = names.get(schema)
  return known === undefined ? JSON.stringify(rendered) : written(rendered as Record<string, string>, known)
}

const working = JSON.stringify('working')

/** Writes an object of texts as JSON. The names are written in advance, since writing them takes most of the time of an answer. */
function written (body: Readonly<Record<string, string>>, names: ReadonlyMap<string, string>): string {
  let json = ''
  for (const name in body) {
    const value = body[name]
    json += `${json === '' ? '{' : ','}${names.get(name)}${value === 'working' ? working : JSON.stringify(value)}`
  }
  return json === '' ? '{}' : `${json}}`
}
