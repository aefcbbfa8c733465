import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { connectivity, connectivityOf, type GRPCLike } from './grpc-client.js'
import { materialOf, type GRPCTarget } from './grpc-target.js'
import type { Connection } from './shared-connection.js'
import { tlsMaterial } from './tls.js'

export interface GRPCDriver {
  readonly grpc: Pick<typeof import('@grpc/grpc-js'), 'Client' | 'credentials'>
  readonly tls: Pick<typeof import('node:tls'), 'createSecureContext'>
}

/** An answer may have at most this many bytes. An answer of the health service has two. */
const maxAnswerLength = 4096

/** A channel waits at most this many milliseconds before it connects again. */
const longestWait = 1000

const channelOptions = {
  'grpc.initial_reconnect_backoff_ms': longestWait,
  'grpc.max_reconnect_backoff_ms': longestWait,
  'grpc.primary_user_agent': 'fastify-health',
  'grpc.max_receive_message_length': maxAnswerLength,
  // The channel shares no connection with a client of the app.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
  'grpc.enable_http_proxy': 0,
  // Otherwise the channel would also ask DNS for a TXT record.
  'grpc.service_config_disable_resolution': 1,
}

/** Opens a connection of the checks, which is a channel of gRPC. */
export function grpcConnection (
  { grpc, tls: { createSecureContext } }: GRPCDriver,
  { target, tls = false }: GRPCTarget
): Connection<GRPCLike> {
  const { servername = undefined } = typeof tls === 'object' ? tls : {}
  const credentials = tls === false
    ? grpc.credentials.createInsecure()
    : grpc.credentials.createFromSecureContext(createSecureContext(tlsMaterial(materialOf(tls))))
  const client = new grpc.Client(target, credentials, {
    ...channelOptions,
    ...(servername === undefined ? {} : { 'grpc.ssl_target_name_override': servername }),
  })
  const sockets = new Sockets()
  const isReady = () => connectivityOf(client) === connectivity.READY
  let wasReady = false
  let hasFailed = false
  const close = onlyOnce(() => client.close())
  const destroy = onlyOnce(() => {
    close()
    // The channel ends its session in the next tick, and then waits for the server. A server that hangs never ends the connection.
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
            // The channel would continue to try, and wait longer each time. A new channel connects at once.
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
      await sockets.closed()
    },
    destroy,
  }
}

function onlyOnce (action: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) action()
    isDone = true
  }
}

/** The sockets of a channel. The channel does not show them, so they are found by the asynchronous context in which Node.js makes them. */
class Sockets {
  readonly #open = new Set<Socket>()
  readonly #context = new AsyncLocalStorage<true>()
  readonly #made = channel('net.client.socket')
  #isWatching = true
  #isOver = false

  constructor () {
    this.#made.subscribe(this.#add)
  }

  /** Makes a call of the channel, and collects the sockets that it opens. */
  watch<T> (call: () => T): T {
    return this.#isWatching ? this.#context.run(true, call) : call()
  }

  /** Stops collecting, since the asynchronous context costs every promise of the process a little time. */
  unwatch (): void {
    this.#isWatching = false
    this.#made.unsubscribe(this.#add)
    this.#context.disable()
  }

  async closed (): Promise<void> {
    await Promise.all([...this.#open].map(async socket => await new Promise<void>(resolve => socket.once('close', () => resolve()))))
  }

  /**
   * Destroys the sockets. A channel that is closed while it waits to connect again connects once more, so the socket of that connection is
   * destroyed, too.
   */
  destroy (): void {
    this.#isOver = true
    for (const socket of this.#open) socket.destroy()
    // On a machine that is busy, the last connection of the channel may come much later than it waits.
    if (this.#isWatching) setTimeout(() => this.unwatch(), 10 * longestWait).unref()
  }

  readonly #add = (message: unknown): void => {
    if (this.#context.getStore() !== true) return
    const { socket } = message as { socket: Socket }
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    // The socket starts to connect only after this event. That would undo a `destroy` before it.
    if (this.#isOver) process.nextTick(() => socket.destroy())
  }
}
