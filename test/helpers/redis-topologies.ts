import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { program } from './debian.js'
import { until } from './leaks.js'
import { startRedis } from './redis.js'
import { exchange, freePort, launch, type Scope, type Server } from './server.js'

const patience = { timeout: 30_000 }

async function ask<T> (port: number, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => null })
  client.on('error', () => {})
  try {
    return await question(client)
  } finally {
    client.disconnect()
  }
}

/** A Redis Cluster of three primaries, each with a third of the slots. */
export async function startCluster (t: Scope): Promise<{ readonly nodes: readonly Server[], readonly ownerOf: (key: string) => Promise<Server> }> {
  const nodes = await Promise.all([0, 1, 2].map(async () => await startRedis(t, {
    args: ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort()), '--cluster-announce-ip', '127.0.0.1', '--cluster-node-timeout', '1000', '--cluster-require-full-coverage', 'no'],
  })))
  const [first] = nodes as [Server, ...Server[]]
  const busPorts = await Promise.all(nodes.map(async ({ port }) => await ask(port, async node => String((await node.config('GET', 'cluster-port') as string[])[1]))))
  for (const [index, { port }] of nodes.entries()) {
    await ask(port, async node => await node.call('CLUSTER', 'ADDSLOTSRANGE', String(index * 5461), index === 2 ? '16383' : String((index + 1) * 5461 - 1)))
    await ask(first.port, async node => await node.call('CLUSTER', 'MEET', '127.0.0.1', String(port), busPorts[index] as string))
  }
  for (const { port } of nodes) {
    await until(async () => await ask(port, async node => /cluster_state:ok[^]*cluster_known_nodes:3/.test(String(await node.call('CLUSTER', 'INFO')))), patience)
  }
  const ownerOf = async (key: string) => {
    const slot = Number(await ask(first.port, async node => await node.call('CLUSTER', 'KEYSLOT', key)))
    return nodes[Math.min(2, Math.floor(slot / 5461))] as Server
  }
  return { nodes, ownerOf }
}

/** A primary, a replica, and a sentinel that puts the replica in the primary's place when that is gone. */
export async function startSentinel (t: Scope): Promise<{ readonly primary: Server, readonly replica: Server, readonly sentinel: Server }> {
  const primary = await startRedis(t)
  const replica = await startRedis(t, { args: ['--replicaof', '127.0.0.1', String(primary.port), '--repl-diskless-sync-delay', '0'] })
  await until(async () => await ask(replica.port, async node => (await node.info('replication')).includes('master_link_status:up')), patience)
  const port = await freePort()
  const sentinel = await launch(t, 'Sentinel', ({ folder }) => {
    const file = join(folder, 'sentinel.conf')
    writeFileSync(file, [
      `port ${port}`,
      'bind 127.0.0.1',
      `sentinel monitor shop 127.0.0.1 ${primary.port} 1`,
      'sentinel down-after-milliseconds shop 500',
      'sentinel failover-timeout shop 2000',
      '',
    ].join('\n'))
    return { command: program('redis-server'), args: [file, '--sentinel'], answers: () => exchange(port, 'PING\r\n', '+PONG') }
  }, { port })
  await until(async () => await ask(port, async node => String(await node.call('SENTINEL', 'REPLICAS', 'shop')).includes(String(replica.port))), patience)
  return { primary, replica, sentinel: Object.assign(sentinel, { port, url: `redis://127.0.0.1:${port}` }) }
}
