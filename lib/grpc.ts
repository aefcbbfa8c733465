import type { sendUnaryData, Server, ServerUnaryCall, ServerWritableStream, ServiceDefinition } from '@grpc/grpc-js'
import {
  decodeListResponse, decodeRequest, decodeResponse, encodeListResponse, encodeRequest, encodeResponse, servingStatus,
} from './clients/grpc-health.js'
import type { HealthCheckRequest, HealthCheckResponse, HealthListResponse, ServingStatus } from './clients/grpc-health.js'
import type { HealthRegistry } from './engine/registry.js'
import { FST_HEALTH_INVALID_DURATION } from './errors.js'
import { milliseconds } from './values/rules.js'
import { shown } from './values/shown.js'
import type { Verdict } from '../types/report.js'

export interface HealthServiceOptions {
  /**
   * The subset that answers for the empty name, which stands for the whole server.
   *
   * @default 'readiness'
   */
  overall?: string
  /**
   * A watched subset is run every so many milliseconds. Checks with an `interval` or a `cacheFor` do not run more often because of that. A
   * change that another probe finds is sent at once.
   *
   * @default 10_000
   */
  watchInterval?: number
}

const servicePath = '/grpc.health.v1.Health'

/** `grpc.health.v1.Health`: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
const definition = {
  Check: {
    path: `${servicePath}/Check`,
    requestStream: false,
    responseStream: false,
    requestSerialize: encodeRequest,
    requestDeserialize: decodeRequest,
    responseSerialize: encodeResponse,
    responseDeserialize: decodeResponse,
  },
  Watch: {
    path: `${servicePath}/Watch`,
    requestStream: false,
    responseStream: true,
    requestSerialize: encodeRequest,
    requestDeserialize: decodeRequest,
    responseSerialize: encodeResponse,
    responseDeserialize: decodeResponse,
  },
  List: {
    path: `${servicePath}/List`,
    requestStream: false,
    responseStream: false,
    requestSerialize: encodeRequest,
    requestDeserialize: decodeRequest,
    responseSerialize: encodeListResponse,
    responseDeserialize: decodeListResponse,
  },
} satisfies ServiceDefinition

// https://grpc.io/docs/guides/status-codes/
const notFound = 5
const resourceExhausted = 8

/** A list of more services than this is refused, as the protocol demands. */
const longestList = 100

const shortest = milliseconds(1)

/**
 * Adds `grpc.health.v1.Health` to a server of @grpc/grpc-js. The name of a service is the name of a subset. `Check` runs it; an unknown one
 * is `NOT_FOUND`. `Watch` sends the first verdict, and then each change; an unknown one is `SERVICE_UNKNOWN`. A subset that drains is
 * `NOT_SERVING`.
 *
 * @returns a function that ends every watch; without it, `server.tryShutdown` waits for them
 * @throws FST_HEALTH_INVALID_DURATION if `watchInterval` is no number of milliseconds
 */
export function addHealthService (
  server: Pick<Server, 'addService'>,
  health: HealthRegistry,
  { overall = 'readiness', watchInterval = 10_000 }: HealthServiceOptions = {}
): () => void {
  if (!shortest.test(watchInterval)) throw new FST_HEALTH_INVALID_DURATION('`watchInterval`', shortest.expected, shown(watchInterval))
  const subsetOf = (service: string) => service === '' ? overall : service
  const watched = new Map<string, WatchedSubset>()
  const onVerdict = ({ subset, healthy }: Verdict) => watched.get(subset)?.tell(healthy ? servingStatus.SERVING : servingStatus.NOT_SERVING)
  const forget = (subset: string) => {
    watched.delete(subset)
    if (watched.size === 0) health.off('verdict', onVerdict)
  }

  server.addService(definition, {
    async Check (call: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>, callback: sendUnaryData<HealthCheckResponse>) {
      const status = await askStatus(health, subsetOf(call.request.service), timeLeft(call.getDeadline()))
      if (status === servingStatus.SERVICE_UNKNOWN) callback({ code: notFound, details: 'unknown service' })
      else callback(null, { status })
    },

    Watch (call: Watcher) {
      const subset = subsetOf(call.request.service)
      if (watched.size === 0) health.on('verdict', onVerdict)
      const known = watched.get(subset) ??
        new WatchedSubset(async () => await askStatus(health, subset), watchInterval, () => forget(subset))
      watched.set(subset, known)
      known.add(call)
    },

    async List (call: ServerUnaryCall<unknown, HealthListResponse>, callback: sendUnaryData<HealthListResponse>) {
      const subsets = health.subsets()
      if (subsets.length > longestList) return callback({ code: resourceExhausted, details: 'too many services to list' })
      const names = subsets.includes(overall) ? ['', ...subsets] : subsets
      const left = timeLeft(call.getDeadline())
      const statuses = await Promise.all(
        names.map(async name => [name, { status: await askStatus(health, subsetOf(name), left) }] as const)
      )
      callback(null, { statuses: Object.fromEntries(statuses) })
    },
  })
  return () => { for (const subset of watched.values()) subset.end() }
}

type Watcher = ServerWritableStream<HealthCheckRequest, HealthCheckResponse>

/** The clients that watch one subset. They share one run in each interval. */
class WatchedSubset {
  readonly #ask: () => Promise<ServingStatus>
  readonly #unwatched: () => void
  /** The status that each client was sent last. */
  readonly #watchers = new Map<Watcher, ServingStatus | undefined>()
  readonly #timer: NodeJS.Timeout
  /** The clients that had not read all of their messages at the last run of the subset. */
  #stuck: readonly Watcher[] = []
  #status: ServingStatus | undefined

  constructor (ask: () => Promise<ServingStatus>, interval: number, unwatched: () => void) {
    this.#ask = ask
    this.#unwatched = unwatched
    this.#timer = setInterval(() => { this.#refresh() }, interval).unref()
    this.#refresh()
  }

  add (watcher: Watcher): void {
    this.#watchers.set(watcher, undefined)
    watcher.on('cancelled', () => this.#remove(watcher))
    this.#send()
  }

  tell (status: ServingStatus): void {
    this.#status = status
    this.#send()
  }

  end (): void {
    for (const watcher of this.#watchers.keys()) this.#end(watcher)
  }

  #end (watcher: Watcher): void {
    this.#remove(watcher)
    watcher.end()
  }

  async #refresh (): Promise<void> {
    this.#endStuck()
    this.tell(await this.#ask())
  }

  // A call that ended before its whole request arrived emits no `cancelled`. It takes no messages, like a client that does not read.
  #endStuck (): void {
    for (const watcher of this.#stuck) if (watcher.writableLength > 0) this.#end(watcher)
    this.#stuck = [...this.#watchers.keys()].filter(({ writableLength }) => writableLength > 0)
  }

  #remove (watcher: Watcher): void {
    const wasThere = this.#watchers.delete(watcher)
    if (!wasThere || this.#watchers.size > 0) return
    clearInterval(this.#timer)
    this.#unwatched()
  }

  // Only changes are sent, since the messages to a client that does not read stay in the memory of this process.
  #send (): void {
    const status = this.#status
    if (status === undefined) return
    for (const [watcher, sent] of this.#watchers) {
      if (sent === status) continue
      this.#watchers.set(watcher, status)
      watcher.write({ status })
    }
  }
}

async function askStatus (health: HealthRegistry, subset: string, deadline?: number): Promise<ServingStatus> {
  if (!health.subsets().includes(subset)) return servingStatus.SERVICE_UNKNOWN
  // The client cannot extend the deadline of the settings.
  const isSooner = deadline !== undefined && !(deadline >= (health.settings.deadline ?? Infinity))
  const { healthy } = await health.run(subset, isSooner ? { deadline } : {})
  return healthy ? servingStatus.SERVING : servingStatus.NOT_SERVING
}

/** Returns the milliseconds until the client's deadline, less a tenth for the way back, or `undefined` if the client gave none. */
function timeLeft (deadline: Date | number): number | undefined {
  const left = Math.floor((Number(deadline) - Date.now()) * 0.9)
  return shortest.test(left) ? left : undefined
}
