// These types stand apart from the code that uses them, so that an import of this package needs no types of a driver.
import type { FastifyInstance } from 'fastify'

/** A client of the app: the name of a decorator (dots reach into it), a function of the app, or the client itself. */
export type ClientOption<Client> = string | Client | ((app: FastifyInstance) => Client | Promise<Client>)

/** What an exhausted pool of the app is: a failure, a warning, or nothing. */
export type WhenExhausted = 'fail' | 'warn' | 'pass'

/**
 * The PostgreSQL that is asked: `app.pg` of @fastify/postgres, one of its named instances, another pool of the app, or a connection of the
 * check itself. Without options it is `app.pg`.
 */
export interface PostgresSource {
  /** The name that @fastify/postgres was registered with. */
  name?: string
  /** A pool of pg: the name of a decorator (dots reach into it), a function of the app, or the pool itself. */
  client?: ClientOption<PgPoolLike>
  /**
   * The URL of a connection that the check opens and keeps between runs. As in libpq, it may name several hosts and `target_session_attrs`:
   * `postgres://one:5432,two:5432/shop?target_session_attrs=read-write`.
   */
  connectionString?: string
  /**
   * Decides what happens when the pool of the app has no free connection. `fail` reports `unavailable`. `warn` and `pass` ask over one
   * connection of the check itself, which is made from the options of the pool and kept.
   *
   * @default 'fail'
   */
  whenExhausted?: WhenExhausted
}

/** The part of a pool of pg that the check calls. */
export interface PgPoolLike {
  connect (): Promise<object>
}

/** The options of the PostgreSQL check. */
export interface PostgresOptions extends PostgresSource {
  /**
   * `true` makes the check fail if the server accepts no writes, because it is a standby or its `default_transaction_read_only` is on. A
   * URL with `target_session_attrs=read-write` means the same.
   *
   * @default false
   */
  writable?: boolean
}

/**
 * The Redis that is asked: `app.redis` of @fastify/redis, one of its namespaces, another client of the app, or a connection of the check
 * itself. Without options it is `app.redis`.
 */
export interface RedisSource<Client extends object = IORedisLike> {
  /** The namespace that @fastify/redis was registered with. */
  namespace?: string
  /** A client of the app: the name of a decorator (dots reach into it), a function of the app, or the client itself. */
  client?: ClientOption<Client>
  /** The URL of a connection that the check opens and keeps between runs. */
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

/** The options of the Redis check. */
export interface RedisOptions extends RedisSource<IORedisLike | NodeRedisLike> {
  /**
   * `true` makes the check fail if Redis would refuse a write: on a replica, at `maxmemory` without eviction, or with too few replicas. The
   * check sends a `SETRANGE` that changes nothing.
   *
   * @default false
   */
  writable?: boolean
  /**
   * Decides what happens when a pool of node-redis has no free client. `fail` reports `unavailable`. `warn` and `pass` ask over one
   * connection of the check itself, which is made from the options of the pool and kept.
   *
   * @default 'fail'
   */
  whenExhausted?: WhenExhausted
}

/** The broker that is asked, over a connection of the app or of the check itself. Exactly one of the three options is given. */
export interface AmqpSource {
  /**
   * A connection of amqplib or amqp-connection-manager: the name of a decorator (dots reach into it), a function of the app, or the
   * connection itself.
   */
  client?: ClientOption<AmqpClientLike>
  /** The URL of a broker, `amqp://` or `amqps://`. The check opens a connection and keeps it between runs. */
  url?: string
  /** The URLs of the brokers of one cluster. The check asks the first broker that accepts a connection. */
  urls?: string[]
}

/** A `ChannelModel` of amqplib, or a connection of amqp-connection-manager. */
export interface AmqpClientLike {
  createChannel (): object
}

/** The workers that are counted, by their heartbeats in Redis. */
export interface HeartbeatRedisOptions extends RedisSource {
  /** The `cluster` that the workers were started with. */
  cluster: string
  /**
   * A worker with one of these statuses does not count as healthy.
   *
   * @default ['Stopping', 'Stopped']
   */
  unhealthyStatuses?: string[]
}
