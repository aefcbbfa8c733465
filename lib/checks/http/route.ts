import http from 'node:http'
import type { Agent, AgentOptions, ClientRequest, RequestOptions } from 'node:http'
import { addressOf, findProxy, proxyAuthorization } from '../../clients/proxy.js'
import { tlsMaterial, type TLSMaterial } from '../../clients/tls.js'
import type { TunnelRequestOptions } from '../../clients/tunnel.js'
import { lacking } from '../../errors.js'

type Request = (url: URL, options: TunnelRequestOptions) => ClientRequest

/** The way of a request to its URL, over a connection of the check. */
export interface RequestRoute {
  readonly request: Request
  readonly options: RequestOptions
  readonly headers: Readonly<Record<string, string>>
  readonly makeAgent: (options: AgentOptions) => Agent
  /** `true` says that a proxy reads the request and may answer it. */
  readonly isRelayed: boolean
  /** The key of the route's connection among the resources. It contains secrets. */
  readonly key: string
}

/** The options of the check's connection. */
export interface Means {
  readonly socketPath: string | undefined
  readonly tls: { readonly [name in keyof TLSMaterial]: TLSMaterial[name] | undefined }
  /** `true` asks the environment for a proxy. */
  readonly proxy: boolean
}

interface Transport {
  readonly Agent: new (options: AgentOptions & ReturnType<typeof tlsMaterial>) => Agent
  readonly request: Request
}

/** @throws HealthCheckError (E007) if the environment names a proxy that cannot be used. */
export async function routeTo (url: URL, { socketPath, tls, proxy: isAsked }: Means): Promise<RequestRoute> {
  const material = tlsMaterial(tls)
  const key = `http ${url.origin} ${socketPath} ${JSON.stringify(tls)}`
  const { proxy, missing } = isAsked ? findProxy(url) : {}
  if (missing !== undefined) throw lacking([missing])
  if (proxy === undefined) {
    const { Agent, request } = await transportOf(url)
    const options = socketPath === undefined ? {} : { socketPath }
    return { request, options, headers: {}, makeAgent: options => new Agent({ ...options, ...material }), isRelayed: false, key }
  }
  const proxied = `${key} ${proxy.href}`
  if (url.protocol === 'https:') {
    const { request } = await transportOf(url)
    const { TunnelAgent } = await import('../../clients/tunnel.js')
    return {
      request,
      options: {},
      headers: {},
      makeAgent: options => new TunnelAgent(proxy, { ...options, ...material }),
      isRelayed: false,
      key: proxied,
    }
  }
  const { Agent, request } = await transportOf(proxy)
  return {
    request,
    // A proxy expects the whole URL as the target. https://www.rfc-editor.org/rfc/rfc9112#name-absolute-form
    options: { ...addressOf(proxy), path: `${url.origin}${url.pathname}${url.search}` },
    headers: { host: url.host, ...proxyAuthorization(proxy) },
    makeAgent: options => new Agent(options),
    isRelayed: true,
    key: proxied,
  }
}

async function transportOf ({ protocol }: URL): Promise<Transport> {
  return protocol === 'https:' ? await import('node:https') : http
}
