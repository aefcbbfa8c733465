import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2'
import { isIP, connect as connectSocket, type Socket } from 'node:net'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { abortable } from '../time/abortable.js'
import { interruptionOf } from '../time/stop-signal.js'
import { isPlain } from '../values/plain-data.js'
import { flag, rule, withoutNul } from '../values/rules.js'
import { withClient } from './client.js'
import { unavailable, wordsFor } from './driver-errors.js'
import { decodeResponse, encodeRequest, type HealthCheckResponse } from './grpc-health.js'
import { pem, tlsMaterial, tlsRequirements, type TLSMaterial } from './tls.js'
import type { Connection } from './shared-connection.js'
import type { CheckContext, OptionRules, Requirement } from '../../types/check.js'

// One question needs HTTP/2 alone. A client of @grpc/grpc-js that is closed while its server hangs keeps the socket open.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

/** TLS of a gRPC connection. */
export interface GRPCTLS extends TLSMaterial {
  /** The name that the server's certificate must be for. Default: the host of `target`. */
  servername?: string
}

/** Whom to ask. The connection is the checks' own: one for each target and its TLS, kept between runs. */
export interface GRPCSource {
  /** As gRPC names a server: `orders:50051`, `dns:///orders:50051`, `unix:/run/orders.sock`. Without a port it is 443. */
  target: string
  /** `true`, or what TLS takes. Default: `false`. */
  tls?: boolean | GRPCTLS
}

const tlsRules: Readonly<Record<string, (value: unknown) => boolean>> = {
  ca: pem().test,
  cert: pem().test,
  key: pem().test,
  servername: withoutNul('').test,
}

export const grpcRules: OptionRules = {
  target: rule("the target of a gRPC server, such as 'orders:50051' or 'unix:/run/orders.sock'", value => typeof value === 'string' && addressOf(value) !== undefined, { required: true }),
  tls: rule('true, false, or an object with any of: ca, cert, key (PEM), servername', value => flag().test(value) || (isPlain(value) &&
    Object.entries(value).every(([name, given]) => Object.hasOwn(tlsRules, name) && (given === undefined || tlsRules[name]?.(given)))), { secret: true }),
}

export async function grpcRequirements ({ tls }: GRPCSource): Promise<Requirement[]> {
  return await tlsRequirements(materialOf(tls))
}

/** What the server's health service says of a service. */
export async function healthOf (context: CheckContext, source: GRPCSource, service: string): Promise<HealthCheckResponse> {
  const signal = interruptionOf(context)
  try {
    return await withClient<ClientHttp2Session, HealthCheckResponse, Drivers>(context, {
      key: `grpc ${source.target} ${JSON.stringify(source.tls)}`,
      load: async () => ({ http2: await import('node:http2'), tls: await import('node:tls') }),
      connect: drivers => connectionTo(drivers, source),
    }, async session => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/grpc.health.v1.Health/Check',
        'content-type': 'application/grpc',
        'grpc-timeout': `${Math.ceil(context.timeout)}m`,
        te: 'trailers',
        'user-agent': 'fastify-health',
      })
      stream.end(framed(encodeRequest({ service })))
      return decodeResponse(await abortable(answerTo(stream), signal, () => stream.close(cancelled)))
    })
  } catch (error) {
    throw explained(error)
  }
}

interface Drivers {
  readonly http2: Pick<typeof import('node:http2'), 'connect'>
  readonly tls: Pick<typeof import('node:tls'), 'connect'>
}

/** HTTP/2's code for a request that nobody waits for any more. */
const cancelled = 8

type Address = { readonly host: string, readonly port: number } | { readonly path: string }

/** https://github.com/grpc/grpc/blob/master/doc/naming.md, but for what needs a resolver of gRPC's own. */
function addressOf (target: string): Address | undefined {
  const path = /^unix:(?:\/\/(?=\/))?([^\0]+)$/.exec(target)?.[1]
  if (path !== undefined) return { path }
  const [, bracketed, plain, port = '443'] = /^(?:dns:(?:\/\/\/)?|ipv[46]:)?(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(target) ?? []
  const host = bracketed ?? plain
  return host === undefined || Number(port) < 1 || Number(port) > 65_535 ? undefined : { host, port: Number(port) }
}

function materialOf (tls: GRPCSource['tls']) {
  const { ca, cert, key } = typeof tls === 'object' ? tls : {}
  return { ca, cert, key }
}

function connectionTo ({ http2, tls }: Drivers, source: GRPCSource): Connection<ClientHttp2Session> {
  const address = addressOf(source.target) as Address
  const host = 'host' in address ? address.host : 'localhost'
  const name = isIP(host) === 6 ? `[${host}]` : host
  const authority = 'port' in address ? `${name}:${address.port}` : name
  const socket = source.tls === undefined || source.tls === false ? connectSocket(address) : secured(tls, address, host, source.tls)
  const session = http2.connect(`http://${authority}`, { createConnection: () => socket })
  let isBroken = false
  return {
    connected: new Promise((resolve, reject) => {
      session.once('connect', () => resolve(session))
      // There may be one more after it was destroyed.
      session.on('error', reject)
    }),
    isLost (failure) {
      isBroken ||= failure !== undefined && !(failure instanceof ServiceReturnedUnexpectedResult) && !(failure instanceof ServiceUnavailable)
      return isBroken || session.closed || session.destroyed
    },
    destroy () {
      session.destroy()
      socket.destroy()
    },
  }
}

function secured (tls: Drivers['tls'], address: Address, host: string, given: true | GRPCTLS): Socket {
  const { servername = isIP(host) === 0 ? host : undefined } = given === true ? {} : given
  return tls.connect({ ...address, ...tlsMaterial(materialOf(given)), ...(servername === undefined ? {} : { servername }), ALPNProtocols: ['h2'] })
}

/** The most that an answer may hold, in bytes: one of the health service has seven. */
const longestAnswer = 4096
const prefix = 5

function framed (message: Buffer): Buffer {
  const head = Buffer.alloc(prefix)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** The message of an answer. @throws what the server says instead, in plain words */
async function answerTo (stream: ClientHttp2Stream): Promise<Buffer> {
  let headers: (IncomingHttpHeaders & IncomingHttpStatusHeader) | undefined
  let trailers: IncomingHttpHeaders | undefined
  stream.on('response', received => { headers = received })
  stream.on('trailers', received => { trailers = received })
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length > longestAnswer) throw new ServiceReturnedUnexpectedResult('the answer is too long')
  }
  if (headers === undefined) throw new ServiceUnavailable('connection lost')
  // A refusal may come at once, without an end.
  const { ':status': status, 'grpc-status': code, 'grpc-message': text = '' } = { ...headers, ...trailers }
  // A proxy before the server speaks HTTP alone.
  if (code === undefined) throw status === 200 ? notGRPC() : new ServiceReturnedUnexpectedResult(`answered ${status}, and not in gRPC`)
  if (code !== '0') throw refusalOf(String(code), new Error(`gRPC status ${code}: ${text}`))
  const bytes = Buffer.concat(chunks)
  if (length < prefix || bytes[0] !== 0 || bytes.readUInt32BE(1) !== length - prefix) throw notGRPC()
  return bytes.subarray(prefix)
}

function notGRPC (cause?: unknown): Error {
  return new ServiceUnavailable('what answers does not speak gRPC', { cause })
}

/** https://grpc.io/docs/guides/status-codes/ */
function refusalOf (code: string, cause: Error): Error {
  switch (code) {
    case '4': return new ServiceUnavailable('timed out', { cause })
    case '5': return new ServiceReturnedUnexpectedResult('the server knows no such service', { cause })
    case '7': return new ServiceUnavailable('permission denied', { cause })
    case '12': return new ServiceReturnedUnexpectedResult('the server has no health service', { cause })
    case '16': return new ServiceUnavailable('authentication failed', { cause })
    default: return new ServiceUnavailable(`failed with code ${code} of gRPC`, { cause })
  }
}

function explained (error: unknown): unknown {
  const { code = '', message = '' } = error as NodeJS.ErrnoException
  if (!code.startsWith('ERR_HTTP2_') || wordsFor(error) !== undefined) return unavailable(error)
  return /Protocol error|HTTP_1_1_REQUIRED/.test(message) ? notGRPC(error) : new ServiceUnavailable('connection lost', { cause: error })
}
