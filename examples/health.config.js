// What `fastify-health` reads in the working directory: the plugin's options, and `setup` for the checks that need a client.
import postgres from '@fastify/postgres'

export default {
  subsets: {
    liveness: ['fastify-health/checks/heartbeat'],
    readiness: ['fastify-health/checks/postgres'],
  },
  async setup (app) {
    await app.register(postgres, { connectionString: process.env.DATABASE_URL })
  },
}
