import { compared, interleaved, scaled, withContenders } from '../measure.js'

const peers = {
  bareRoute: ['a bare Fastify route with a schema', { atMost: 0.8 }],
  bareRouteWithHeaders: ['the same with our headers', { atMost: 0.8 }],
  underPressure: ['@fastify/under-pressure', { atMost: 1 }],
  fastifyHealthcheck: ['fastify-healthcheck', { atMost: 1 }],
  nestTerminus: ['@nestjs/terminus', { atMost: 1 }],
  nodeHttp: ['bare `node:http`'],
}

/** The router, called with real requests and responses and no socket. */
export default async function livenessInProcess () {
  const amount = scaled(20_000)
  return await withContenders('liveness.js', ['ours', ...Object.keys(peers)], {}, async contenders => {
    const found = await interleaved(contenders, async ({ call }) => await call('probe', amount) / amount * 1000)
    return Object.entries(peers).map(([name, [against, aim]]) => compared({
      question: 'liveness, in process', against, unit: 'CPU ns a request', ours: found.get('ours'), theirs: found.get(name), aim,
    }))
  })
}
