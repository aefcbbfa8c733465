import { isRecord } from '../values/plain-data.js'
import type { ClientKind } from './client.js'
import type { PoolKind, PoolOfApp } from './pool-of-app.js'
import { poolOfKnex, poolOfMariaDB, poolOfMSSQL, poolOfMySQL2, poolOfPg, poolOfSequelize, type Shape } from './sql-pools.js'

/** The dialects for which `isReadOnly` has a query. */
export type Dialect = 'postgres' | 'mysql' | 'sqlite' | 'mssql'

/** A client of SQL, from any library. */
export interface SQLClient {
  readonly dialect: Dialect | undefined
  /** Returns the rows of the answer. */
  query (sql: string): Promise<unknown>
}

interface SQLAdapter {
  fits (client: Shape): boolean
  dialect (client: Shape): Dialect | undefined
  query (client: Shape, sql: string): unknown
  /** Returns the pool of the client, or `undefined` if the client has none. It is absent if the library does not show a pool. */
  pool? (client: Shape): PoolOfApp | undefined
}

const offers = (client: Shape, ...methods: string[]): boolean => methods.every(name => typeof client[name] === 'function')

/** Returns the pool or connection inside those of mysql2 with promises, and inside the decorator of @fastify/mysql. */
function withCallbacks (client: Shape): Shape | undefined {
  if (offers(client, 'query', 'promise')) return client
  const inner = client['pool'] ?? client['connection']
  return offers(client, 'query', 'execute') && isRecord(inner) ? withCallbacks(inner) : undefined
}

const dialects: ReadonlyArray<readonly [pattern: RegExp, dialect: Dialect]> = [
  [/postgres|^pg|cockroach/i, 'postgres'],
  [/mysql|maria/i, 'mysql'],
  [/sqlite/i, 'sqlite'],
  [/mssql|sqlserver/i, 'mssql'],
]

/** Returns the dialect for the name that a library gives it. */
function dialectNamed (name: unknown): Dialect | undefined {
  return dialects.find(([pattern]) => pattern.test(String(name)))?.[1]
}

/** Returns the rows in the answer of a driver. pg has them in a result, mysql2 returns them with the fields, others return the rows. */
function rowsIn (answer: unknown): unknown {
  if (Array.isArray(answer)) return Array.isArray(answer[0]) ? answer[0] : answer
  return isRecord(answer) ? answer['rows'] : undefined
}

/** The adapters, in the order in which they are tried. Some clients also have the methods of others. */
const sqlAdapters: Readonly<Record<string, SQLAdapter>> = {
  Prisma: {
    fits: client => offers(client, '$queryRawUnsafe'),
    dialect: client => dialectNamed(client['_activeProvider']),
    query: (client, sql) => client['$queryRawUnsafe'](sql),
  },
  Drizzle: {
    fits: client => isRecord(client['_']) && '$client' in client,
    dialect: client => dialectNamed(client['dialect']?.constructor.name),
    query: async (client, sql) => rowsIn(await (offers(client, 'execute') ? client['execute'](sql) : client['all'](sql))),
    pool: client => sqlPoolOf(client['$client']),
  },
  Knex: {
    fits: client => offers(client, 'raw', 'transaction'),
    dialect: client => dialectNamed(client['client']?.dialect),
    query: async (client, sql) => rowsIn(await client['raw'](sql)),
    // Knex without a `connection` has neither a pool nor a driver.
    pool: client => isRecord(client['client']?.pool) ? poolOfKnex(client) : undefined,
  },
  Kysely: {
    fits: client => offers(client, 'executeQuery', 'selectFrom'),
    dialect: client => dialectNamed(client['getExecutor']?.().adapter.constructor.name),
    // This is the object that `CompiledQuery.raw()` of kysely makes.
    query: async (client, sql) => (await client['executeQuery']({
      sql, parameters: [], query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] }, queryId: { queryId: 'fastify-health' },
    })).rows,
  },
  Sequelize: {
    fits: client => offers(client, 'query', 'getDialect'),
    dialect: client => dialectNamed(client['getDialect']()),
    query: (client, sql) => client['query'](sql, { type: 'SELECT', logging: false }),
    pool: poolOfSequelize,
  },
  TypeORM: {
    fits: client => offers(client, 'query', 'createQueryRunner'),
    dialect: client => dialectNamed(client['options']?.type),
    query: (client, sql) => client['query'](sql),
    pool: client => sqlPoolOf(client['driver']?.master ?? client['driver']?.pool),
  },
  MikroORM: {
    fits: client => isRecord(client['em']) && offers(client['em'], 'getConnection'),
    dialect: client => dialectNamed(client['em'].getPlatform?.().constructor.name),
    query: (client, sql) => client['em'].getConnection().execute(sql),
    // MikroORM before version 7 asks over Knex.
    pool: client => sqlPoolOf(client['em'].getConnection().getKnex?.()),
  },
  'postgres.js': {
    fits: client => offers(client, 'unsafe', 'begin'),
    dialect: () => 'postgres',
    query: (client, sql) => client['unsafe'](sql),
  },
  mssql: {
    fits: client => offers(client, 'request', 'transaction'),
    dialect: () => 'mssql',
    query: async (client, sql) => (await client['request']().query(sql)).recordset,
    pool: poolOfMSSQL,
  },
  SQLite: {
    fits: client => offers(client, 'prepare', 'exec'),
    dialect: () => 'sqlite',
    query: (client, sql) => client['prepare'](sql).all(),
  },
  mariadb: {
    fits: client => offers(client, 'query', 'batch'),
    dialect: () => 'mysql',
    query: (client, sql) => client['query'](sql),
    pool: client => offers(client, 'taskQueueSize') ? poolOfMariaDB(client) : undefined,
  },
  mysql2: {
    fits: client => withCallbacks(client) !== undefined,
    dialect: () => 'mysql',
    query: async (client, sql) => (await withCallbacks(client)?.['promise']().query(sql))[0],
    pool (client) {
      const inner = withCallbacks(client) as Shape
      return '_allConnections' in inner ? poolOfMySQL2(inner) : undefined
    },
  },
  pg: {
    fits: client => offers(client, 'query', 'connect'),
    dialect: () => 'postgres',
    query: async (client, sql) => (await client['query'](sql)).rows,
    // The decorator of @fastify/postgres holds the pool.
    pool: client => isPgPool(client) ? poolOfPg(client) : sqlPoolOf(client['pool']),
  },
}

// Each run asks several times which adapter fits its client, and trying all of them took a tenth of what the check adds.
const adapters = new WeakMap<WeakKey, SQLAdapter>()

function adapterFor (value: unknown): SQLAdapter | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  const known = adapters.get(value)
  if (known !== undefined) return known
  const adapter = Object.values(sqlAdapters).find(adapter => adapter.fits(value))
  if (adapter !== undefined) adapters.set(value, adapter)
  return adapter
}

/** Returns the kind of clients that take SQL. `of` excludes clients of other dialects. */
export function sqlKind (takes: string, hint: string, of?: Dialect): ClientKind {
  return {
    takes,
    hint,
    fits (value) {
      const adapter = adapterFor(value)
      return adapter !== undefined && (of === undefined || adapter.dialect(value as Shape) === of)
    },
  }
}

/** Returns the pool of a client of SQL, or `undefined` if the client has none, or does not show it. */
export function sqlPoolOf (client: unknown): PoolOfApp | undefined {
  return adapterFor(client)?.pool?.(client as Shape)
}

export const sqlPools: PoolKind<object> = { poolOf: sqlPoolOf, telling: 'pg or mysql2' }

function isPgPool (client: Shape): boolean {
  return typeof client['totalCount'] === 'number' && typeof client['waitingCount'] === 'number'
}

/** @param client a client that fits a kind of `sqlKind` */
export function sqlClient (client: unknown): SQLClient {
  const adapter = adapterFor(client) as SQLAdapter
  return { dialect: adapter.dialect(client as Shape), query: async sql => await adapter.query(client as Shape, sql) }
}

// The answer is true or 1 if a write would be refused.
const readOnlyQueries: Readonly<Record<Dialect, string>> = {
  postgres: "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS answer",
  // https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html
  mysql: 'SELECT @@global.read_only OR @@global.innodb_read_only AS answer',
  // https://www.sqlite.org/pragma.html#pragma_query_only
  sqlite: 'SELECT query_only AS answer FROM pragma_query_only',
  // https://learn.microsoft.com/sql/t-sql/functions/databasepropertyex-transact-sql
  mssql: "SELECT CASE DATABASEPROPERTYEX(DB_NAME(), 'Updateability') WHEN 'READ_ONLY' THEN 1 ELSE 0 END AS answer",
}

/** Returns whether the database refuses writes, or `undefined` if it cannot be asked. */
export async function isReadOnly ({ dialect, query }: SQLClient): Promise<boolean | undefined> {
  if (dialect === undefined) return undefined
  const rows = await query(readOnlyQueries[dialect])
  if (!Array.isArray(rows) || !isRecord(rows[0])) return undefined
  return [true, 1, 1n, '1', 't'].includes(rows[0]['answer'] as never)
}
