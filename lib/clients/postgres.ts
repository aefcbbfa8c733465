import type { Pool } from 'pg'
import type { CheckContext, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'
import type { PostgresSource } from '../../types/sources.js'
import { inTurn } from './in-turn.js'
import { numberOf, orPast, patienceOf, whenExhaustedRule } from './pool-of-app.js'
import { clientRequirements, clientRule, withClient, type ClientKind, type OwnConnection } from './client.js'
import { unavailable } from './driver-errors.js'
import { postgresUrl, targetOf, type PostgresTarget } from './postgres-hosts.js'
import { postgresConnection, type PostgresClient } from './postgres-own.js'
import { isPool, postgresPoolOf, surviving, withLent } from './postgres-pool.js'
import { lacking, type ServiceWarning } from '../errors.js'
import { longestTimer, text } from '../values/rules.js'
import { decorated, needsDriver, neverExhausted, withoutDriver } from './requirements.js'

const driver = async () => await import('pg').catch(withoutDriver('pg'))

const kind: ClientKind = {
  takes: 'a pool of pg',
  fits: value => isPool(postgresPoolOf(value)) && 'totalCount' in postgresPoolOf(value),
  hint: "Decorate it: app.decorate('db', new pg.Pool(…)), or give the check a `connectionString`.",
}

export const postgresRules = {
  name: text(),
  client: clientRule(kind),
  connectionString: postgresUrl(),
  whenExhausted: whenExhaustedRule,
} satisfies RulesOf<PostgresSource>

export async function postgresRequirements (source: PostgresSource, context: RequirementsContext): Promise<Requirement[]> {
  const { name, client, connectionString } = source
  const misgiven = faultOf(source)
  if (misgiven !== undefined) return [misgiven]
  if (connectionString !== undefined) return await needsDriver('pg', driver)
  if (client !== undefined) return await clientRequirements(context, { client, kind })
  const path = decoratorPath(source)
  if (isPool(decorated(context.app, [...path, 'pool']))) return []
  const options = name === undefined ? '' : `, { name: '${name}', … }`
  return [{
    message: `app.${path.join('.')} is not there`,
    hint: `Register it: app.register(import('@fastify/postgres')${options}), or give the check a \`connectionString\`.`,
  }]
}

function faultOf ({ name, client, connectionString, whenExhausted }: PostgresSource): Requirement | undefined {
  const given = Object.entries({ name, client, connectionString })
    .filter(([, value]) => value !== undefined)
    .map(([option]) => `\`${option}\``)
  if (given.length > 1) {
    return {
      message: `${given.length === 2 ? 'both ' : ''}${given.join(' and ')} are given`,
      hint: 'Give `name` for a pool of @fastify/postgres, `client` for another pool of the app, or `connectionString` for a connection ' +
        'of its own.',
    }
  }
  return neverExhausted({ connectionString, whenExhausted })
}

/** Details of how a check asks. */
interface Asking {
  /** Checks with the same purpose share a connection. A check that waits for a lock delays only the checks of its purpose. */
  readonly purpose?: string
  /** The function receives a warning if `whenExhausted` is `warn`. */
  readonly warn?: (warning: ServiceWarning) => void
}

/**
 * Lends a connection to `use`. After an abort, no client stays checked out, no request stays in the queue of the pool, and no socket stays
 * open. The server itself ends the queries of `rowsOf`.
 */
export async function withPostgres<T> (
  context: CheckContext,
  source: PostgresSource,
  use: (client: PostgresClient) => Promise<T>,
  asking: Asking = {}
): Promise<T> {
  const { client, connectionString } = source
  const misgiven = faultOf(source)
  if (misgiven !== undefined) throw lacking([misgiven])
  try {
    if (connectionString !== undefined) return await withClient(context, own(connectionString, context, asking), inTurn(context, use))
    const ask = async (found: unknown) => await withPool(surviving(postgresPoolOf(found) as Pool), context, source, use, asking)
    if (client !== undefined) return await withClient<unknown, T>(context, { client, kind }, ask)
    const pool = decorated(context.app, [...decoratorPath(source), 'pool'])
    if (!isPool(pool)) throw lacking(await postgresRequirements(source, context))
    return await ask(pool)
  } catch (error) {
    throw unavailable(error)
  }
}

// The server ends a query this many milliseconds after the run, since the error of the run says more about the time.
const afterwards = 250

/**
 * Returns the rows of one query. The server ends the query soon after the time of the run, since a query that waits for a lock would
 * continue without its client. `SET LOCAL` limits only this implicit transaction, so no connection keeps the limit, even with pgbouncer.
 */
export async function rowsOf<Row extends object> (
  client: PostgresClient,
  { timeout }: Pick<CheckContext, 'timeout'>,
  query: string
): Promise<Row[]> {
  const answers = await client.query(
    `SET LOCAL statement_timeout = ${Math.min(Math.ceil(timeout) + afterwards, longestTimer)}; ${query}`
  ) as unknown as ReadonlyArray<{ rows: Row[] }>
  return (answers.at(-1) as { rows: Row[] }).rows
}

type Driver = Awaited<ReturnType<typeof driver>>

function own (connectionString: string, { timeout }: CheckContext, { purpose = 'asks' }: Asking): OwnConnection<PostgresClient, Driver> {
  const { urls, attributes } = targetOf(connectionString) as PostgresTarget
  return {
    key: `postgres ${purpose} ${connectionString}`,
    load: driver,
    connect: ({ default: pg }) => postgresConnection({
      hosts: urls.map(connectionString => () => new pg.Client({ connectionString, fallback_application_name: 'fastify-health' })),
      attributes,
      patience: timeout * 0.9,
    }),
  }
}

async function withPool<T> (
  pool: Pool,
  context: CheckContext,
  { whenExhausted }: PostgresSource,
  use: (client: PostgresClient) => Promise<T>,
  { purpose, warn }: Asking
): Promise<T> {
  const ask = async () => await withLent(pool, context, patienceOf(context, whenExhausted), use)
  return await orPast(context, { whenExhausted, warn, own: ownLike(pool, purpose) }, ask, use)
}

/** Describes one connection with the options of a pool. */
export function ownLike (pool: Pool, purpose = 'asks'): OwnConnection<PostgresClient> {
  const { Client, options } = pool as Pool & {
    readonly Client: Driver['default']['Client']
    readonly options: Pool['options'] & { readonly password?: string }
  }
  return {
    key: `postgres ${purpose} of pool ${numberOf(pool)}`,
    // The options have the password as a hidden property, which a spread does not copy.
    connect: () => postgresConnection({
      hosts: [() => new Client({
        fallback_application_name: 'fastify-health',
        ...options,
        ...(options.password === undefined ? {} : { password: options.password }),
      })],
      attributes: 'any',
      patience: longestTimer,
    }),
  }
}

function decoratorPath ({ name }: PostgresSource): string[] {
  return name === undefined ? ['pg'] : ['pg', name]
}
