import type { Connection as MySQLConnection } from 'mysql2'
import { wordsFor } from './driver-errors.js'
import type { Connection } from './shared-connection.js'

/** Makes a connection of the checks from one of mysql2, which has begun to connect. */
export function mysqlConnection (connection: MySQLConnection): Connection<MySQLConnection> {
  let isLost = false
  return {
    connected: new Promise((resolve, reject) => {
      connection.once('connect', () => resolve(connection))
      connection.on('error', error => {
        isLost = true
        reject(error)
      })
    }),
    // If the connection is lost during a query, only the query reports it.
    isLost (failure) {
      isLost ||= wordsFor(failure) === 'connection lost'
      return isLost
    },
    sayGoodbye: () => new Promise(resolve => { connection.end(() => resolve()) }),
    destroy: () => connection.destroy(),
  }
}
