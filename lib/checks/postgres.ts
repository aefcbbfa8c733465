import { HealthCheck } from '../check.js'
import { ServiceReturnedUnexpectedResult } from '../errors.js'
import { flag } from '../values/rules.js'
import type { CheckContext, OptionRules, RequirementsContext } from '../../types/check.js'
import type { PostgresOptions } from '../../types/sources.js'
import { assertMode, modeColumn, targetOf, type Target } from '../clients/postgres-hosts.js'
import { postgresRequirements, postgresRules, rowsOf, withPostgres } from '../clients/postgres.js'

/** Passes when `SELECT 1` answers 1, and with `writable` when the server takes writes. */
export class DatabaseHeartbeatCheck extends HealthCheck<PostgresOptions> {
  static override readonly rules: OptionRules = { ...postgresRules, writable: flag() }
  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await postgresRequirements(this.options, context)
  }

  override async check (context: CheckContext) {
    const attributes = this.options.writable === true ? 'read-write' : wantedBy(this.options.connectionString)
    const mode = attributes === 'any' ? '' : `, ${modeColumn} AS mode`
    await withPostgres(context, this.options, async client => {
      const [row] = await rowsOf<{ one: unknown, mode?: unknown }>(client, context, `SELECT 1 AS one${mode}`)
      // An app may have integers read as texts or BigInts.
      if (Number(row?.one) !== 1) throw new ServiceReturnedUnexpectedResult('SELECT 1 did not answer 1')
      assertMode(Number(row?.mode), attributes)
    }, { warn: warning => this.addError(warning) })
  }
}

// A server that is kept may change; which one is preferred matters where it is chosen only.
function wantedBy (connectionString: string | undefined) {
  if (connectionString === undefined) return 'any'
  const { attributes } = targetOf(connectionString) as Target
  return attributes === 'prefer-standby' ? 'any' : attributes
}

export default DatabaseHeartbeatCheck
