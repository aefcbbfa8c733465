import { readdir, rename, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import { Disk } from 'flydrive'
import { S3Driver } from 'flydrive/drivers/s3'
import t from 'tap'
import { Agent } from 'undici'
import { startAuthority } from '../helpers/certificates.js'
import { canary, faultMatrix, throughRelay } from '../helpers/fault-matrix.js'
import { withProxyVariables } from '../helpers/proxy.js'
import { startRelay } from '../helpers/relay.js'
import { startS3, type S3 } from '../helpers/s3.js'
import { exchange, freePort, launch, type Scope } from '../helpers/server.js'

/** A server that is its own proxy too, since it answers whatever host it is asked for. */
async function startPartner (t: Scope) {
  const port = await freePort()
  const root = await startAuthority(t)
  const { certFile, keyFile } = await root.issue('partner', { for: 'DNS:partner.example' })
  const server = await launch(t, 'HTTP', () => ({
    command: process.execPath,
    args: ['-e', `
      const { existsSync, readFileSync } = require('node:fs')
      const isLocked = () => existsSync('locked')
      const answer = (request, response) => {
        response.writeHead(isLocked() ? request.url.startsWith('/') ? 401 : 407 : 200).end('pong')
      }
      const secure = require('node:https').createServer({ cert: readFileSync('${certFile}'), key: readFileSync('${keyFile}') }, answer)
      require('node:http').createServer(answer).on('connect', (request, socket) => {
        socket.on('error', () => {})
        if (isLocked()) return socket.end('HTTP/1.1 407 Proxy Authentication Required\\r\\n\\r\\n')
        socket.write('HTTP/1.1 200 OK\\r\\n\\r\\n')
        secure.emit('connection', socket)
      }).listen(${port}, '127.0.0.1')
    `],
    answers: async () => await exchange(port, 'GET / HTTP/1.0\r\n\r\n', 'pong'),
  }), { port })
  return { server, relay: await startRelay(t, port), lock: join(server.folder, 'locked'), ca: root.certificate.cert }
}

t.test('HTTP', async t => {
  const { server, relay, lock } = await startPartner(t)
  await faultMatrix(t, {
    name: 'HTTP',
    entry: ['fastify-health/checks/http', {
      url: `http://${canary}-user:${canary}-password@127.0.0.1:${relay.port}/${canary}-path?key=${canary}-key`,
      headers: { 'x-api-key': `${canary}-header` },
      expect: { body: 'pong' },
    }],
    relay,
    census: () => relay.connections,
    injections: {
      ...throughRelay(relay, server),
      credentials: { inject: async () => await writeFile(lock, ''), recover: async () => await rm(lock) },
    },
  })
})

t.test('HTTP over app.partner', async t => {
  const { server, relay, lock } = await startPartner(t)
  const agents: Agent[] = []
  await faultMatrix(t, {
    name: 'HTTP over app.partner',
    entry: ['fastify-health/checks/http', {
      url: `http://${canary}-user:${canary}-password@127.0.0.1:${relay.port}/${canary}-path?key=${canary}-key`,
      headers: { 'x-api-key': `${canary}-header` },
      expect: { body: 'pong' },
      dispatcher: 'partner',
    }],
    relay,
    register (app) {
      const agent = new Agent()
      agents.push(agent)
      app.decorate('partner', agent as never)
    },
    release () { for (const agent of agents) agent.destroy() },
    ownConnections: Infinity,
    census: () => [],
    injections: {
      ...throughRelay(relay, server),
      credentials: { inject: async () => await writeFile(lock, ''), recover: async () => await rm(lock) },
    },
  })
})

for (const scheme of ['http', 'https'] as const) {
  t.test(`${scheme.toUpperCase()} through a proxy`, async t => {
    const { server, relay, lock, ca } = await startPartner(t)
    const address = `http://${canary}-proxy:${canary}-password@127.0.0.1:${relay.port}`
    withProxyVariables(t, { HTTP_PROXY: address, HTTPS_PROXY: address })
    await faultMatrix(t, {
      name: scheme === 'http' ? 'HTTP through a proxy' : 'HTTPS through a proxy',
      entry: ['fastify-health/checks/http', {
        url: `${scheme}://${canary}-user:${canary}-password@partner.example/${canary}-path?key=${canary}-key`,
        headers: { 'x-api-key': `${canary}-header` },
        expect: { body: 'pong' },
        ...(scheme === 'https' && { ca }),
        proxy: true,
      }],
      relay,
      census: () => relay.connections,
      injections: {
        ...throughRelay(relay, server),
        credentials: {
          async inject () {
            await writeFile(lock, '')
            // A tunnel that is kept needs no password.
            await server.restart()
          },
          recover: async () => await rm(lock),
        },
      },
    })
  })
}

t.test('storage in S3', async t => {
  const server = await startS3(t)
  const relay = await startRelay(t, server.port)
  const clients: S3Client[] = []
  const disk = (credentials: S3['credentials']) => {
    const { region, bucket } = server
    const client = new S3Client({ endpoint: `http://127.0.0.1:${relay.port}`, region, credentials, forcePathStyle: true })
    clients.push(client)
    return new Disk(new S3Driver({ client, bucket, supportsACL: false, visibility: 'private' }))
  }
  let current: Disk
  await faultMatrix(t, {
    name: 'Storage (S3)',
    entry: ['fastify-health/checks/storage', { disk: 'disk' }],
    relay,
    register (app) {
      current = disk(server.credentials)
      app.decorate('disk', { use: () => current } as never)
    },
    release () { for (const client of clients) client.destroy() },
    ownConnections: Infinity,
    settlesLate: true,
    census: async () => (await readdir(join(server.folder, 'data', server.bucket))).filter(file => file.startsWith('healthcheck')),
    injections: {
      ...throughRelay(relay, server),
      credentials: {
        inject () { current = disk({ accessKeyId: `${canary}-id`, secretAccessKey: `${canary}-secret` }) },
        recover () { current = disk(server.credentials) },
      },
    },
  })
})

t.test('storage in a folder', async t => {
  const place = await mkdtemp(join(tmpdir(), `fastify-health-${canary}-`))
  t.teardown(async () => await rm(place, { recursive: true }))
  const dir = join(place, 'files')
  await mkdir(dir)
  const gone = {
    inject: async () => await rename(dir, `${dir}-gone`),
    recover: async () => await rename(`${dir}-gone`, dir),
  }
  await faultMatrix(t, {
    name: 'Storage (folder)',
    entry: ['fastify-health/checks/storage', { dir }],
    census: async () => await readdir(dir),
    injections: { refused: gone, flapping: gone },
  })
})
