import { numberOf, type PoolOfApp } from './pool-of-app.js'
import { ownLike } from './postgres.js'
import { isExhausted } from './postgres-pool.js'
import { postgresConnection } from './postgres-own.js'
import { mysqlConnection } from './mysql-own.js'
import { withoutDriver } from './requirements.js'
import type { OwnConnection } from './client.js'
import { longestTimer } from '../values/rules.js'

/** A client or a pool, of which members are read that are not all public. */
export type Shape = Readonly<Record<string, any>>

export function poolOfPg (pool: Shape): PoolOfApp {
  return { isExhausted: () => isExhausted(pool as never), own: ownLike(pool as never) }
}

export function poolOfMySQL2 (pool: Shape): PoolOfApp {
  const { connectionConfig, connectionLimit } = pool['config']
  return {
    isExhausted: () => pool['_freeConnections'].length === 0 && connectionLimit > 0 && pool['_allConnections'].length >= connectionLimit,
    own: {
      key: `mysql of pool ${numberOf(pool)}`,
      load: async () => (await import('mysql2').catch(withoutDriver('mysql2'))).default,
      // The copy is like the one that the pool makes for each of its connections.
      connect: driver => mysqlConnection(
        new (driver as Shape)['Connection']({
          config: Object.create(
            Object.getPrototypeOf(connectionConfig),
            Object.getOwnPropertyDescriptors(connectionConfig)
          )
        })
      ),
    },
  }
}

// A connection that is being made is neither active nor idle, so a database that is down does not count as exhausted.
export function poolOfMariaDB (pool: Shape): PoolOfApp {
  return { isExhausted: () => pool['activeConnections']() > 0 && pool['idleConnections']() === 0 && pool['taskQueueSize']() > 0 }
}

// https://github.com/tediousjs/node-mssql#pool-state
export function poolOfMSSQL (pool: Shape): PoolOfApp {
  // The numbers cannot be read before the pool is connected.
  return { isExhausted: () => pool['connected'] === true && pool['borrowed'] > 0 && pool['available'] === 0 && pool['pending'] > 0 }
}

export function poolOfKnex ({ client }: Shape): PoolOfApp {
  const { pool, driver, connectionSettings } = client
  return { isExhausted: () => pool.numFree() === 0 && pool.numUsed() >= pool.max, ...ownBy(driver, connectionSettings, pool) }
}

export function poolOfSequelize ({ connectionManager, config }: Shape): PoolOfApp {
  const { pool, lib } = connectionManager
  const { host, port, username: user, password, database, dialectOptions } = config
  return {
    isExhausted: () => pool.available === 0 && pool.using >= pool.maxSize,
    ...ownBy(lib, { host, port, user, password, database, ...dialectOptions }, pool),
  }
}

/** Describes one connection by a driver that the client of the app has loaded. */
function ownBy (driver: Shape, options: Shape, pool: object): Pick<PoolOfApp, 'own'> {
  const key = `sql of pool ${numberOf(pool)}`
  if (typeof driver['Client'] === 'function') {
    // Knex hides the password, which a spread does not copy then.
    const make = () => new driver['Client']({ fallback_application_name: 'fastify-health', ...options, password: options['password'] })
    return {
      own: {
        key,
        connect: () => postgresConnection({ hosts: [make], attributes: 'any', patience: longestTimer }),
      } as OwnConnection<object>
    }
  }
  if (typeof driver['createConnection'] !== 'function') return {}
  return { own: { key, connect: () => mysqlConnection(driver['createConnection'](options)) } as OwnConnection<object> }
}
