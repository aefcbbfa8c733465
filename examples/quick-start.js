// The quick start of the README: needs a PostgreSQL at DATABASE_URL.
import Fastify from 'fastify'
import postgres from '@fastify/postgres'
import health from 'fastify-health'

const app = Fastify({ logger: true })

await app.register(health, {          // first, so that liveness runs before every other hook
  subsets: {
    readiness: [
      'fastify-health/checks/postgres',
    ],
    integrations: [
      'fastify-health/checks/postgres',
      ['fastify-health/checks/migrations', { tool: 'node-pg-migrate', dir: 'migrations' }],
      ['fastify-health/checks/http', { url: 'https://payments.internal/ping', identifier: 'Payments API' }],
    ],
  },
})
await app.register(postgres, { connectionString: process.env.DATABASE_URL })

await app.listen({ host: '0.0.0.0', port: Number(process.env.PORT ?? 3000) })
