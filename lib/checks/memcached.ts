import { connect, type Socket } from 'node:net'
import { HealthCheck } from '../check.js'
import { clientRule, type ClientOption } from '../clients/client.js'
import { eitherRequirements, withEither, type Given, type Way } from '../clients/either.js'
import { Lines } from '../clients/lines.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { rule } from '../values/rules.js'
import type { CheckContext, OptionRules, RequirementsContext, RulesOf } from '../../types/check.js'

type Callback = (error: unknown, ...answer: unknown[]) => void

/** The part of a client of memjs that the check uses. */
export interface MemJSLike {
  readonly servers: readonly unknown[]
  stats (callback: Callback): void
}

/** The part of a client of the package memcached that the check uses. */
export interface MemcachedLike {
  version (callback: Callback): void
}

/** The options. Exactly one of `client` and `servers` must be given. */
export interface MemcachedOptions {
  /** A client of memjs or memcached: the name of a decorator (dots reach into it), a function of the app, or the client itself. */
  client?: ClientOption<MemJSLike | MemcachedLike>
  /** `'host:port'`, or a list of them. The check opens one connection to each server, and keeps it between runs. */
  servers?: string | readonly string[]
}

const address = /^(?:\[([^\]]+)\]|([^:/\s]+))(?::(\d{1,5}))?$/
const memcachedPort = 11_211

const isMemJS = (client: object): client is MemJSLike => 'servers' in client && 'stats' in client && !('version' in client)

type Client = MemJSLike | MemcachedLike | readonly Lines[]

const way: Way<Client, unknown, readonly string[]> = {
  kind: {
    takes: 'a client of memjs or memcached',
    fits: value => typeof value === 'object' && value !== null &&
      (isMemJS(value) || ('version' in value && typeof value.version === 'function')),
    hint: "Decorate it: app.decorate('memcached', memjs.Client.create(…)), or give the check its `servers`.",
  },
  own: 'servers',
  connect (_driver, servers) {
    const connections = servers.map(server => {
      const [, bracketed, plain, port = memcachedPort] = address.exec(server) as RegExpExecArray
      const socket = connect({ host: (bracketed ?? plain) as string, port: Number(port) })
      return { socket, lines: new Lines(socket) }
    })
    return {
      connected: Promise.all(connections.map(({ socket, lines }) => connected(socket, lines))),
      isLost: failure => failure !== undefined || connections.some(({ lines }) => lines.isLost),
      destroy () {
        for (const { socket } of connections) socket.destroy()
      },
    }
  },
}

async function connected (socket: Socket, lines: Lines): Promise<Lines> {
  return await new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(lines))
    socket.once('error', reject)
  })
}

/** Passes if each server answers with its version. */
export class MemcachedCheck extends HealthCheck<MemcachedOptions> {
  static override readonly rules: OptionRules = {
    client: clientRule(way.kind),
    servers: rule("'host:port', or a list of them", value => {
      const servers = [value].flat()
      return servers.length > 0 && servers.every(server => typeof server === 'string' && address.test(server))
    }),
  } satisfies RulesOf<MemcachedOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await eitherRequirements(way, this.#given(), context)
  }

  override async check (context: CheckContext) {
    await withEither(context, way, this.#given(), askAll)
  }

  #given (): Given<Client, readonly string[]> {
    const { client, servers } = this.options
    return { client: client as ClientOption<Client> | undefined, own: servers === undefined ? undefined : [servers].flat() as string[] }
  }
}

async function askAll (client: Client): Promise<void> {
  if (Array.isArray(client)) {
    for (const line of await Promise.all((client as Lines[]).map(lines => lines.ask('version\r\n')))) {
      // https://github.com/memcached/memcached/blob/master/doc/protocol.txt
      if (!line.startsWith('VERSION ')) throw new ServiceReturnedUnexpectedResult('what answers does not speak memcached')
    }
    return
  }
  await new Promise<void>((resolve, reject) => {
    if (!isMemJS(client)) {
      (client as MemcachedLike).version(error => hasFailed(error) ? reject(toError(error)) : resolve())
      return
    }
    let left = client.servers.length
    if (left === 0) reject(new ServiceUnavailable('the client has no server'))
    client.stats(error => {
      if (hasFailed(error)) reject(toError(error))
      else if (--left === 0) resolve()
    })
  })
}

// The package memcached gives a list with one error for each server that failed. The list is empty if no server failed.
function hasFailed (error: unknown): boolean {
  return Array.isArray(error) ? error.length > 0 : error !== undefined && error !== null
}

function toError (error: unknown): unknown {
  return Array.isArray(error) ? new AggregateError(error) : error
}

export default MemcachedCheck
