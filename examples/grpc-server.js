import { addHealthService } from 'fastify-health/grpc'

/** The health service beside the server's own, with the verdicts of `app.health`. */
export async function serveHealth (server, health) {
  const endWatches = addHealthService(server, health, { overall: 'readiness' })
  return async () => {
    await health.drain(10_000)
    endWatches()
    await new Promise(resolve => server.tryShutdown(resolve))
  }
}
