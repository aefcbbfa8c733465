import t from 'tap'
import { startAuthority } from '../helpers/certificates.js'
import { startDatagramRelay, startDnsmasq } from '../helpers/dnsmasq.js'
import { canary, faultMatrix, slow, throughRelay } from '../helpers/fault-matrix.js'
import { startNginx } from '../helpers/nginx.js'
import { startRedis } from '../helpers/redis.js'
import { startRelay } from '../helpers/relay.js'

t.test('TCP', async t => {
  const server = await startRedis(t)
  const relay = await startRelay(t, server.port)
  await faultMatrix(t, {
    name: 'TCP',
    entry: ['fastify-health/checks/tcp', { host: '127.0.0.1', port: relay.port }],
    relay,
    census: () => relay.connections,
    injections: throughRelay(relay, server),
  })
})

t.test('DNS', async t => {
  const server = await startDnsmasq(t, `--address=/${canary}.test/192.0.2.7`)
  const relay = await startDatagramRelay(t, server.port)
  const recover = async () => await relay.pass()
  const refused = { inject: async () => await relay.refuse(), recover }
  await faultMatrix(t, {
    name: 'DNS',
    entry: ['fastify-health/checks/dns', { name: `${canary}.test`, type: 'A', expect: '192.0.2.7', servers: [`127.0.0.1:${relay.port}`] }],
    census: () => relay.clients(),
    injections: {
      refused,
      frozen: { inject: () => server.freeze(), recover: () => server.thaw() },
      silent: { inject: () => relay.silence(), recover },
      slow: { inject: async () => await relay.pass(slow), recover },
      restarted: { inject: async () => await server.restart(), recover () {} },
      flapping: refused,
    },
  })
})

t.test('Certificate', async t => {
  const root = await startAuthority(t)
  const names = { for: `DNS:${canary}.test` }
  const [valid, expired] = [await root.issue(canary, names), await root.issue(canary, { ...names, days: -3.5 })]
  const server = await startNginx(t, [valid])
  const relay = await startRelay(t, server.port)
  await faultMatrix(t, {
    name: 'Certificate',
    entry: ['fastify-health/checks/certificate', { host: '127.0.0.1', port: relay.port, servername: `${canary}.test`, ca: root.certificate.cert }],
    relay,
    census: () => relay.connections,
    injections: {
      ...throughRelay(relay, server),
      credentials: {
        async inject () {
          server.present(expired)
          await server.restart()
        },
        async recover () {
          server.present(valid)
          await server.restart()
        },
      },
    },
  })
})
