import { HealthCheck } from '../check.js'
import { ServiceReturnedUnexpectedResult } from '../errors.js'
import { flag } from '../values/rules.js'
import type { CheckContext, OptionRules, RequirementsContext, RulesOf } from '../../types/check.js'
import type { PostgresOptions } from '../../types/sources.js'
import { assertMode, modeColumn, targetOf, type PostgresTarget } from '../clients/postgres-hosts.js'
import { postgresRequirements, postgresRules, rowsOf, withPostgres } from '../clients/postgres.js'

/** Passes if `SELECT 1` answers 1, and, with `writable`, if the server accepts writes. */
export class DatabaseHeartbeatCheck extends HealthCheck<PostgresOptions> {
  static override readonly rules: OptionRules = { ...postgresRules, writable: flag() } satisfies RulesOf<PostgresOptions>
  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await postgresRequirements(this.options, context)
  }

  override async check (context: CheckContext) {
    const attributes = this.options.writable === true ? 'read-write' : wantedBy(this.options.connectionString)
    const mode = attributes === 'any' ? '' : `, ${modeColumn} AS mode`
    await withPostgres(context, this.options, async client => {
      const [row] = await rowsOf<{ one: unknown, mode?: unknown }>(client, context, `SELECT 1 AS one${mode}`)
      // An app may make pg read integers as texts or BigInts.
      if (Number(row?.one) !== 1) throw new ServiceReturnedUnexpectedResult('SELECT 1 did not answer 1')
      assertMode(Number(row?.mode), attributes)
    }, { warn: warning => this.addError(warning) })
  }
}

// The mode is checked in every run, since it may change. A preference matters only when the server is chosen.
function wantedBy (connectionString: string | undefined) {
  if (connectionString === undefined) return 'any'
  const { attributes } = targetOf(connectionString) as PostgresTarget
  return attributes === 'prefer-standby' ? 'any' : attributes
}

export default DatabaseHeartbeatCheck
