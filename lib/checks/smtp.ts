import { HealthCheck } from '../check.js'
import { smtpRequirements, smtpRules, verify, type SMTPSource } from '../clients/smtp.js'
import type { CheckContext, RequirementsContext, RulesOf } from '../../types/check.js'

export type { SMTPSource, TransporterLike } from '../clients/smtp.js'

/** Passes if a mail server greets, starts TLS if it offers TLS, and accepts the login. No mail is sent. */
export class SMTPCheck extends HealthCheck<SMTPSource> {
  static override readonly rules = smtpRules satisfies RulesOf<SMTPSource>
  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await smtpRequirements(this.options, context)
  }

  override async check (context: CheckContext) {
    await verify(context, this.options)
  }
}

export default SMTPCheck
