import type { Redis } from 'ioredis'
import type { CheckContext, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'
import type { RedisSource } from '../../types/sources.js'
import { interruptionOf } from '../time/stop-signal.js'
import { lacking } from '../errors.js'
import { redisUrl, text } from '../values/rules.js'
import { clientRule, findClient, untilFound, type ClientKind, type ClientOption, type FoundClient } from './client.js'
import { unavailable } from './driver-errors.js'
import { withIORedis } from './redis-of-app.js'
import { ioredis, withOwnRedis } from './redis-own.js'
import { moreThanOne, needsDriver } from './requirements.js'

/** The kind of client for checks that use ioredis. */
export const ioredisKind: ClientKind = {
  takes: 'a client of ioredis',
  fits: isIORedis,
  hint: "Register it: app.register(import('@fastify/redis')), or give the check a `url`.",
}

export const redisRules = {
  namespace: text(),
  url: redisUrl(),
  client: clientRule(ioredisKind),
} satisfies RulesOf<RedisSource>

export async function redisRequirements (
  source: RedisSource<object>,
  context: RequirementsContext,
  kind = ioredisKind
): Promise<Requirement[]> {
  const misgiven = faultOf(source)
  if (misgiven !== undefined) return [misgiven]
  if (source.url !== undefined) return await needsDriver('ioredis', ioredis)
  const { missing } = await clientOfApp(source, context, kind)
  return missing === undefined ? [] : [missing]
}

/**
 * Lends a connected client to `use`. ioredis queues commands while it is offline, so no command is sent before the client is ready and has
 * answered earlier runs.
 */
export async function withRedis<T> (context: CheckContext, source: RedisSource, use: (client: Redis) => Promise<T>): Promise<T> {
  return await withAnyRedis<Redis, T>(context, source, ioredisKind, client => withIORedis(context, client, use), use)
}

/** Asks a client of the app by `ofApp`, or a connection of the check by `own`. */
export async function withAnyRedis<Client, T> (
  context: CheckContext,
  source: RedisSource<object>,
  kind: ClientKind,
  ofApp: (client: Client) => Promise<T>,
  own: (client: Redis) => Promise<T>
): Promise<T> {
  try {
    const misgiven = faultOf(source)
    if (misgiven !== undefined) throw lacking([misgiven])
    if (source.url !== undefined) return await withOwnRedis(context, source.url, own)
    const { client, missing } = await untilFound(clientOfApp<Client>(source, context, kind), interruptionOf(context))
    if (missing !== undefined) throw lacking([missing])
    return await ofApp(client)
  } catch (error) {
    throw unavailable(error)
  }
}

/** Returns the client of the app that the check asks. */
export function clientOfApp<Client = Redis> (
  { client, namespace }: RedisSource<object>,
  context: Pick<RequirementsContext, 'app'>,
  kind = ioredisKind
): FoundClient<Client> | Promise<FoundClient<Client>> {
  if (client !== undefined) return findClient<Client>(context, client as ClientOption<Client>, kind)
  if (namespace === undefined) return findClient<Client>(context, ['redis'], kind)
  return findClient<Client>(context, ['redis', namespace], {
    ...kind,
    hint: `Register it: app.register(import('@fastify/redis'), { namespace: '${namespace}', … }), or give the check a \`url\`.`,
  })
}

export function isIORedis (value: unknown): value is Redis {
  return typeof value === 'object' && value !== null && 'status' in value && typeof value.status === 'string'
}

function faultOf ({ client, namespace, url }: RedisSource<object>): Requirement | undefined {
  return moreThanOne(
    { client, namespace, url },
    'Give one of them: `client` for a client of the app, `namespace` for one of @fastify/redis, or `url` for a connection of its own.'
  )
}
