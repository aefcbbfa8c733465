// The service itself, apart from where it listens and how it ends. The command line can boot it as well:
//   DATABASE_URL=… npx fastify-health --subset readiness --app app.js
import fp from 'fastify-plugin'
import health from 'fastify-health'
import postgres from '@fastify/postgres'
import redis from '@fastify/redis'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { withToken } from './details.js'

const { DATABASE_URL, REDIS_URL, API_TOKEN = 'secret' } = process.env

export default fp(async (app, { databaseUrl = DATABASE_URL, redisUrl = REDIS_URL, token = API_TOKEN }) => {
  // Before fastify-health, since it documents only the routes that come after it. It adds no hook that could gate liveness.
  await app.register(swagger, { openapi: { openapi: '3.1.0', info: { title: 'Orders', version: '1.0.0' } } })

  await app.register(health, {
    deadline: 4000,
    subsets: {
      readiness: [
        'fastify-health/checks/postgres',
      ],
      integrations: [
        'fastify-health/checks/postgres',
        'fastify-health/checks/system',
        'fastify-health/checks/system#MemoryUsageCheck',
        'fastify-health/checks/system#EventLoopCheck',
        ...(redisUrl === undefined ? [] : ['fastify-health/checks/redis']),
      ],
    },
  })

  await app.register(postgres, { connectionString: databaseUrl })
  // Without a listener, the loss of an idle connection would end the process.
  app.pg.pool.on('error', error => app.log.warn({ code: error.code }, 'lost an idle connection to the database'))
  if (redisUrl !== undefined) await app.register(redis, { url: redisUrl })
  await app.register(swaggerUi, { routePrefix: '/docs' })
  await app.register(orders, { token })
})

async function orders (app, { token }) {
  const mayEnter = withToken(token)
  app.addHook('onRequest', async (request, reply) => {
    if (!mayEnter(request)) return await reply.code(401).send({ error: 'Unauthorized' })
  })
  app.get('/orders', async () => {
    const { rows } = await app.pg.query('SELECT generate_series(1, 3) AS id, now() AS placed_at')
    return rows
  })
}
