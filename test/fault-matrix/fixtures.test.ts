import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { canary, faultMatrix, throughRelay } from '../helpers/fault-matrix.js'
import { startMongoDBFixture } from '../helpers/mongodb.js'
import { startRelay } from '../helpers/relay.js'

// No server of these can be installed here, so a fixture answers as their protocols have it.
t.test('MongoDB', async t => {
  const server = await startMongoDBFixture(t)
  const relay = await startRelay(t, Number(new URL(server.url).port))
  const { answers } = server
  const usual = { ...answers }
  const silent = Object.fromEntries(Object.keys(usual).map(command => [command, 'nothing' as const]))
  await faultMatrix(t, {
    name: 'MongoDB',
    entry: ['fastify-health/checks/mongodb', { url: `mongodb://127.0.0.1:${relay.port}/${canary}-database?appName=${canary}-application` }],
    relay,
    // Those by which the driver watches the server.
    ownConnections: 2,
    census: () => server.connections,
    injections: {
      ...throughRelay(relay, {
        freeze: () => Object.assign(answers, silent),
        thaw: () => Object.assign(answers, usual),
        async restart () {
          await relay.refuse()
          await relay.pass()
        },
      }),
      credentials: {
        inject: () => Object.assign(answers, { ping: { ok: 0, code: 18, codeName: 'AuthenticationFailed', errmsg: 'Authentication failed.' } }),
        recover: () => Object.assign(answers, usual),
      },
    },
  })
})

t.test('Elasticsearch', async t => {
  let status: number | undefined = 200
  const waiting: Array<() => void> = []
  const server = createServer((_request, response) => {
    const answer = () => { response.writeHead(status ?? 200, { 'content-type': 'application/json' }).end('{ "status": "green" }') }
    if (status === undefined) waiting.push(answer)
    else answer()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const relay = await startRelay(t, (server.address() as AddressInfo).port)
  await faultMatrix(t, {
    name: 'Elasticsearch',
    entry: ['fastify-health/checks/elasticsearch', { url: `http://${canary}-user:${canary}-password@127.0.0.1:${relay.port}` }],
    relay,
    census: () => relay.connections,
    injections: {
      ...throughRelay(relay, {
        freeze () { status = undefined },
        thaw () {
          status = 200
          for (const answer of waiting.splice(0)) answer()
        },
        async restart () {
          await relay.refuse()
          await relay.pass()
        },
      }),
      credentials: {
        inject () { status = 401 },
        recover () { status = 200 },
      },
    },
  })
})
