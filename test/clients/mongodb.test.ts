import { MongoClient, type MongoClientOptions, type MongoOptions } from 'mongodb'
import { test } from 'tap'
import { poolOfMongo } from '../../lib/clients/mongodb.js'

const made: MongoClient[] = []

class Recorded extends MongoClient {
  constructor (url: string, options?: MongoClientOptions) {
    super(url, options)
    made.push(this)
  }
}

const reaching = ({ hosts, srvHost, credentials, replicaSet, loadBalanced, directConnection, tls, ca, passphrase, rejectUnauthorized, serverApi, compressors, proxyHost }: Readonly<MongoOptions>) =>
  ({ hosts: hosts.map(String), srvHost, credentials, replicaSet, loadBalanced, directConnection, tls, ca, passphrase, rejectUnauthorized, serverApi, compressors, proxyHost })

test('a connection past the pool reaches the same servers in the same way, and is one', async t => {
  for (const [url, options] of [
    ['mongodb://one.invalid,two.invalid:27018/shop?replicaSet=shop&compressors=zlib&tls=true&tlsInsecure=true'],
    ['mongodb://user:p%40ss@one.invalid/shop?authSource=users&authMechanism=SCRAM-SHA-256&maxPoolSize=7&minPoolSize=5'],
    ['mongodb://one.invalid/?tls=true&tlsCertificateKeyFile=/none.pem&tlsCertificateKeyFilePassword=canary', { ca: 'canary' }],
    ['mongodb://user@one.invalid/?authMechanism=MONGODB-X509&tls=true'],
    ['mongodb://one.invalid/?loadBalanced=true'],
    ['mongodb://one.invalid/?proxyHost=proxy.invalid'],
    ['mongodb://[::1]:1/?directConnection=true', { serverApi: '1' }],
    ['mongodb://%2Ftmp%2Fnone.sock/'],
    ['mongodb+srv://user:pass@shop.invalid/?srvMaxHosts=2'],
  ] as Array<[string, MongoClientOptions?]>) {
    const client = new Recorded(url, options)
    const connection = poolOfMongo(client).own?.connect(undefined)
    connection?.connected.catch(() => {})
    connection?.destroy()
    const own = made.at(-1) as MongoClient
    t.not(own, client)
    t.strictSame(reaching(own.options), reaching(client.options), url)
    t.equal(own.options.maxPoolSize, 1)
    t.equal(own.options.minPoolSize, 0)
  }
})

test('a pool without a limit is never exhausted', async t => {
  const client = new MongoClient('mongodb://one.invalid/?maxPoolSize=0')
  t.notOk(poolOfMongo(client).isExhausted())
})

test('what a pool lends is counted by the events of its client', async t => {
  const client = new MongoClient('mongodb://one.invalid/?maxPoolSize=2')
  const event = (address: string, connectionId: number) => ({ address, connectionId }) as never
  const { isExhausted } = poolOfMongo(client)
  client.emit('connectionCheckedOut', event('one:1', 1))
  client.emit('connectionCheckedOut', event('two:1', 1))
  t.notOk(isExhausted(), 'each server has a pool')
  client.emit('connectionCheckedOut', event('one:1', 2))
  t.ok(isExhausted())
  t.ok(poolOfMongo(client).isExhausted(), 'counted once')
  client.emit('connectionCheckedIn', event('one:1', 2))
  t.notOk(isExhausted())
  client.emit('connectionCheckedIn', event('three:1', 9))
  client.emit('connectionCheckedOut', event('one:1', 3))
  client.emit('connectionClosed', event('one:1', 3))
  t.notOk(isExhausted())
  client.emit('connectionCheckedOut', event('one:1', 4))
  client.emit('connectionPoolClosed', event('one:1', 0))
  t.notOk(isExhausted())
})
