import type { Connection as MySQLConnection } from 'mysql2'
import { HealthCheck } from '../check.js'
import { clientRule, type ClientOption } from '../clients/client.js'
import { eitherRequirements, withEither, type Given, type Way } from '../clients/either.js'
import { wordsFor } from '../clients/driver-errors.js'
import { withoutDriver } from '../clients/requirements.js'
import { sqlClient, sqlKind } from '../clients/sql.js'
import { ServiceReturnedUnexpectedResult } from '../errors.js'
import { decodableUrl } from '../values/rules.js'
import { isRecord } from '../values/plain-data.js'
import type { CheckContext, OptionRules, RequirementsContext } from '../../types/check.js'

/** The options. At most one of `client` and `url` may be given. */
export interface MySQLOptions {
  /**
   * A pool or connection of mysql2 or mariadb: the name of a decorator (dots reach into it), a function of the app, or the client itself.
   *
   * @default 'mysql', which is that of @fastify/mysql
   */
  client?: ClientOption<object>
  /** The URL, `mysql://`. The check opens a connection, and keeps it between runs. Options of mysql2 may follow after `?`. */
  url?: string
}

type Driver = Pick<typeof import('mysql2'), 'createConnection'>

const way: Way<object, Driver, string> = {
  kind: sqlKind('a pool or connection of mysql2 or mariadb', "Register it: app.register(import('@fastify/mysql'), …), name the decorator of yours, or give the check a `url`.", 'mysql'),
  own: 'url',
  driver: { name: 'mysql2', load: async () => (await import('mysql2').catch(withoutDriver('mysql2'))).default },
  connect (driver, uri) {
    const connection = driver.createConnection({ uri, enableKeepAlive: true })
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
      sayGoodbye: async () => await goodbye(connection),
      destroy: () => connection.destroy(),
    }
  },
}

async function goodbye (connection: MySQLConnection): Promise<void> {
  await new Promise<void>(resolve => {
    connection.end(() => resolve())
    setTimeout(resolve, 250)
  })
}

/** Passes if `SELECT 1` answers 1. */
export class MySQLCheck extends HealthCheck<MySQLOptions> {
  static override readonly rules: OptionRules = {
    client: clientRule(way.kind),
    url: decodableUrl(['mysql', 'mariadb']),
  }

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await eitherRequirements(way, this.#given(), context)
  }

  override async check (context: CheckContext) {
    const rows = await withEither(context, way, this.#given(), async client => await sqlClient(client).query('SELECT 1 AS one'))
    if (!Array.isArray(rows) || !isRecord(rows[0]) || Number(rows[0]['one']) !== 1) throw new ServiceReturnedUnexpectedResult('SELECT 1 did not answer 1')
  }

  #given (): Given<object, string> {
    const { url, client = url === undefined ? 'mysql' : undefined } = this.options
    return { client, own: url }
  }
}

export default MySQLCheck
