// A service with the three probes. Run it with `npm start`: it needs nothing installed.
//   DATABASE_URL  a PostgreSQL of your own instead of the embedded one
//   REDIS_URL     adds Redis to what the service talks to
//   PORT, HOST    where it listens (default 127.0.0.1:3000)
//   API_TOKEN     what its business routes ask for (default "secret")
//   DRAIN         milliseconds between SIGTERM and the end (default 1000 here; see the README for Kubernetes)
import Fastify from 'fastify'
import closeWithGrace from 'close-with-grace'
import service from './app.js'
import { startDatabase } from './database.js'

const { PORT = '3000', HOST = '127.0.0.1', API_TOKEN = 'secret', DRAIN = '1000', REDIS_URL, DATABASE_URL } = process.env

const database = DATABASE_URL === undefined ? await startDatabase() : undefined
const app = Fastify({ logger: { level: 'warn' } })
await app.register(service, { databaseUrl: DATABASE_URL ?? database?.url, redisUrl: REDIS_URL, token: API_TOKEN })
if (database !== undefined) await app.register(outages, { database })

closeWithGrace({ delay: Number(DRAIN) + 5000, logger: false }, async ({ err }) => {
  if (err) app.log.error(err)
  // Readiness fails from here on; requests that still arrive are served until the load balancer has noticed.
  await app.health.drain(Number(DRAIN))
  await app.close()
  await database?.close()
})

try {
  const url = await app.listen({ port: Number(PORT), host: HOST })
  console.log(whatToTry(url))
} catch (error) {
  console.error(error.code === 'EADDRINUSE' ? `Port ${PORT} is taken: PORT=3001 npm start` : error)
  process.exit(1)
}

/** So that you can see a probe turn. */
async function outages (app, { database }) {
  app.post('/demo/database/stop', { schema: { hide: true } }, async () => {
    await database.stop()
    return { database: 'stopped' }
  })
  app.post('/demo/database/start', { schema: { hide: true } }, async () => {
    await database.start()
    return { database: 'started' }
  })
}

function whatToTry (url) {
  const outage = [
    '',
    'Take the database away, ask again, and bring it back:',
    `  curl -X POST ${url}/demo/database/stop`,
    `  curl -X POST ${url}/demo/database/start`,
  ]
  return [
    `Ask the service how it is; it listens on ${url}`,
    `  curl '${url}/healthcheck/liveness'                  alive, whatever happens to the database`,
    `  curl '${url}/healthcheck/readiness?format=plain'    can it serve?`,
    `  curl '${url}/healthcheck/integrations?format=json'  can it reach all it talks to?`,
    `  curl -H 'authorization: Bearer ${API_TOKEN}' ${url}/orders`,
    '',
    'In a browser:',
    `  ${url}/healthcheck/integrations  the same as a page`,
    `  ${url}/docs                      the probes in the service's OpenAPI document`,
    ...(database === undefined ? [] : outage),
    '',
    'Ctrl+C drains it and ends it.',
  ].join('\n')
}
