import type { MongoClient } from 'mongodb'
import { HealthCheck } from '../check.js'
import { clientRule, hasMethods, type ClientOption } from '../clients/client.js'
import { eitherRequirements, withEither, type Given, type Way } from '../clients/either.js'
import { mongoConnection, oneConnection, poolOfMongo } from '../clients/mongodb.js'
import { whenExhaustedRule, type PoolOfApp } from '../clients/pool-of-app.js'
import { withoutDriver } from '../clients/requirements.js'
import { ServiceReturnedUnexpectedResult, ServiceUnavailable } from '../errors.js'
import { flag, rule } from '../values/rules.js'
import type { CheckContext, OptionRules, RequirementsContext, RulesOf } from '../../types/check.js'
import type { WhenExhausted } from '../../types/sources.js'

/** The part of a database of the package mongodb that the check uses. */
interface Database {
  command (command: object): Promise<Record<string, unknown>>
}

/** A MongoClient. */
export interface MongoClientLike {
  db (name?: string): Database
}

/** The decorator of @fastify/mongodb. */
export interface MongoDecorator {
  readonly client: MongoClientLike
}

/** mongoose, or a connection of it. */
export interface MongooseLike {
  getClient (): MongoClientLike
}

/** The options. At most one of `client` and `url` may be given. */
export interface MongoDBOptions {
  /**
   * A MongoClient, mongoose or its connection: the name of a decorator (dots reach into it), a function of the app, or the client itself.
   *
   * @default 'mongo', which is that of @fastify/mongodb
   */
  client?: ClientOption<MongoClientLike | MongoDecorator | MongooseLike>
  /** The URL, `mongodb://` or `mongodb+srv://`. The check makes a client for it, and keeps it between runs. */
  url?: string
  /**
   * `true` fails if there is no primary that accepts writes.
   *
   * @default false
   */
  writable?: boolean
  /**
   * Decides what happens when the pool of the client has no free connection. `fail` reports `unavailable`. `warn` and `pass` ask over one
   * connection of the check itself, which is made from the options of the pool and kept.
   *
   * @default 'fail'
   */
  whenExhausted?: WhenExhausted
}

type Client = MongoClientLike | MongoDecorator | MongooseLike
type Driver = Pick<typeof import('mongodb'), 'MongoClient'>

const isDecorator = (value: unknown): value is MongoDecorator =>
  typeof value === 'object' && value !== null && 'client' in value && hasMethods(value.client, 'db')

const way: Way<Client, Driver, string> = {
  kind: {
    takes: 'a MongoClient, mongoose or what @fastify/mongodb makes',
    fits: value => hasMethods(value, 'getClient') || isDecorator(value) || hasMethods(value, 'db'),
    hint: "Register it: app.register(import('@fastify/mongodb'), …), name the decorator of yours, or give the check a `url`.",
  },
  pools: { poolOf: mongoPoolOf, telling: 'the package mongodb' },
  own: 'url',
  driver: { name: 'mongodb', load: async () => await import('mongodb').catch(withoutDriver('mongodb')) },
  connect: ({ MongoClient }, url) => mongoConnection(new MongoClient(url, oneConnection)),
}

function clientOf (client: Client): MongoClientLike {
  if (hasMethods(client, 'getClient')) return (client as MongooseLike).getClient()
  return isDecorator(client) ? client.client : client as MongoClientLike
}

/** Returns the pool of a client. Only a client of the package mongodb has one that can be seen. */
function mongoPoolOf (client: Client): PoolOfApp | undefined {
  const inner = clientOf(client)
  return hasMethods(inner, 'on') && 'options' in inner ? poolOfMongo(inner as MongoClient) : undefined
}

/** Passes if `ping` answers, and, with `writable`, if there is a primary. */
export class MongoDBCheck extends HealthCheck<MongoDBOptions> {
  static override readonly rules: OptionRules = {
    client: clientRule(way.kind),
    url: rule(
      'a URL that starts with mongodb:// or mongodb+srv://',
      value => typeof value === 'string' && /^mongodb(?:\+srv)?:\/\/[^/?]/.test(value),
      { secret: true }
    ),
    writable: flag(),
    whenExhausted: whenExhaustedRule,
  } satisfies RulesOf<MongoDBOptions>

  static override readonly scope = 'shared'

  override async requirements (context: RequirementsContext) {
    const { whenExhausted } = this.options
    return await eitherRequirements(way, this.#given(), context, whenExhausted)
  }

  override async check (context: CheckContext) {
    const { writable = false, whenExhausted } = this.options
    try {
      await withEither(context, way, this.#given(), async client => {
        const admin = clientOf(client).db('admin')
        // https://www.mongodb.com/docs/manual/reference/command/ping/ and …/hello/
        const { ok } = await admin.command({ ping: 1 })
        if (ok !== 1) throw new ServiceReturnedUnexpectedResult('ping was not answered with ok')
        if (!writable) return
        const { isWritablePrimary } = await admin.command({ hello: 1 })
        if (isWritablePrimary !== true) throw new ServiceUnavailable('there is no primary')
      }, { whenExhausted, warn: warning => this.addError(warning) })
    } catch (error) {
      throw explained(error)
    }
  }

  #given (): Given<Client, string> {
    const { url, client = url === undefined ? 'mongo' : undefined } = this.options
    return { client, own: url }
  }
}

// https://www.mongodb.com/docs/manual/reference/error-codes/
const codes = new Map<unknown, string>([
  [18, 'authentication failed'], [8000, 'authentication failed'], [13, 'permission denied'], [91, 'starting up or shutting down'],
  [189, 'there is no primary'], [10107, 'there is no primary'], [13435, 'there is no primary'],
])

function explained (error: unknown): unknown {
  const { code, name, message = '' } = error as { code?: unknown, name?: string, message?: string }
  const words = codes.get(code) ??
    (name === 'MongoServerSelectionError' && /ReplicaSetNoPrimary/.test(message) ? 'there is no primary' : undefined) ??
    (name === 'MongoNotConnectedError' ? 'client is not connected' : undefined)
  return words === undefined ? error : new ServiceUnavailable(words, { cause: error })
}

export default MongoDBCheck
