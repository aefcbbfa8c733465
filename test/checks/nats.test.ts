import { connect as connectV3 } from '@nats-io/transport-node'
import { connect as connectV2 } from 'nats'
import { test } from 'tap'
import NatsCheckByDefault, { NatsCheck } from '../../lib/checks/nats.js'
import { asking, faultsOf, keepsOneConnection } from '../helpers/asking.js'
import { startNats } from '../helpers/brokers.js'
import { startAuthority } from '../helpers/certificates.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startRelay } from '../helpers/relay.js'
import { scriptedServer } from '../helpers/scripted-server.js'
import { freePort } from '../helpers/server.js'

const patience = { timeout: 60_000 }
const over = (url: string, options = {}) => [NatsCheck, { url, ...options }] as const

test('one connection of its own is kept between runs, and closed with the registry', async t => {
  t.equal(NatsCheckByDefault, NatsCheck)
  const server = await startNats(t)
  const relay = await startRelay(t, server.port)
  const ask = asking(t, over(server.url.replace(String(server.port), String(relay.port))))
  await keepsOneConnection(t, ask, server, relay)
})

test('a connection of the app is flushed, and not closed', async t => {
  const server = await startNats(t)
  const options = { servers: `127.0.0.1:${server.port}`, user: 'health', pass: 'correct-horse', reconnect: false }
  for (const connect of [connectV2, connectV3]) {
    const connection = await connect(options)
    const ask = asking(t, [NatsCheck, { client: 'nats' }], { nats: connection })
    t.equal(await ask(), 'working')
    await ask.health.close()
    t.notOk(connection.isClosed())
    await connection.close()
    t.equal(await asking(t, [NatsCheck, { client: connection }])(), 'unavailable: connection lost')
  }
})

test('TLS, tokens, and how a server refuses', async t => {
  const root = await startAuthority(t)
  const secure = await startNats(t, { certificate: await root.issue('shop') })
  t.equal(await asking(t, over(secure.url))(), 'unavailable: certificate not trusted')
  t.equal(await asking(t, over(secure.url.replace('127.0.0.1', 'localhost')))(), 'unavailable: certificate not trusted')
  const before = openSockets()
  const plain = await startNats(t, { authorization: 'authorization { token: "s3cret", timeout: 20 }' })
  t.equal(await asking(t, over(`nats://s3cret@127.0.0.1:${plain.port}`))(), 'working')
  t.equal(await asking(t, over(`nats://wrong@127.0.0.1:${plain.port}`))(), 'unavailable: authentication failed')
  t.equal(await asking(t, over(`tls://s3cret@127.0.0.1:${plain.port}`))(), 'unavailable: TLS handshake failed')
  t.equal(await asking(t, over(`nats://127.0.0.1:${await freePort()}`))(), 'unavailable: connection refused')
  await until(() => openSockets() <= before + 2, patience)
})

test('what a server says is told in plain words, and what it asks is answered', async t => {
  const info = 'INFO {"server_id":"x"}\r\n'
  const cases: Array<[string, string, ((text: string) => string | null)?]> = [
    ['unexpected result: what answers does not speak NATS', 'HTTP/1.1 400 Bad Request\r\n'],
    ['unexpected result: what answers does not speak NATS', info, () => 'hello\r\n'],
    ['unexpected result: the answer is too long', 'x'.repeat(70_000)],
    ['unavailable: too many connections', info, () => "-ERR 'maximum connections exceeded'\r\n"],
    ['unavailable: connection lost', info, () => "-ERR 'Stale Connection'\r\n"],
    ['unavailable: connection lost', info, () => null],
    ['working', info, text => text.includes('PING') ? 'PING\r\nINFO {"server_id":"y"}\r\nPONG\r\n' : ''],
  ]
  for (const [status, greeting, answer] of cases) {
    const heard: string[] = []
    const port = await scriptedServer(t, greeting, text => {
      heard.push(text)
      return answer?.(text)
    })
    t.equal(await asking(t, over(`nats://[::ffff:127.0.0.1]:${port}`))(), status)
    if (status === 'working') await until(() => heard.join('').includes('PONG'), patience)
  }
  t.equal(await asking(t, over('nats://127.0.0.1'))(), 'unavailable: connection refused', 'port 4222 is the usual one')
})

test('one of the two has to be given, and be what it must be', async t => {
  t.strictSame(await faultsOf(t, [NatsCheck, { url: 'nats://shop' }]), [])
  t.strictSame(await faultsOf(t, [NatsCheck, {}]), ['E007 neither `client` nor `url` is given'])
  t.strictSame(await faultsOf(t, [NatsCheck, { client: 'nats' }], { nats: { flush () {} } }), ['E007 app.nats is an object, and not a connection of nats.js'])
  t.match(await asking(t, [NatsCheck, {}])(), 'neither `client` nor `url` is given')
})
