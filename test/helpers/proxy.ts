import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import type { Certificate } from './certificates.js'
import type { Scope } from './server.js'

/**
 * What a proxy does when it is asked: it passes on, says nothing, says nothing after it has agreed to a tunnel, resets the connection,
 * resets it after it has agreed to a tunnel, talks no HTTP, or answers with this status.
 */
export type ProxyMode = 'pass' | 'frozen' | 'silent' | 'cut' | 'cut tunnel' | 'garbage' | number

export interface Proxy {
  readonly port: number
  /** Without user and password. */
  readonly url: string
  mode: ProxyMode
  /** What it was asked, such as `CONNECT shop:443` or `GET http://shop/`, in order. */
  readonly asked: string[]
  /** The headers of the last request. */
  headers: IncomingMessage['headers']
  /** How many connections it has ever had. */
  accepted: number
  /** How many connections of clients it has now. */
  connections (): Promise<number>
  /** How many connections to the hosts behind it there are now. */
  readonly onward: number
  /** Ends every connection of a client. */
  reset (): void
  /** Ends every connection, and refuses new ones. */
  close (): Promise<void>
}

/** Starts an HTTP proxy, which leads to whatever host it is asked for, or to port `target` of this host. With a certificate it speaks TLS. */
export async function startProxy (t: Scope, { certificate, target }: { certificate?: Certificate, target?: number } = {}): Promise<Proxy> {
  const server = certificate === undefined ? createServer() : createSecureServer({ cert: certificate.cert, key: certificate.key })
  const clients = new Set<Socket>()
  const onward = new Set<Duplex>()
  const proxy: Proxy = {
    port: 0,
    url: '',
    mode: 'pass',
    asked: [],
    headers: {},
    accepted: 0,
    connections: async () => await promisify(server.getConnections.bind(server))(),
    get onward () { return onward.size },
    reset () { for (const socket of clients) socket.destroy() },
    async close () {
      for (const socket of [...clients, ...onward]) socket.destroy()
      if (server.listening) await new Promise(resolve => server.close(resolve))
    },
  }

  /** Returns whether the request is to be passed on. */
  function isPassed (incoming: IncomingMessage, socket: Duplex): boolean {
    proxy.asked.push(`${incoming.method} ${incoming.url}`)
    proxy.headers = incoming.headers
    const { mode } = proxy
    if (mode === 'cut') (socket as Socket).resetAndDestroy()
    else if (mode === 'garbage') socket.end('SSH-2.0-OpenSSH_9.2\r\n')
    else if (typeof mode === 'number') socket.end(`HTTP/1.1 ${mode} canary\r\ncontent-length: 6\r\n\r\ncanary`)
    return mode === 'pass' || mode === 'silent' || mode === 'cut tunnel'
  }

  server.on('connection', (socket: Socket) => {
    proxy.accepted++
    clients.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => clients.delete(socket))
  })
  server.on('connect', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {})
    socket.on('end', () => socket.destroy())
    const isTunnel = isPassed(incoming, socket)
    if (isTunnel) socket.write('HTTP/1.1 200 Connection established\r\n\r\n', () => { if (proxy.mode === 'cut tunnel') socket.destroy() })
    // A socket that nobody reads from does not notice that the other side is gone.
    if (proxy.mode !== 'pass') return socket.resume()
    const { hostname, port } = new URL(`tcp://${incoming.url}`)
    const other = connect(target === undefined ? { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) } : { host: '127.0.0.1', port: target })
    onward.add(other)
    other.on('error', () => socket.destroy())
    other.on('close', () => {
      onward.delete(other)
      socket.destroy()
    })
    socket.on('close', () => other.destroy())
    other.write(head)
    socket.pipe(other).pipe(socket)
  })
  server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
    if (!isPassed(incoming, incoming.socket) || proxy.mode !== 'pass') return
    const { 'proxy-authorization': _, ...headers } = incoming.headers
    const { hostname, port } = new URL(incoming.url as string)
    const asked = request({ ...target === undefined ? { hostname, port } : { hostname: '127.0.0.1', port: target }, path: (incoming.url as string).replace(/^http:\/\/[^/]+/, ''), method: incoming.method, headers, agent: false })
    asked.on('socket', socket => {
      onward.add(socket)
      socket.on('close', () => onward.delete(socket))
    })
    asked.on('error', () => response.writeHead(502).end())
    asked.on('response', answer => answer.pipe(response.writeHead(answer.statusCode as number, answer.headers)))
    response.on('close', () => asked.destroy())
    incoming.pipe(asked)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => await proxy.close())
  const { port } = server.address() as AddressInfo
  return Object.assign(proxy, { port, url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}` })
}

const names = ['http_proxy', 'https_proxy', 'no_proxy']

/** Gives this process no other variables of proxies than these, until the test ends. */
export function withProxyVariables (t: Scope, variables: Record<string, string>): void {
  const all = [...names, ...names.map(name => name.toUpperCase())]
  const before = all.map(name => [name, process.env[name]] as const)
  t.after(() => setAll(before))
  setAll(all.map(name => [name, variables[name]]))
}

function setAll (variables: ReadonlyArray<readonly [string, string | undefined]>): void {
  for (const [name, value] of variables) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
}
