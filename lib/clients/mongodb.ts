import type { MongoClient, MongoOptions } from 'mongodb'
import type { OwnConnection } from './client.js'
import { wordsFor } from './driver-errors.js'
import { numberOf, type PoolOfApp } from './pool-of-app.js'
import type { Connection } from './shared-connection.js'

/** A connection of the checks. The driver keeps others beside it, to watch each server. */
export const oneConnection = { maxPoolSize: 1, minPoolSize: 0, appName: 'fastify-health' } as const

/** Makes a connection of the checks from a MongoClient, which has not begun to connect. */
export function mongoConnection (client: MongoClient): Connection<MongoClient> {
  const { hosts, srvHost } = client.options
  // Whether each known server answered its last heartbeat. The driver learns of the members of a replica set from any of them.
  const answering = new Map<string, boolean>()
  const isDown = () => srvHost === undefined && answering.size >= hosts.length && ![...answering.values()].includes(true)
  client.on('serverHeartbeatSucceeded', ({ connectionId }) => answering.set(connectionId, true))
  client.on('serverClosed', ({ address }) => answering.delete(address))
  return {
    connected: new Promise((resolve, reject) => {
      // The driver tries for half a minute, and only this event says why it fails.
      client.on('serverHeartbeatFailed', ({ connectionId, failure }) => {
        answering.set(connectionId, false)
        if (isDown()) reject(failure)
      })
      client.connect().then(resolve, reject)
    }),
    isLost: failure => isDown() || wordsFor(failure) === 'connection lost',
    destroy: () => { client.close(true).catch(() => {}) },
  }
}

/** The connections that a client has lent, by the addresses of its servers. The driver has one pool for each server. */
type Lent = Map<string, Set<unknown>>

const lentConnections = new WeakMap<MongoClient, Lent>()

/** Describes the pools of a MongoClient. The driver tells by events alone what they lend, so the first look begins to count. */
export function poolOfMongo (client: MongoClient): PoolOfApp {
  const lent = lentConnections.get(client) ?? countedConnections(client)
  const { maxPoolSize } = client.options
  return {
    isExhausted: () => maxPoolSize > 0 && [...lent.values()].some(({ size }) => size >= maxPoolSize),
    own: ownOfMongo(client),
  }
}

// https://www.mongodb.com/docs/drivers/node/current/monitoring-and-logging/monitoring/
function countedConnections (client: MongoClient): Lent {
  const lent: Lent = new Map()
  lentConnections.set(client, lent)
  const given = ({ address, connectionId }: { address: string, connectionId: unknown }) => lent.get(address)?.delete(connectionId)
  client.on('connectionCheckedOut', ({ address, connectionId }) => {
    const connections = lent.get(address) ?? new Set()
    lent.set(address, connections.add(connectionId))
  })
  client.on('connectionCheckedIn', given)
  client.on('connectionClosed', given)
  client.on('connectionPoolClosed', ({ address }) => lent.delete(address))
  return lent
}

// The options that decide how to reach the servers. The driver refuses some that it adds by itself.
const takenOptions = [
  'replicaSet', 'directConnection', 'serverApi', 'compressors', 'zlibCompressionLevel',
  'proxyHost', 'proxyPort', 'proxyUsername', 'proxyPassword', 'connectTimeoutMS', 'serverSelectionTimeoutMS', 'socketTimeoutMS',
  'family', 'lookup', 'localAddress', 'autoSelectFamily', 'autoSelectFamilyAttemptTimeout', 'tls', 'tlsCAFile', 'tlsCRLFile',
  'tlsCertificateKeyFile', 'ca', 'cert', 'key', 'crl', 'pfx', 'passphrase', 'rejectUnauthorized', 'checkServerIdentity', 'servername',
  'secureContext', 'ciphers', 'ecdhCurve',
] as const satisfies ReadonlyArray<keyof MongoOptions>

function addressOfServer (host: MongoOptions['hosts'][number]): string {
  return host.socketPath === undefined ? String(host) : encodeURIComponent(host.socketPath)
}

function ownOfMongo (client: MongoClient): OwnConnection<MongoClient> {
  const { options } = client
  const { hosts, srvHost, credentials, loadBalanced } = options
  const servers = srvHost === undefined ? `mongodb://${hosts.map(addressOfServer).join(',')}` : `mongodb+srv://${srvHost}`
  // The driver takes this option in a URL only.
  const url = `${servers}/?loadBalanced=${loadBalanced}`
  const login = credentials && {
    ...credentials.username && { auth: { username: credentials.username, password: credentials.password } },
    authSource: credentials.source,
    authMechanism: credentials.mechanism,
    authMechanismProperties: credentials.mechanismProperties,
  }
  const names = srvHost === undefined ? takenOptions : [...takenOptions, 'srvServiceName', 'srvMaxHosts'] as const
  const likewise = Object.fromEntries(names.filter(name => options[name] !== undefined).map(name => [name, options[name]]))
  // mongoose has a driver of its own.
  const Client = client.constructor as typeof MongoClient
  return {
    key: `mongodb of pool ${numberOf(client)}`,
    connect: () => mongoConnection(new Client(url, { ...likewise, ...login, ...oneConnection })),
  }
}
