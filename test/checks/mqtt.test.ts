import mqtt from 'mqtt'
import { test } from 'tap'
import MqttCheckByDefault, { MqttCheck } from '../../lib/checks/mqtt.js'
import { asking, faultsOf, keepsOneConnection } from '../helpers/asking.js'
import { startMosquitto } from '../helpers/brokers.js'
import { until } from '../helpers/leaks.js'
import { startRelay } from '../helpers/relay.js'
import { scriptedServer } from '../helpers/scripted-server.js'
import { freePort } from '../helpers/server.js'

const patience = { timeout: 60_000 }
const over = (url: string, options = {}) => [MqttCheck, { url, ...options }] as const

test('one connection of its own is kept between runs, and closed with the registry', async t => {
  t.equal(MqttCheckByDefault, MqttCheck)
  const server = await startMosquitto(t)
  const relay = await startRelay(t, server.port)
  const ask = asking(t, over(server.url.replace(String(server.port), String(relay.port))))
  await keepsOneConnection(t, ask, server, relay)
  t.equal(await asking(t, over(server.url.replace('correct-horse', 'wrong')))(), 'unavailable: authentication failed')
  t.equal(await asking(t, over(`mqtt://127.0.0.1:${await freePort()}`))(), 'unavailable: connection refused')
})

test('a client of the app is asked, keeps nothing of what it cannot send, and is not closed', async t => {
  const server = await startMosquitto(t)
  const client = await mqtt.connectAsync(server.url, { reconnectPeriod: 50 })
  client.on('error', () => {})
  t.after(async () => await client.endAsync(true))
  const ask = asking(t, [MqttCheck, { client: 'plugins.mqtt' }], { plugins: { mqtt: client } })
  t.equal(await ask(), 'working')
  await server.stop()
  await until(() => !client.connected, patience)
  for (let n = 0; n < 3; n++) t.equal(await ask(), 'unavailable: client is not connected')
  t.strictSame(client.queue, [])
  await server.start()
  await until(() => client.connected, patience)
  t.equal(await ask(), 'working')
})

test('nobody who may not publish passes, where the broker says so', async t => {
  const server = await startMosquitto(t, { acl: 'user health\ntopic read other\n' })
  t.equal(await asking(t, over(server.url))(), 'unavailable: permission denied')
})

test('how a broker refuses is told in plain words', async t => {
  const cases: Array<[string, string | null]> = [
    ['unavailable: starting up or shutting down', '\x20\x03\x00\x88\x00'],
    ['unavailable: refused with code 153', '\x20\x03\x00\x99\x00'],
    ['unexpected result: what answers does not speak MQTT', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['unavailable: connection lost', null],
  ]
  for (const [status, answer] of cases) {
    const port = await scriptedServer(t, '', () => answer)
    t.equal(await asking(t, over(`mqtt://127.0.0.1:${port}`))(), status)
  }
  const odd = { connected: true, publishAsync: async () => { throw new Error('odd') } }
  t.equal(await asking(t, [MqttCheck, { client: odd }])(), 'unknown error')
})

test('one of the two has to be given, and be what it must be', async t => {
  t.strictSame(await faultsOf(t, [MqttCheck, {}]), ['E007 neither `client` nor `url` is given'])
  t.strictSame(await faultsOf(t, [MqttCheck, { client: 'mqtt' }], { mqtt: {} }), ['E007 app.mqtt is an object, and not a client of MQTT.js'])
})
