// What the worker's exec probe asks: fastify-health --subset liveness --config examples/worker.health.config.js
export default {
  subsets: {
    liveness: ['fastify-health/checks/heartbeat'],
  },
}
