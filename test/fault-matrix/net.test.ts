import nodemailer from 'nodemailer'
import t from 'tap'
import { startSMTP } from '../helpers/aiosmtpd.js'
import { selfSigned, startAuthority } from '../helpers/certificates.js'
import { startDatagramRelay, startDnsmasq } from '../helpers/dnsmasq.js'
import { canary, faultMatrix, slow, throughRelay } from '../helpers/fault-matrix.js'
import { startGRPC } from '../helpers/grpc.js'
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

t.test('SMTP', async t => {
  const server = await startSMTP(t, { certificate: await selfSigned(t, canary) })
  const relay = await startRelay(t, server.port)
  const credentials = { inject: () => server.expect('another'), recover: () => server.expect(server.password) }
  await faultMatrix(t, {
    name: 'SMTP',
    entry: ['fastify-health/checks/smtp', { url: `${server.url.replace(String(server.port), String(relay.port))}?tls.rejectUnauthorized=false` }],
    relay,
    census: () => relay.connections,
    injections: { ...throughRelay(relay, server), credentials },
  })
})

t.test('SMTP over a transporter of the app', async t => {
  const server = await startSMTP(t, { certificate: await selfSigned(t, canary) })
  const relay = await startRelay(t, server.port)
  const { user, password: pass } = server
  const credentials = { inject: () => server.expect('another'), recover: () => server.expect(server.password) }
  await faultMatrix(t, {
    name: 'SMTP over app.mailer',
    entry: ['fastify-health/checks/smtp', { transport: 'mailer' }],
    relay,
    register (app) {
      app.decorate('mailer', nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, auth: { user, pass }, tls: { rejectUnauthorized: false }, greetingTimeout: 3000, connectionTimeout: 3000, socketTimeout: 3000 }))
    },
    ownConnections: Infinity,
    settlesLate: true,
    census: () => relay.connections,
    injections: { ...throughRelay(relay, server), credentials },
  })
})

t.test('gRPC', async t => {
  const server = await startGRPC(t)
  const relay = await startRelay(t, server.port)
  const service = `${canary}.v1.Orders`
  server.say({ [service]: 1 })
  await faultMatrix(t, {
    name: 'gRPC',
    entry: ['fastify-health/checks/grpc', { target: `127.0.0.1:${relay.port}`, service }],
    relay,
    census: () => relay.connections,
    injections: {
      ...throughRelay(relay, server),
      credentials: { inject: () => server.say({ [service]: 'UNAUTHENTICATED' }), recover: () => server.say({ [service]: 1 }) },
    },
  })
})
