// Apart from the code that uses them: importing this package must need the types of no driver.
import type { FastifyInstance } from 'fastify'

/** Where a client of the app is: the name of a decorator, which dots may reach into, a function of the app, or the client itself. */
export type ClientOption<Client> = string | Client | ((app: FastifyInstance) => Client | Promise<Client>)

/** Which PostgreSQL: `app.pg` of @fastify/postgres, one of its named instances, another pool of the app, or a connection of the check's own. */
export interface PostgresSource {
  /** The name that @fastify/postgres was registered with. */
  name?: string
  /** A pool of pg: the name of a decorator, which dots may reach into, a function of the app, or the pool itself. */
  client?: ClientOption<PgPoolLike>
  /**
   * A connection of the check's own, kept between runs. The URL may name several hosts and a `target_session_attrs`, as libpq has them:
   * `postgres://one:5432,two:5432/shop?target_session_attrs=read-write`.
   */
  connectionString?: string
  /**
   * What a pool of the app counts as that has no connection to lend: `fail` is unavailable; `warn` and `pass` ask over one connection of
   * the check's own, made from the options of the pool and kept.
   *
   * @default 'fail'
   */
  whenExhausted?: 'fail' | 'warn' | 'pass'
}

/** What is asked of a pool of pg. */
export interface PgPoolLike {
  connect (): Promise<object>
}

/** What is asked of PostgreSQL. */
export interface PostgresOptions extends PostgresSource {
  /**
   * `true`: fails where the server takes no writes: a standby, or one whose `default_transaction_read_only` is on. A URL with
   * `target_session_attrs=read-write` means the same.
   *
   * @default false
   */
  writable?: boolean
}

/** Which Redis: `app.redis` of @fastify/redis, one of its namespaces, another client of the app, or a connection of the check's own. */
export interface RedisSource<Client extends object = IORedisLike> {
  /** The namespace that @fastify/redis was registered with. */
  namespace?: string
  /** A client of the app: the name of a decorator, which dots may reach into, a function of the app, or the client itself. */
  client?: ClientOption<Client>
  /** A connection of the check's own, kept between runs. */
  url?: string
}

/** A client of ioredis, or its `Cluster`. */
export interface IORedisLike {
  readonly status: string
}

/** A client of node-redis 4 or 5 (the package `redis`), or its cluster, pool or sentinel. */
export interface NodeRedisLike {
  readonly isOpen: boolean
}

/** What is asked of Redis. */
export interface RedisOptions extends RedisSource<IORedisLike | NodeRedisLike> {
  /**
   * `true`: fails where a write would be refused, as on a replica, at `maxmemory` without eviction, or with too few replicas. It asks by a
   * `SETRANGE` that changes nothing.
   *
   * @default false
   */
  writable?: boolean
}

/** Which broker: a connection of the app, or one of the checks' own, which is kept between runs. One of the three is given. */
export interface AmqpSource {
  /** A connection of amqplib or of amqp-connection-manager: the name of a decorator, which dots may reach into, a function of the app, or the connection. */
  client?: ClientOption<AmqpClientLike>
  /** `amqp://` or `amqps://`. */
  url?: string
  /** URLs of the brokers of one cluster. The first that takes a connection is asked. */
  urls?: string[]
}

/** A `ChannelModel` of amqplib, or a connection of amqp-connection-manager. */
export interface AmqpClientLike {
  createChannel (): object
}

/** Which workers, by their heartbeats in Redis. */
export interface HeartbeatRedisOptions extends RedisSource {
  /** The `cluster` that the workers were started with. */
  cluster: string
  /** The statuses that do not count as healthy; default `Stopping` and `Stopped`. */
  unhealthyStatuses?: string[]
}
