import { Redis } from 'ioredis'
import { canary, throughRelay, type Injection } from './fault-matrix.js'
import type { Fault } from './fault-table.js'
import { startRedis } from './redis.js'
import { startRelay, type Relay } from './relay.js'
import type { Scope, Server } from './server.js'

export interface GuardedRedis {
  readonly server: Server
  readonly relay: Relay
  /** Through the relay, with a user of its own. */
  readonly url: string
  /** The connections of that user, and how many keys there are that do not expire. */
  readonly census: () => Promise<object>
  readonly injections: Record<Fault, Injection>
}

/** A Redis with a user whose password can be changed, behind a relay. */
export async function redisBehindRelay (t: Scope): Promise<GuardedRedis> {
  const server = await startRedis(t)
  const relay = await startRelay(t, server.port)
  const user = `${canary}-user`
  const password = `${canary}-password`

  const ask = async <T>(question: (admin: Redis) => Promise<T>): Promise<T> => {
    const admin = new Redis(server.url)
    try {
      return await question(admin)
    } finally {
      admin.disconnect()
    }
  }
  const letIn = async (secret: string) => {
    await ask(async admin => await admin.call('ACL', 'SETUSER', user, 'on', 'resetpass', `>${secret}`, '~*', '&*', '+@all'))
  }
  const faults = throughRelay(relay, server)
  await letIn(password)

  return {
    server,
    relay,
    url: `redis://${user}:${password}@127.0.0.1:${relay.port}/1`,
    census: async () => await ask(async admin => {
      await admin.select(1)
      const clients = String(await admin.call('CLIENT', 'LIST')).split('\n').filter(line => line.includes(`user=${user}`))
      const expiries = await Promise.all((await admin.keys('*')).map(async key => await admin.pttl(key)))
      return { connections: clients.length, keys: expiries.filter(expiry => expiry === -1).length }
    }),
    injections: {
      ...faults,
      restarted: {
        async inject () {
          await server.stop()
          await server.start()
          // It keeps nothing.
          await letIn(password)
        },
        recover () {},
      },
      credentials: {
        async inject () {
          await letIn('other')
          await relay.refuse()
          await relay.pass()
        },
        recover: async () => await letIn(password),
      },
    },
  }
}
