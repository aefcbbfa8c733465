import { serverCost } from '../load.js'
import { afresh, compared, scaled } from '../measure.js'

const peers = {
  nodeHttp: ['bare `node:http`', { atMost: 1.05 }],
  bareRoute: ['a bare Fastify route with a schema', { atMost: 1 }],
  underPressure: ['@fastify/under-pressure', { atMost: 1 }],
  fastifyHealthcheck: ['fastify-healthcheck', { atMost: 1 }],
  terminus: ['@godaddy/terminus', { atMost: 1 }],
  lightship: ['lightship', { atMost: 1 }],
  nestTerminus: ['@nestjs/terminus', { atMost: 1 }],
}

/** Ten connections that are kept open. */
export default async function livenessOverTheWire () {
  const amount = scaled(10_000)
  const found = await afresh('liveness.js', ['ours', ...Object.keys(peers)], {}, async contender => {
    await serverCost(contender, amount)
    return await serverCost(contender, amount)
  })
  return Object.entries(peers).map(([name, [against, aim]]) => compared({
    question: 'liveness, over the wire', against, unit: 'server CPU µs a request', ours: found.get('ours'), theirs: found.get(name), aim,
  }))
}
