import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { HealthCheck } from '../check.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable, ServiceWarning } from '../errors.js'
import { isRecord } from '../values/plain-data.js'
import { decodableUrl } from '../values/rules.js'
import { interruptionOf } from '../time/stop-signal.js'
import { clientRule, type ClientOption } from './client.js'
import { wordsFor } from './driver-errors.js'
import { eitherRequirements, withEither, type Given, type Way } from './either.js'
import type { CheckContext, OptionRules, RequirementsContext, RulesOf } from '../../types/check.js'

/** The part of a client of Elasticsearch or OpenSearch that the check uses. */
export interface SearchClientLike {
  readonly cluster: { health (parameters: object, options: object): Promise<unknown> }
}

/** The options. Exactly one of `client` and `url` must be given. */
export interface SearchOptions {
  /** The client: the name of a decorator (dots reach into it), a function of the app, or the client itself. */
  client?: ClientOption<SearchClientLike>
  /** The URL of the cluster, `http://` or `https://`, with an optional user and password. The check then sends its own request. */
  url?: string
}

const way: Way<SearchClientLike, unknown, string> = {
  kind: {
    takes: 'a client of Elasticsearch or OpenSearch',
    fits: value => isRecord(value) && isRecord(value['cluster']) && typeof value['cluster']['health'] === 'function',
    hint: "Decorate it: app.decorate('search', new Client(…)), or give the check a `url`.",
  },
  own: 'url',
  connect (_driver, url) {
    const stopped = new AbortController()
    return {
      connected: Promise.resolve({ cluster: { health: () => get(new URL(url), stopped.signal) } }),
      // No connection is kept, since each run makes one request.
      isLost: () => true,
      destroy: () => stopped.abort(),
    }
  },
}

/** At most this many bytes of an answer are read. The health of a cluster has some hundreds. */
const longestBody = 65_536

async function get (url: URL, signal: AbortSignal): Promise<unknown> {
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  const asked = request(new URL(`${url.pathname.replace(/\/$/, '')}/_cluster/health`, url), {
    agent: false,
    signal,
    headers: { accept: 'application/json' },
    auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`,
  })
  if (url.username === '') asked.removeHeader('authorization')
  asked.on('error', () => {})
  asked.end()
  const [response] = await once(asked, 'response') as [IncomingMessage]
  const text = await bodyText(response).finally(() => response.destroy())
  if (response.statusCode !== 200) throw refused(response.statusCode as number)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ServiceReturnedUnexpectedResult('the answer is not JSON', { cause: error })
  }
}

async function bodyText (response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk
    if (text.length > longestBody) throw new ServiceReturnedUnexpectedResult('the answer is too long')
  }
  return text
}

function refused (status: number, cause?: unknown): Error {
  if (status === 401) return new ServiceUnavailable('authentication failed', { cause })
  if (status === 403) return new ServiceUnavailable('permission denied', { cause })
  return new ServiceUnavailable(`answered ${status}`, { cause })
}

/** Passes when the cluster's health is green. Yellow is a warning: every primary shard is there, and a replica is not. */
export class SearchCheck extends HealthCheck<SearchOptions> {
  static override readonly rules: OptionRules = {
    client: clientRule(way.kind),
    url: decodableUrl(['http', 'https']),
  } satisfies RulesOf<SearchOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    return await eitherRequirements(way, this.#given(), context)
  }

  override async check (context: CheckContext) {
    const { timeout } = context
    const health = await withEither(context, way, this.#given(), async client => {
      try {
        return await client.cluster.health({}, { maxRetries: 0, requestTimeout: timeout })
      } catch (error) {
        throw interruptionOf(context).aborted ? error : explained(error)
      }
    })
    // The clients of OpenSearch, and of Elasticsearch before version 8, return a response with the health in its `body`.
    const { status, unassigned_shards: unassigned } = isRecord(health) && isRecord(health['body']) ? health['body'] : Object(health)
    if (status === 'green') return
    if (status === 'yellow') throw new ServiceWarning(`the cluster is yellow: ${unassigned} shards have no node`)
    if (status === 'red') throw new ServiceUnavailable(`the cluster is red: ${unassigned} shards have no node`)
    throw new ServiceReturnedUnexpectedResult('the answer tells no health of a cluster')
  }

  #given (): Given<SearchClientLike, string> {
    return { client: this.options.client, own: this.options.url }
  }
}

interface ClientError {
  readonly statusCode?: unknown
  readonly meta?: { readonly statusCode?: unknown }
}

function explained (error: unknown): unknown {
  const { statusCode, meta } = error as ClientError
  const status = meta?.statusCode ?? statusCode
  return typeof status === 'number' && wordsFor(error) === undefined ? refused(status, error) : error
}
