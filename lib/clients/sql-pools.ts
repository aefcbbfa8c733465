import { numberOf, type PoolOfApp } from './pool-of-app.js'
import { isExhausted, ownLike } from './postgres.js'
import { connectionTo } from './postgres-own.js'
import { mysqlConnection } from './mysql-own.js'
import { withoutDriver } from './requirements.js'
import { withCallbacks } from './sql.js'
import type { OwnConnection } from './client.js'
import { isRecord } from '../values/plain-data.js'
import { longestTimer } from '../values/rules.js'

// The members of pools and clients that are read here are not public in all of the libraries.
type Shape = Readonly<Record<string, any>>

const count = (value: unknown): value is number => typeof value === 'number'

/** Returns the pool of a client of SQL, or `undefined` if the client has none, or does not show it. */
export function sqlPoolOf (client: object): PoolOfApp | undefined {
  const shape = client as Shape
  if (count(shape['totalCount']) && count(shape['waitingCount'])) return poolOfPg(shape)
  if (isRecord(shape['connectionManager'])) return poolOfSequelize(shape)
  if (isRecord(shape['client']) && isRecord(shape['client']['pool'])) return poolOfKnex(shape)
  if (typeof shape['taskQueueSize'] === 'function') return poolOfMariaDB(shape)
  const mysql2 = withCallbacks(shape)
  if (mysql2 !== undefined) return '_allConnections' in mysql2 ? poolOfMySQL2(mysql2) : undefined
  // Drizzle and TypeORM hold the pool of a driver, as do @fastify/postgres and Drizzle's own wrapper of mysql2.
  const inner = shape['$client'] ?? shape['driver']?.master ?? shape['driver']?.pool ?? shape['pool']
  return isRecord(inner) ? sqlPoolOf(inner) : undefined
}

function poolOfPg (pool: Shape): PoolOfApp {
  return { isExhausted: () => isExhausted(pool as never), own: ownLike(pool as never) }
}

function poolOfMySQL2 (pool: Shape): PoolOfApp {
  const { connectionConfig, connectionLimit } = pool['config']
  return {
    isExhausted: () => pool['_freeConnections'].length === 0 && connectionLimit > 0 && pool['_allConnections'].length >= connectionLimit,
    own: {
      key: `mysql of pool ${numberOf(pool)}`,
      load: async () => (await import('mysql2').catch(withoutDriver('mysql2'))).default,
      // The copy is like the one that the pool makes for each of its connections.
      connect: driver => mysqlConnection(new (driver as Shape)['Connection']({ config: Object.create(Object.getPrototypeOf(connectionConfig), Object.getOwnPropertyDescriptors(connectionConfig)) })),
    },
  }
}

// A connection that is being made is neither active nor idle, so a database that is down does not count as exhausted.
function poolOfMariaDB (pool: Shape): PoolOfApp {
  return { isExhausted: () => pool['activeConnections']() > 0 && pool['idleConnections']() === 0 && pool['taskQueueSize']() > 0 }
}

function poolOfKnex ({ client }: Shape): PoolOfApp {
  const { pool, driver, connectionSettings } = client
  return { isExhausted: () => pool.numFree() === 0 && pool.numUsed() >= pool.max, ...ownBy(driver, connectionSettings, pool) }
}

function poolOfSequelize ({ connectionManager, config }: Shape): PoolOfApp {
  const { pool, lib } = connectionManager
  const { host, port, username: user, password, database, dialectOptions } = config
  return { isExhausted: () => pool.available === 0 && pool.using >= pool.maxSize, ...ownBy(lib, { host, port, user, password, database, ...dialectOptions }, pool) }
}

/** Describes one connection by a driver that the client of the app has loaded. */
function ownBy (driver: Shape, options: Shape, pool: object): Pick<PoolOfApp, 'own'> {
  const key = `sql of pool ${numberOf(pool)}`
  if (typeof driver['Client'] === 'function') {
    // Knex hides the password, which a spread does not copy then.
    const make = () => new driver['Client']({ fallback_application_name: 'fastify-health', ...options, password: options['password'] })
    return { own: { key, connect: () => connectionTo({ hosts: [make], attributes: 'any', patience: longestTimer }) } as OwnConnection<object> }
  }
  if (typeof driver['createConnection'] !== 'function') return {}
  return { own: { key, connect: () => mysqlConnection(driver['createConnection'](options)) } as OwnConnection<object> }
}
