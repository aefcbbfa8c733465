import { connect, isIP, type Socket } from 'node:net'
import { HealthCheck } from '../check.js'
import { clientRule, hasMethods, type ClientOption } from '../clients/client.js'
import { causes } from '../clients/driver-errors.js'
import { eitherRequirements, withEither, type Given, type Way } from '../clients/either.js'
import { withoutDriver } from '../clients/requirements.js'
import { pem, tlsMaterial, tlsRequirements, type TLSMaterial } from '../clients/tls.js'
import { isHealthCheckError, lacking, ServiceUnavailable } from '../errors.js'
import { flag, rule, texts } from '../values/rules.js'
import type { CheckContext, OptionRules, Requirement, RequirementsContext, RulesOf } from '../../types/check.js'

interface Topic {
  readonly name: string
  readonly partitions: ReadonlyArray<{ readonly leader: number }>
}

/** The part of an admin of kafkajs or @confluentinc/kafka-javascript that the check uses. */
export interface KafkaAdminLike {
  listTopics (): Promise<string[]>
  fetchTopicMetadata (options: { topics: string[] }): Promise<{ topics: Topic[] } | Topic[]>
}

/** The part of a client of @platformatic/kafka that the check uses. */
export interface PlatformaticKafkaLike {
  metadata (options: {
    topics: string[]
    forceUpdate: true
    autocreateTopics: false
  }): Promise<{ topics: ReadonlyMap<string, Omit<Topic, 'name'>> }>
}

/** The login of a connection that the check opens. */
export interface KafkaSASL {
  mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  username: string
  password: string
}

/** The options. Exactly one of `client` and `brokers` must be given. */
export interface KafkaOptions extends TLSMaterial {
  /**
   * An admin of kafkajs or @confluentinc/kafka-javascript, or any client of @platformatic/kafka: the name of a decorator (dots reach into
   * it), a function of the app, or the client itself.
   */
  client?: ClientOption<KafkaAdminLike | PlatformaticKafkaLike>
  /** A list of `'host:port'`. The check makes a client for them, and keeps it between runs. */
  brokers?: string[]
  /** These topics must exist, with a leader for every partition. */
  topics?: string[]
  /**
   * `true` uses TLS to the `brokers`. Giving `ca`, `cert` or `key` does so as well.
   *
   * @default false
   */
  tls?: boolean
  /** The login for the `brokers`. */
  sasl?: KafkaSASL
}

type Client = KafkaAdminLike | PlatformaticKafkaLike
type Driver = Pick<typeof import('kafkajs'), 'Kafka' | 'logLevel'> & { readonly tls: typeof import('node:tls') }
type KafkaTarget =
  & Required<Pick<KafkaOptions, 'brokers'>>
  & Pick<KafkaOptions, 'sasl'>
  & { readonly ssl: ReturnType<typeof tlsMaterial> | undefined }

// The timeout of the run is shorter, and closes the sockets.
const driverTimeout = 60_000

const way: Way<Client, Driver, KafkaTarget> = {
  kind: {
    takes: 'an admin of kafkajs or @confluentinc/kafka-javascript, or a client of @platformatic/kafka',
    fits: value => hasMethods(value, 'fetchTopicMetadata') || (hasMethods(value, 'metadata') && hasMethods(value, 'connectToBrokers')),
    hint: "Decorate it: app.decorate('kafka', kafka.admin()), or give the check its `brokers`.",
  },
  own: 'brokers',
  driver: {
    name: 'kafkajs',
    load: async () => {
      const { default: { Kafka, logLevel } } = await import('kafkajs').catch(withoutDriver('kafkajs'))
      return { Kafka, logLevel, tls: await import('node:tls') }
    },
  },
  connect ({ Kafka, logLevel, tls }, { brokers, sasl, ssl }) {
    const sockets = new Set<Socket>()
    let isDestroyed = false
    const admin = new Kafka({
      clientId: 'fastify-health',
      brokers,
      ...(sasl === undefined ? {} : { sasl: { ...sasl } as never }),
      ...(ssl === undefined ? {} : { ssl }),
      // Each retry asks the next broker of the list.
      retry: { retries: brokers.length - 1, initialRetryTime: 1, maxRetryTime: 1 },
      connectionTimeout: driverTimeout,
      requestTimeout: driverTimeout,
      logLevel: logLevel.NOTHING,
      socketFactory ({ host, port, ssl, onConnect }) {
        if (isDestroyed) throw new Error('The connection was given up')
        const socket = ssl
          ? tls.connect({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
          : connect({ host, port }, onConnect)
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
        return socket
      },
    }).admin()
    return {
      connected: admin.connect().then(() => admin),
      isLost: failure => failure !== undefined,
      destroy () {
        isDestroyed = true
        // kafkajs stops its timers only if a socket ends with an error.
        for (const socket of sockets) socket.destroy(new Error('The connection was given up'))
      },
    }
  },
}

const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512']

/** Passes if the cluster answers with its metadata, and each topic has a leader for every partition. */
export class KafkaCheck extends HealthCheck<KafkaOptions> {
  static override readonly rules: OptionRules = {
    client: clientRule(way.kind),
    brokers: rule("a list of 'host:port' that is not empty", value => Array.isArray(value) && value.length > 0 &&
      value.every(broker => typeof broker === 'string' && /^[^\s:/]+:\d{1,5}$/.test(broker))),
    topics: texts(),
    tls: flag(),
    ca: pem(),
    cert: pem(),
    key: pem({ secret: true }),
    sasl: rule(`an object of mechanism (${mechanisms.join(', ')}), username and password`, value => {
      const { mechanism, username, password } = (value ?? {}) as Record<string, unknown>
      return mechanisms.includes(mechanism as string) && typeof username === 'string' && typeof password === 'string'
    }, { secret: true }),
  } satisfies RulesOf<KafkaOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    const { ca, cert, key } = this.options
    const misplaced = this.#misplaced()
    if (misplaced !== undefined) return [misplaced]
    return [...await eitherRequirements(way, this.#given(), context), ...await tlsRequirements({ ca, cert, key })]
  }

  override async check (context: CheckContext) {
    const { topics = [] } = this.options
    const misplaced = this.#misplaced()
    if (misplaced !== undefined) throw lacking([misplaced])
    try {
      const found = await withEither(context, way, this.#given(), client => partitionsOf(client, topics))
      for (const name of topics) {
        const partitions = found.get(name)
        if (partitions === undefined) this.addError(new ServiceUnavailable(`the topic '${name}' does not exist`))
        else if (partitions.some(({ leader }) => leader < 0)) {
          this.addError(new ServiceUnavailable(`a partition of the topic '${name}' has no leader`))
        }
      }
    } catch (error) {
      throw explained(error)
    }
  }

  /** Returns a requirement (E007) if options are given that the check would ignore. */
  #misplaced (): Requirement | undefined {
    const { client, tls, ca, cert, key, sasl } = this.options
    const names = Object.entries({ tls, ca, cert, key, sasl }).filter(([, value]) => value !== undefined).map(([name]) => `\`${name}\``)
    if (client === undefined || names.length === 0) return undefined
    return {
      message: `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} given with \`client\``,
      hint: 'Leave this out: a client of the app is made with TLS and a login of its own.',
    }
  }

  #given (): Given<Client, KafkaTarget> {
    const { client, brokers, sasl, tls = false, ca, cert, key } = this.options
    const material = tlsMaterial({ ca, cert, key })
    const ssl = tls || Object.keys(material).length > 0 ? material : undefined
    return { client, own: brokers === undefined ? undefined : { brokers, sasl, ssl } as KafkaTarget }
  }
}

async function partitionsOf (client: Client, topics: string[]): Promise<ReadonlyMap<string, Topic['partitions']>> {
  if (!('fetchTopicMetadata' in client)) {
    const found = await client.metadata({ topics, forceUpdate: true, autocreateTopics: false })
    return new Map([...found.topics].map(([name, { partitions }]) => [name, partitions]))
  }
  // kafkajs lets the cluster create a topic whose metadata is fetched, so only those that exist may be asked for.
  const existing = new Set(await client.listTopics())
  const asked = topics.filter(name => existing.has(name))
  if (asked.length === 0) return new Map()
  const found = await client.fetchTopicMetadata({ topics: asked })
  return new Map((Array.isArray(found) ? found : found.topics).map(({ name, partitions }) => [name, partitions]))
}

// The words for the codes of https://kafka.apache.org/protocol#protocol_error_codes and of librdkafka, and for the names of kafkajs.
const words = new Map<unknown, string>([
  ['KafkaJSSASLAuthenticationError', 'authentication failed'],
  ['KafkaJSServerDoesNotSupportApiKey', 'SASL is not supported'],
  ['UNKNOWN_TOPIC_OR_PARTITION', 'a topic does not exist'],
  ['LEADER_NOT_AVAILABLE', 'a partition has no leader'],
  ['TOPIC_AUTHORIZATION_FAILED', 'permission denied'],
  ['CLUSTER_AUTHORIZATION_FAILED', 'permission denied'],
  ['KafkaJSConnectionClosedError', 'connection lost'],
  ['PLT_KFK_AUTHENTICATION', 'authentication failed'],
  ['SASL_AUTHENTICATION_FAILED', 'authentication failed'],
  ['ERR__TRANSPORT', 'connection lost'],
  ['ERR__ALL_BROKERS_DOWN', 'no broker can be reached'],
  ['ERR__RESOLVE', 'host not found'],
  ['ERR__TIMED_OUT', 'timed out'],
  ['ERR__SSL', 'TLS handshake failed'],
  ['ERR__AUTHENTICATION', 'authentication failed'],
  ['ERR__STATE', 'client is not connected'],
  ['ERR_UNKNOWN_TOPIC_OR_PART', 'a topic does not exist'],
  ['ERR_LEADER_NOT_AVAILABLE', 'a partition has no leader'],
  ['ERR_SASL_AUTHENTICATION_FAILED', 'authentication failed'],
  ['ERR_TOPIC_AUTHORIZATION_FAILED', 'permission denied'],
  ['ERR_CLUSTER_AUTHORIZATION_FAILED', 'permission denied'],
])

function explained (error: unknown): unknown {
  if (isHealthCheckError(error)) return error
  const said = isTrip(error) ? 'connection lost' : wordsOf(error)
  return said === undefined ? error : new ServiceUnavailable(said, { cause: error })
}

/** If no broker answers, kafkajs hides the reason, and fails with a TypeError because of the missing answer. */
function isTrip (error: unknown): boolean {
  const { name, stack } = error as Error
  return name === 'TypeError' && stack?.includes('kafkajs') === true
}

function wordsOf (error: unknown): string | undefined {
  for (const cause of causes(error)) {
    // @platformatic/kafka gives the names of Kafka's codes in `apiId`, and codes of its own.
    const { type, name, apiId, code } = cause as { type?: unknown, name?: unknown, apiId?: unknown, code?: unknown }
    const found = [type, name, apiId, code].map(key => words.get(key)).find(text => text !== undefined)
    if (found !== undefined) return found
  }
}

export default KafkaCheck
