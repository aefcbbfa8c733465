// A check over a client that takes no signal.
import { HealthCheck } from 'fastify-health'
import { clientRequirements, clientRule, withClient } from 'fastify-health/kit'

/** Over a client that cannot be cancelled: `app.search`, or what `client` names. */
export class SearchCheck extends HealthCheck {
  static rules = { client: clientRule() }
  static scope = 'shared'

  source = { client: this.options.client ?? 'search' }

  async requirements (context) {
    return await clientRequirements(context, this.source)
  }

  async check (context) {
    await withClient(context, this.source, search => search.ping())
  }
}
