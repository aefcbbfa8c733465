import { defineCheck, HealthCheck, ServiceUnavailable } from 'fastify-health'

export class PaymentsCheck extends HealthCheck {
  get identifier () { return 'Payments API' }       // default: the class's name
  critical = false                                  // its failure shows, and does not fail the subset

  async check ({ signal }) {
    const response = await fetch(this.options.url, { method: 'HEAD', signal }).catch(cause => {
      throw new ServiceUnavailable('no answer', { cause })
    })
    if (!response.ok) throw new ServiceUnavailable(`answered ${response.status}`)
  }
}

export const featureFlags = defineCheck({
  identifier: 'Feature flags',
  check ({ app }) {
    if (!app.flags.loaded) throw new ServiceUnavailable('not loaded yet')
  },
})
