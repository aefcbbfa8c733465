import { BlockList, isIP } from 'node:net'
import { isHealthCheckError, ServiceReturnedUnexpectedResult, ServiceUnavailable, type HealthCheckError } from '../errors.js'
import { decodableUrl } from '../values/rules.js'
import { wordsFor } from './driver-errors.js'
import type { Requirement } from '../../types/check.js'

type Environment = Readonly<Record<string, string | undefined>>

/** The proxy of a URL, no proxy where the URL is asked directly, or what is wrong with the environment. */
export type FoundProxy =
  | { readonly proxy: URL | undefined, readonly missing?: undefined }
  | { readonly proxy?: undefined, readonly missing: Requirement }

const proxyUrl = decodableUrl(['http', 'https'])

/**
 * Looks for the proxy of a URL in the environment, as curl does: `https_proxy` or `HTTPS_PROXY`, `http_proxy` or `HTTP_PROXY`, except for
 * the hosts in `no_proxy` or `NO_PROXY`. The lower case comes first. Unlike curl, it reads `HTTP_PROXY` too, as Node.js does.
 */
export function findProxy (url: URL, environment: Environment = process.env): FoundProxy {
  const lower = `${url.protocol.slice(0, -1)}_proxy`
  const name = environment[lower] === undefined ? lower.toUpperCase() : lower
  const given = environment[name] ?? ''
  if (given === '' || isExcepted(url, environment['no_proxy'] ?? environment['NO_PROXY'] ?? '')) return { proxy: undefined }
  const address = given.includes('://') ? given : `http://${given}`
  if (proxyUrl.test(address)) return { proxy: new URL(address) }
  return { missing: { message: `${name} is not the URL of an HTTP proxy`, hint: `It must be ${proxyUrl.expected}.` } }
}

/** Returns whether the list has the host of a URL: as `*`, a domain, an address or a CIDR block, each with or without a port. */
function isExcepted ({ hostname, port, protocol }: URL, list: string): boolean {
  const host = bare(hostname)
  const used = port === '' ? protocol === 'https:' ? '443' : '80' : port
  return list.toLowerCase().split(/[\s,]+/).some(item => {
    // An IPv6 address without brackets has no port.
    const [, name = '', onlyPort] = isIP(item) === 0 ? /^(.+?)(?::(\d+))?$/.exec(item) ?? [] : [item, item]
    if (name === '' || (onlyPort !== undefined && onlyPort !== used)) return false
    return name === '*' || (isIP(host) === 0 ? isWithin(host, name) : isInBlock(host, bare(name)))
  })
}

function isWithin (host: string, name: string): boolean {
  const domain = name.replace(/^\*?\./, '').replace(/\.$/, '')
  return `.${host.replace(/\.$/, '')}`.endsWith(`.${domain}`)
}

function isInBlock (address: string, name: string): boolean {
  const [network = '', bits] = name.split('/')
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
  const longest = family === 'ipv6' ? 128 : 32
  const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN
  if (isIP(network) !== isIP(address) || !(prefix <= longest)) return false
  const block = new BlockList()
  block.addSubnet(network, prefix, family)
  return block.check(address, family)
}

/** Returns a host without the brackets of an IPv6 address. */
function bare (host: string): string {
  return host.replace(/^\[|\]$/g, '')
}

/** Returns the address of a proxy as options of a request. */
export function addressOf ({ protocol, hostname, port }: URL): { protocol: string, hostname: string, port: string } {
  return { protocol, hostname: bare(hostname), port }
}

/** Returns the header that holds the user and the password of the proxy's URL, if it has any. */
export function proxyAuthorization ({ username, password }: URL): { 'proxy-authorization'?: string } {
  if (username === '' && password === '') return {}
  return { 'proxy-authorization': basicAuthorization({ username, password }) }
}

/** https://www.rfc-editor.org/rfc/rfc7617 */
export function basicAuthorization ({ username, password }: Pick<URL, 'username' | 'password'>): string {
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`
}

/** Makes the error of a proxy that answers in place of the host. */
export function refusedByProxy (status: number, cause?: unknown): HealthCheckError {
  return new ServiceUnavailable(`the proxy answered ${status}`, { cause })
}

/** Returns the failure to reach a proxy in plain words. The words name no host. */
export function proxyFailure (error: unknown): HealthCheckError {
  if (isHealthCheckError(error)) return error
  if (isMalformed(error)) return new ServiceReturnedUnexpectedResult('the answer of the proxy is not valid HTTP', { cause: error })
  const words = wordsFor(error)
  if (words === 'connection lost') return new ServiceUnavailable('the proxy closed the connection', { cause: error })
  return new ServiceUnavailable(words === undefined ? 'the proxy failed' : `the proxy cannot be reached: ${words}`, { cause: error })
}

/** Returns whether an error is one of Node's HTTP parser, which undici uses as well. */
export function isMalformed (error: unknown): boolean {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('HPE_')
}
