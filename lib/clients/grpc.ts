import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { lacking, ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { abortable } from '../time/abortable.js'
import { interruptionOf } from '../time/stop-signal.js'
import { isPlain } from '../values/plain-data.js'
import { flag, rule, withoutNul } from '../values/rules.js'
import { clientRule, type ClientOption } from './client.js'
import { wordsFor } from './driver-errors.js'
import { eitherRequirements, withEither, type Given, type Way } from './either.js'
import { decodeResponse, encodeRequest, type HealthCheckResponse } from './grpc-health.js'
import { withoutDriver } from './requirements.js'
import type { Connection } from './shared-connection.js'
import { pem, tlsMaterial, tlsRequirements, type TLSMaterial } from './tls.js'
import type { CheckContext, OptionRules, Requirement, RequirementsContext } from '../../types/check.js'

/** The status of a call that failed. */
interface GRPCError extends Error {
  readonly code: number
  readonly details: string
}

/** What is asked of a client of @grpc/grpc-js. */
export interface GRPCLike {
  getChannel (): { getConnectivityState (tryToConnect: boolean): number }
  makeUnaryRequest (
    method: string,
    serialize: (service: string) => Buffer,
    deserialize: (bytes: Buffer) => Buffer,
    service: string,
    options: { deadline: number },
    callback: (error: GRPCError | null, answer?: Buffer) => void
  ): { cancel (): void }
}

/** TLS of a gRPC connection. */
export interface GRPCTLS extends TLSMaterial {
  /**
   * The name that the server's certificate must be for.
   *
   * @default the host of `target`
   */
  servername?: string
}

/** One of `client` and `target`. */
export interface GRPCSource {
  /** A client of @grpc/grpc-js: the name of a decorator, which dots may reach into, a function of the app, or the client itself. */
  client?: ClientOption<GRPCLike>
  /**
   * The server as gRPC names it, for a connection of the check's own, kept between runs: `orders:50051`, `dns:///orders:50051`,
   * `unix:/run/orders.sock`. Without a port it is 443.
   */
  target?: string
  /**
   * `true`, or what TLS to the `target` takes.
   *
   * @default false
   */
  tls?: boolean | GRPCTLS
}

interface Driver {
  readonly grpc: Pick<typeof import('@grpc/grpc-js'), 'Client' | 'credentials'>
  readonly tls: Pick<typeof import('node:tls'), 'createSecureContext'>
}

type Own = Required<Pick<GRPCSource, 'target'>> & Pick<GRPCSource, 'tls'>

const has = (value: unknown, method: string): boolean => typeof value === 'object' && value !== null && method in value &&
  typeof (value as Record<string, unknown>)[method] === 'function'

const tlsRules: Readonly<Record<string, (value: unknown) => boolean>> = {
  ca: pem().test,
  cert: pem().test,
  key: pem().test,
  servername: withoutNul('').test,
}

const way: Way<GRPCLike, Driver, Own> = {
  kind: {
    takes: 'a client of @grpc/grpc-js',
    fits: value => has(value, 'makeUnaryRequest') && has(value, 'getChannel'),
    hint: "Decorate it: app.decorate('orders', new OrdersClient(…)), or give the check a `target`.",
  },
  own: 'target',
  driver: {
    name: '@grpc/grpc-js',
    load: async () => ({ grpc: await import('@grpc/grpc-js').catch(withoutDriver('@grpc/grpc-js')), tls: await import('node:tls') }),
  },
  connect: connectionTo,
}

export const grpcRules: OptionRules = {
  client: clientRule(way.kind),
  target: rule("the target of a gRPC server, such as 'orders:50051' or 'unix:/run/orders.sock'", value => typeof value === 'string' && isTarget(value)),
  tls: rule('true, false, or an object with any of: ca, cert, key (PEM), servername', value => flag().test(value) || (isPlain(value) &&
    Object.entries(value).every(([name, given]) => Object.hasOwn(tlsRules, name) && (given === undefined || tlsRules[name]?.(given)))), { secret: true }),
}

export async function grpcRequirements (source: GRPCSource, context: RequirementsContext): Promise<Requirement[]> {
  const misplaced = misplacedIn(source)
  if (misplaced !== undefined) return [misplaced]
  return [...await eitherRequirements(way, givenBy(source), context), ...await tlsRequirements(materialOf(source.tls))]
}

/** The milliseconds by which a deadline that the server is told is later than the end of the run, which has words of its own. */
const margin = 1000

/** Asks the server's health service about a service. */
export async function healthOf (context: CheckContext, source: GRPCSource, service: string): Promise<HealthCheckResponse> {
  const misplaced = misplacedIn(source)
  if (misplaced !== undefined) throw lacking([misplaced])
  const signal = interruptionOf(context)
  const bytes = await withEither(context, way, givenBy(source), async client => {
    if (stateOf(client) === state.SHUTDOWN) throw new ServiceUnavailable('client is closed')
    let call!: ReturnType<GRPCLike['makeUnaryRequest']>
    const answered = new Promise<Buffer>((resolve, reject) => {
      const deadline = Date.now() + context.timeout + margin
      call = client.makeUnaryRequest('/grpc.health.v1.Health/Check', service => encodeRequest({ service }), bytes => bytes, service, { deadline }, (error, bytes) => {
        if (error === null) resolve(bytes as Buffer)
        else reject(explained(error, stateOf(client)))
      })
    })
    return await abortable(answered, signal, () => call.cancel())
  })
  try {
    return decodeResponse(bytes)
  } catch (error) {
    throw notGRPC(error)
  }
}

/** TLS that the check would ignore. */
function misplacedIn ({ client, tls }: GRPCSource): Requirement | undefined {
  if (client === undefined || tls === undefined) return undefined
  return { message: '`tls` is given with `client`', hint: 'Leave this out: a client of the app is made with TLS of its own.' }
}

function givenBy ({ client, target, tls }: GRPCSource): Given<GRPCLike, Own> {
  return { client, own: target === undefined ? undefined : { target, tls } as Own }
}

/** https://github.com/grpc/grpc/blob/master/doc/naming.md, but for what needs a resolver of gRPC's own. */
function isTarget (target: string): boolean {
  if (/^unix:(?:\/\/(?=\/))?[^\0]+$/.test(target)) return true
  const [, name, port = '443'] = /^(?:dns:(?:\/\/\/)?|ipv[46]:)?(\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(target) ?? []
  return name !== undefined && Number(port) >= 1 && Number(port) <= 65_535
}

function materialOf (tls: GRPCSource['tls']) {
  const { ca, cert, key } = typeof tls === 'object' ? tls : {}
  return { ca, cert, key }
}

/** The most bytes that an answer may hold. One of the health service has two. */
const longestAnswer = 4096

/** The milliseconds that a channel waits until it connects again. */
const longestWait = 1000

const channelOptions = {
  'grpc.initial_reconnect_backoff_ms': longestWait,
  'grpc.max_reconnect_backoff_ms': longestWait,
  'grpc.primary_user_agent': 'fastify-health',
  'grpc.max_receive_message_length': longestAnswer,
  // The connection must not be one that a client of the app uses too.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
  'grpc.enable_http_proxy': 0,
  // It would ask DNS for a TXT record as well.
  'grpc.service_config_disable_resolution': 1,
}

/** The milliseconds that a server may take to end the connection. */
const goodbye = 250

function connectionTo ({ grpc, tls: { createSecureContext } }: Driver, { target, tls = false }: Own): Connection<GRPCLike> {
  const { servername = undefined } = typeof tls === 'object' ? tls : {}
  const credentials = tls === false ? grpc.credentials.createInsecure() : grpc.credentials.createFromSecureContext(createSecureContext(tlsMaterial(materialOf(tls))))
  const client = new grpc.Client(target, credentials, { ...channelOptions, ...(servername === undefined ? {} : { 'grpc.ssl_target_name_override': servername }) })
  const sockets = new Sockets()
  const isReady = () => stateOf(client) === state.READY
  let wasReady = false
  let hasFailed = false
  const close = once(() => client.close())
  const destroy = once(() => {
    close()
    // The channel ends its session in the next tick, and then waits for the server. One that hangs never ends the connection.
    setImmediate(() => sockets.destroy())
  })
  return {
    connected: Promise.resolve<GRPCLike>({
      getChannel: () => client.getChannel(),
      makeUnaryRequest: (method, serialize, deserialize, service, options, callback) => sockets.watch(() => {
        return client.makeUnaryRequest(method, serialize, deserialize, service, options, (error, bytes) => {
          if (isReady()) {
            wasReady = true
            sockets.unwatch()
          } else if (error !== null) {
            // The channel would go on trying to connect, and wait longer each time. A new one connects at once.
            hasFailed = true
            setImmediate(destroy)
          }
          callback(error, bytes)
        })
      }),
    }),
    isLost: () => hasFailed || (wasReady && !isReady()),
    async sayGoodbye () {
      close()
      const late = new AbortController()
      await Promise.race([sockets.closed(), sleep(goodbye, undefined, { signal: late.signal }).catch(() => {})])
      late.abort()
    },
    destroy,
  }
}

function once (action: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) action()
    isDone = true
  }
}

// The numbers of `connectivityState` that matter here.
const state = { READY: 2, SHUTDOWN: 4 } as const

function stateOf (client: Pick<GRPCLike, 'getChannel'>): number {
  return client.getChannel().getConnectivityState(false)
}

/** The sockets of a channel, which does not show them. They are known by the asynchronous context in which Node.js makes them. */
class Sockets {
  readonly #open = new Set<Socket>()
  readonly #context = new AsyncLocalStorage<true>()
  readonly #made = channel('net.client.socket')
  #isWatching = true
  #isOver = false

  constructor () {
    this.#made.subscribe(this.#add)
  }

  /** Calls what may make sockets. */
  watch<T> (call: () => T): T {
    return this.#isWatching ? this.#context.run(true, call) : call()
  }

  /** Ends the context, since it costs every promise of the process a little time. */
  unwatch (): void {
    this.#isWatching = false
    this.#made.unsubscribe(this.#add)
    this.#context.disable()
  }

  async closed (): Promise<void> {
    await Promise.all([...this.#open].map(async socket => await new Promise<void>(resolve => socket.once('close', () => resolve()))))
  }

  /** Destroys the sockets, and one that the channel still makes: closed while it waits to connect again, it connects once more. */
  destroy (): void {
    this.#isOver = true
    for (const socket of this.#open) socket.destroy()
    if (this.#isWatching) setTimeout(() => this.unwatch(), 2 * longestWait).unref()
  }

  readonly #add = (message: unknown): void => {
    if (this.#context.getStore() !== true) return
    const { socket } = message as { socket: Socket }
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    // It is only about to connect, which would make it whole again.
    if (this.#isOver) process.nextTick(() => socket.destroy())
  }
}

// https://grpc.io/docs/guides/status-codes/
const codes = [
  'OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED',
] as const

/** Says in plain words why a call failed. */
function explained (error: GRPCError, now: number): Error {
  const { code, details } = error
  const name = codes[code]
  // A proxy before the server speaks HTTP alone.
  const [, httpStatus] = /^Received HTTP status code (\d+)/.exec(details) ?? []
  if (httpStatus !== undefined) return new ServiceReturnedUnexpectedResult(`answered ${httpStatus}, and not in gRPC`, { cause: error })
  if (name === undefined || /^No message received|without gRPC status/.test(details)) return notGRPC(error)
  if (details.startsWith('Received message larger than max')) return new ServiceReturnedUnexpectedResult('the answer is too long', { cause: error })
  switch (name) {
    case 'DEADLINE_EXCEEDED': return new ServiceUnavailable('timed out', { cause: error })
    case 'NOT_FOUND': return new ServiceReturnedUnexpectedResult('the server knows no such service', { cause: error })
    case 'PERMISSION_DENIED': return new ServiceUnavailable('permission denied', { cause: error })
    case 'UNAUTHENTICATED': return new ServiceUnavailable('authentication failed', { cause: error })
    case 'UNIMPLEMENTED': return new ServiceReturnedUnexpectedResult('the server has no health service', { cause: error })
    case 'UNAVAILABLE':
    case 'INTERNAL':
    case 'UNKNOWN':
      if (now === state.SHUTDOWN) return new ServiceUnavailable('client is closed', { cause: error })
      if (now !== state.READY || details === 'Connection dropped') return unconnected(error)
  }
  return new ServiceUnavailable(`answered ${name}`, { cause: error })
}

// Of what failed before the call, @grpc/grpc-js keeps the text alone.
function unconnected (error: GRPCError): Error {
  const { details } = error
  if (/Protocol error|HTTP_1_1_REQUIRED/.test(details)) return notGRPC(error)
  const words = wordsFor(error) ?? wordsByText.find(([pattern]) => pattern.test(details))?.[1] ?? 'connection lost'
  return new ServiceUnavailable(words, { cause: error })
}

const wordsByText: ReadonlyArray<readonly [pattern: RegExp, words: string]> = [
  [/^Name resolution failed/, 'host not found'],
  [/certificate|altname/i, 'certificate not trusted'],
  [/\bSSL\b/, 'TLS handshake failed'],
]

function notGRPC (cause: unknown): Error {
  return new ServiceUnavailable('what answers does not speak gRPC', { cause })
}
