import { HealthCheck } from '../check.js'
import { ServiceReturnedUnexpectedResult } from '../errors.js'
import type { CheckContext, RequirementsContext } from '../../types/check.js'
import type { PostgresSource } from '../../types/sources.js'
import { postgresRequirements, postgresRules, withPostgres } from '../clients/postgres.js'

/** Passes when `SELECT 1` answers 1. */
export class DatabaseHeartbeatCheck extends HealthCheck<PostgresSource> {
  static override readonly rules = postgresRules
  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await postgresRequirements(this.options, context)
  }

  override async check (context: CheckContext) {
    const { rows } = await withPostgres(context, this.options, async client => await client.query('SELECT 1 AS one'))
    // An app may have integers read as texts or BigInts.
    if (Number(rows[0].one) !== 1) throw new ServiceReturnedUnexpectedResult('SELECT 1 did not answer 1')
  }
}

export default DatabaseHeartbeatCheck
