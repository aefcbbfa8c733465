import { readdir, rename, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import { Disk } from 'flydrive'
import { S3Driver } from 'flydrive/drivers/s3'
import t from 'tap'
import { canary, faultMatrix, throughRelay } from '../helpers/fault-matrix.js'
import { startRelay } from '../helpers/relay.js'
import { startS3, type S3 } from '../helpers/s3.js'
import { exchange, freePort, launch } from '../helpers/server.js'

t.test('HTTP', async t => {
  const port = await freePort()
  const server = await launch(t, 'HTTP', ({ folder }) => ({
    command: process.execPath,
    args: ['-e', `
      const { existsSync } = require('node:fs')
      require('node:http').createServer((request, response) => {
        response.writeHead(existsSync('locked') ? 401 : 200).end('pong')
      }).listen(${port}, '127.0.0.1')
    `],
    answers: async () => await exchange(port, 'GET / HTTP/1.0\r\n\r\n', 'pong'),
  }), { port })
  const relay = await startRelay(t, port)
  const lock = join(server.folder, 'locked')
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
