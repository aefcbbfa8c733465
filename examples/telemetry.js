import { metrics } from '@opentelemetry/api'
import { registerMetrics } from 'fastify-health/opentelemetry'

/** The health metrics as instruments of the app's OpenTelemetry meter, for as long as the app runs. */
export async function observeHealth (app) {
  const end = registerMetrics(app.health, { meter: metrics.getMeter('shop') })
  app.addHook('onClose', async () => end())
}
