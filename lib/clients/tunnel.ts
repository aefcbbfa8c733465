import { once } from 'node:events'
import http from 'node:http'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import { addressOf, proxyAuthorization, proxyFailure, refusedByProxy } from './proxy.js'

/** The options of a request through a tunnel. */
export interface TunnelRequestOptions extends https.RequestOptions {
  /** The signal that aborts the connection to the proxy. Node.js does not pass the `signal` of a request to its agent. */
  tunnelSignal?: AbortSignal
}

/** An agent whose connections go through tunnels of an HTTP proxy. https://www.rfc-editor.org/rfc/rfc9110#name-connect */
export class TunnelAgent extends https.Agent {
  readonly #proxy: URL

  constructor (proxy: URL, options?: https.AgentOptions) {
    super(options)
    this.#proxy = proxy
  }

  override createConnection (options: TunnelRequestOptions, callback: (error: Error | null, stream: Duplex) => void): undefined {
    this.#connect(options).then(socket => callback(null, socket), error => callback(error, undefined as never))
  }

  async #connect (options: TunnelRequestOptions): Promise<Duplex> {
    const socket = await tunnel(this.#proxy, `${options.host}`, Number(options.port), options.tunnelSignal)
    try {
      return super.createConnection({ ...options, socket } as https.RequestOptions) as Duplex
    } catch (error) {
      // TLS did not take the socket, since it cannot use the options.
      socket.destroy()
      throw error
    }
  }
}

async function tunnel (proxy: URL, host: string, port: number, signal: AbortSignal | undefined): Promise<Duplex> {
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const { request } = proxy.protocol === 'https:' ? https : http
  const headers = { host: target, connection: 'keep-alive', 'user-agent': 'fastify-health', ...proxyAuthorization(proxy) }
  const asked = request({ ...addressOf(proxy), method: 'CONNECT', path: target, headers, agent: false, signal })
  // It may report more than one error.
  asked.on('error', () => {})
  asked.end()
  try {
    // This event is emitted for any answer to CONNECT, whatever its status is.
    const [{ statusCode }, socket, head] = await once(asked, 'connect') as [IncomingMessage, Duplex, Buffer]
    // The tunnel may break before TLS listens.
    socket.on('error', () => {})
    const status = statusCode as number
    if (status < 200 || status > 299) {
      socket.destroy()
      throw refusedByProxy(status)
    }
    socket.unshift(head)
    return socket
  } catch (error) {
    throw signal?.aborted === true ? error : proxyFailure(error)
  }
}
