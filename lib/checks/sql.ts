import { HealthCheck } from '../check.js'
import { clientRule, type ClientOption } from '../clients/client.js'
import { poolRequirements, whenExhaustedRule, withPoolOfApp } from '../clients/pool-of-app.js'
import { isReadOnly, sqlClient, sqlKind, sqlPools } from '../clients/sql.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { flag, text } from '../values/rules.js'
import type { CheckContext, OptionRules, RequirementsContext, RulesOf } from '../../types/check.js'
import type { WhenExhausted } from '../../types/sources.js'

export interface SQLOptions {
  /**
   * A pool or client of pg, postgres.js, mysql2, mariadb, better-sqlite3, `node:sqlite` or mssql, a client of Prisma, Drizzle, Knex,
   * Kysely or Sequelize, a DataSource of TypeORM, or a MikroORM: the name of a decorator (dots reach into it), a function of the app, or
   * the client itself.
   */
  client: ClientOption<object>
  /**
   * The query. Any answer passes, so ask for little.
   *
   * @default 'SELECT 1'
   */
  query?: string
  /**
   * `true` fails if the database says that it accepts no writes. It may be a standby, a replica, or set to read only.
   *
   * @default false
   */
  writable?: boolean
  /**
   * Decides what happens when the pool of the client has no free connection. `fail` reports `unavailable`. `warn` and `pass` ask over one
   * connection of the check itself, which is made from the options of the pool and kept.
   *
   * @default 'fail'
   */
  whenExhausted?: WhenExhausted
}

const kind = sqlKind(
  'a client of SQL (pg, postgres.js, mysql2, mariadb, better-sqlite3, node:sqlite, mssql, Prisma, Drizzle, Knex, Kysely, TypeORM, ' +
  'Sequelize, MikroORM)',
  "Decorate the app with the client that it already has, and name the decorator: { client: 'db' }."
)

/** Passes if the database answers a query, and, with `writable`, if it accepts writes. */
export class SQLCheck extends HealthCheck<SQLOptions> {
  static override readonly rules: OptionRules = {
    client: { ...clientRule(kind), required: true },
    query: text(),
    writable: flag(),
    whenExhausted: whenExhaustedRule,
  } satisfies RulesOf<SQLOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    const { client, whenExhausted } = this.options
    return await poolRequirements(context, { client, kind }, sqlPools, whenExhausted)
  }

  override async check (context: CheckContext) {
    const { client, query = 'SELECT 1', writable = false, whenExhausted } = this.options
    await withPoolOfApp(context, { client, kind }, sqlPools, { whenExhausted, warn: warning => this.addError(warning) }, async client => {
      const database = sqlClient(client)
      await database.query(query)
      if (!writable) return
      const readOnly = await isReadOnly(database)
      if (readOnly === undefined) {
        throw new ServiceReturnedUnexpectedResult("the client does not say which database it is for, so 'writable' cannot be asked")
      }
      if (readOnly) throw new ServiceUnavailable('read only')
    })
  }
}

export default SQLCheck
