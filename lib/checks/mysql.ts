import { HealthCheck } from '../check.js'
import { clientRule, type ClientOption } from '../clients/client.js'
import { eitherRequirements, withEither, type Given, type Way } from '../clients/either.js'
import { mysqlConnection } from '../clients/mysql-own.js'
import { whenExhaustedRule } from '../clients/pool-of-app.js'
import { withoutDriver } from '../clients/requirements.js'
import { sqlClient, sqlKind, sqlPools } from '../clients/sql.js'
import { ServiceReturnedUnexpectedResult } from '../errors.js'
import { decodableUrl } from '../values/rules.js'
import { isRecord } from '../values/plain-data.js'
import type { CheckContext, OptionRules, RequirementsContext, RulesOf } from '../../types/check.js'
import type { WhenExhausted } from '../../types/sources.js'

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
  /**
   * Decides what happens when the pool of the client has no free connection. `fail` reports `unavailable`. `warn` and `pass` ask over one
   * connection of the check itself, which is made from the options of the pool and kept.
   *
   * @default 'fail'
   */
  whenExhausted?: WhenExhausted
}

type Driver = Pick<typeof import('mysql2'), 'createConnection'>

const way: Way<object, Driver, string> = {
  kind: sqlKind(
    'a pool or connection of mysql2 or mariadb',
    "Register it: app.register(import('@fastify/mysql'), …), name the decorator of yours, or give the check a `url`.",
    'mysql'
  ),
  pools: sqlPools,
  own: 'url',
  driver: { name: 'mysql2', load: async () => (await import('mysql2').catch(withoutDriver('mysql2'))).default },
  connect: (driver, uri) => mysqlConnection(driver.createConnection({ uri, enableKeepAlive: true })),
}

/** Passes if `SELECT 1` answers 1. */
export class MySQLCheck extends HealthCheck<MySQLOptions> {
  static override readonly rules: OptionRules = {
    client: clientRule(way.kind),
    url: decodableUrl(['mysql', 'mariadb']),
    whenExhausted: whenExhaustedRule,
  } satisfies RulesOf<MySQLOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    const { whenExhausted } = this.options
    return await eitherRequirements(way, this.#given(), context, whenExhausted)
  }

  override async check (context: CheckContext) {
    const { whenExhausted } = this.options
    const rows = await withEither(context, way, this.#given(), async client => await sqlClient(client).query('SELECT 1 AS one'), {
      whenExhausted,
      warn: warning => this.addError(warning),
    })
    if (!Array.isArray(rows) || !isRecord(rows[0]) || Number(rows[0]['one']) !== 1) {
      throw new ServiceReturnedUnexpectedResult('SELECT 1 did not answer 1')
    }
  }

  #given (): Given<object, string> {
    const { url, client = url === undefined ? 'mysql' : undefined } = this.options
    return { client, own: url }
  }
}

export default MySQLCheck
