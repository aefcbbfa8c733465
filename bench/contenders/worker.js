// A worker without an app, which serves its probes itself.
export async function listening ({ file }) {
  const { createHealth } = await import('../../dist/lib/index.js')
  const health = createHealth({ subsets: { liveness: [['fastify-health/checks/heartbeat', { file, maxAge: 2 ** 31 - 1 }]] }, livenessPath: false })
  const address = await health.listen({ port: 0, host: '127.0.0.1' })
  health.start()
  return { address: () => ({ url: `${address}/healthcheck/liveness` }) }
}
