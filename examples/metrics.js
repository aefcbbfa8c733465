import { register } from 'prom-client'
import { registerMetrics } from 'fastify-health/prometheus'

/** The health metrics beside the app's own, in prom-client's registry. */
export async function metricsRoute (app) {
  registerMetrics(app.health)
  app.get('/metrics', async (_request, reply) => reply.type(register.contentType).send(await register.metrics()))
}
