import { afresh, compared, scaled } from '../measure.js'

const common = {
  bareRoute: ['a bare Fastify route with a schema', { atMost: 0.8 }],
  underPressure: ['@fastify/under-pressure', { atMost: 1 }],
  fastifyHealthcheck: ['fastify-healthcheck', { atMost: 1 }],
}
const peers = {
  ...common,
  bareRouteWithHeaders: ['the bare route, sending our headers', { atMost: 0.8 }],
  nestTerminus: ['@nestjs/terminus', { atMost: 1 }],
  nodeHttp: ['bare `node:http`'],
}

/** The router, called with real requests and responses and no socket. */
export default async function livenessInProcess () {
  return [
    ...await beside('liveness, in process', peers),
    ...await beside('liveness, in process, with a logger', common, { logger: true }),
  ]
}

async function beside (question, peers, options) {
  const amount = scaled(100_000)
  const found = await afresh('liveness.js', ['ours', ...Object.keys(peers)], options, async ({ call }) => {
    await call('probe', 3 * amount)
    return await call('probe', amount) / amount * 1000
  })
  return Object.entries(peers).map(([name, [against, aim]]) => compared({
    question, against, unit: 'CPU ns a request', ours: found.get('ours'), theirs: found.get(name), aim,
  }))
}
