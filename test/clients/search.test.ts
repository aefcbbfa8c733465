import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Client as ElasticsearchClient } from '@elastic/elasticsearch'
import { Client as OpenSearchClient } from '@opensearch-project/opensearch'
import { test, type Test } from 'tap'
import ElasticsearchCheck, { SearchCheck } from '../../lib/checks/elasticsearch.js'
import OpenSearchCheck from '../../lib/checks/opensearch.js'
import { asking, faultsOf } from '../helpers/asking.js'
import { selfSigned } from '../helpers/certificates.js'
import { openSockets, until } from '../helpers/leaks.js'
import { freePort } from '../helpers/server.js'

const patience = { timeout: 60_000 }

/** What a cluster of either answers, as its documentation has it. */
const health = { cluster_name: 'shop', status: 'green', timed_out: false, number_of_nodes: 3, active_primary_shards: 5, unassigned_shards: 0 }

interface Cluster {
  readonly url: string
  answer: { status: number, body: string } | undefined
  readonly asked: Array<{ url: string, headers: IncomingHttpHeaders }>
}

async function startCluster (t: Test): Promise<Cluster> {
  const server = createServer((request, response) => {
    cluster.asked.push({ url: request.url as string, headers: request.headers })
    if (cluster.answer === undefined) return
    const { status, body } = cluster.answer
    response.writeHead(status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' }).end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const cluster: Cluster = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, answer: { status: 200, body: JSON.stringify(health) }, asked: [] }
  return cluster
}

test('a cluster is green, yellow or red, whoever asks', async t => {
  t.equal(ElasticsearchCheck, OpenSearchCheck)
  const cluster = await startCluster(t)
  const clients = {
    Elasticsearch: new ElasticsearchClient({ node: cluster.url }),
    OpenSearch: new OpenSearchClient({ node: cluster.url }),
  }
  t.teardown(async () => await Promise.all(Object.values(clients).map(async client => await client.close())))
  const asks = {
    ...Object.fromEntries(Object.entries(clients).map(([name, client]) => [name, asking(t, [SearchCheck, { client }])])),
    'a request of its own': asking(t, [SearchCheck, { url: cluster.url }]),
  }
  const shards = 'the cluster is yellow: 3 shards have no node'
  const cases: Array<[string, number, object | string]> = [
    ['working', 200, health],
    [`warning: ${shards}`, 200, { ...health, status: 'yellow', unassigned_shards: 3 }],
    [`unavailable: ${shards.replace('yellow', 'red')}`, 200, { ...health, status: 'red', unassigned_shards: 3 }],
    ['unexpected result: the answer tells no health of a cluster', 200, { hello: 'there' }],
    ['unavailable: authentication failed', 401, {}],
    ['unavailable: permission denied', 403, {}],
    ['unavailable: answered 503', 503, {}],
  ]
  for (const [status, code, body] of cases) {
    cluster.answer = { status: code, body: JSON.stringify(body) }
    for (const [name, ask] of Object.entries(asks)) t.equal(await ask(), status, `${name}: ${code}`)
  }
  cluster.answer = undefined
  for (const [name, ask] of Object.entries(asks)) {
    ask.health.settings.timeout = 300
    t.match(await ask(), /^unavailable: timed out/, name)
  }
})

test('a request of its own takes the path, user and password of the URL, and leaves nothing behind', async t => {
  const cluster = await startCluster(t)
  const before = openSockets()
  t.equal(await asking(t, [SearchCheck, { url: `${cluster.url.replace('//', '//shop:p%40ss@')}/search/` }])(), 'working')
  t.equal(await asking(t, [SearchCheck, { url: cluster.url }])(), 'working')
  t.match(cluster.asked, [
    { url: '/search/_cluster/health', headers: { authorization: `Basic ${Buffer.from('shop:p@ss').toString('base64')}` } },
    { url: '/_cluster/health', headers: { authorization: undefined } },
  ])
  await until(() => openSockets() <= before, patience)
  cluster.answer = { status: 200, body: 'hello' }
  t.equal(await asking(t, [SearchCheck, { url: cluster.url }])(), 'unexpected result: the answer is not JSON')
  cluster.answer = { status: 200, body: 'x'.repeat(100_000) }
  t.equal(await asking(t, [SearchCheck, { url: cluster.url }])(), 'unexpected result: the answer is too long')
})

test('a cluster that cannot be reached is told in plain words', async t => {
  const node = `http://127.0.0.1:${await freePort()}`
  for (const client of [new ElasticsearchClient({ node }), new OpenSearchClient({ node })]) {
    t.equal(await asking(t, [SearchCheck, { client }])(), 'unavailable: connection refused')
    await client.close()
  }
  t.equal(await asking(t, [SearchCheck, { url: node }])(), 'unavailable: connection refused')
  const { cert, key } = await selfSigned(t, 'shop')
  const server = createSecureServer({ cert, key }, (_request, response) => response.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.equal(await asking(t, [SearchCheck, { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` }])(), 'unavailable: certificate not trusted')
  const client = { cluster: { health: async () => { throw new Error('odd') } } }
  t.equal(await asking(t, [SearchCheck, { client }])(), 'unknown error')
  const before = { cluster: { health: async () => { throw Object.assign(new Error('odd'), { statusCode: 502 }) } } }
  t.equal(await asking(t, [SearchCheck, { client: before }])(), 'unavailable: answered 502')
})

test('one of the two has to be given, and be what it must be', async t => {
  t.strictSame(await faultsOf(t, [SearchCheck, {}]), ['E007 neither `client` nor `url` is given'])
  t.strictSame(await faultsOf(t, [SearchCheck, { client: 'search' }], { search: { cluster: {} } }), ['E007 app.search is an object, and not a client of Elasticsearch or OpenSearch'])
})
