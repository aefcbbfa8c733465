// Apart from the code that uses them: importing this package must need the types of no driver.

/** Which PostgreSQL: `app.pg` of @fastify/postgres, one of its named instances, or a connection of the check's own. */
export interface PostgresSource {
  /** The name that @fastify/postgres was registered with. */
  name?: string
  /** A connection of the check's own, kept between runs. */
  connectionString?: string
}

/** Which Redis: `app.redis` of @fastify/redis, one of its namespaces, or a connection of the check's own. */
export interface RedisSource {
  /** The namespace that @fastify/redis was registered with. */
  namespace?: string
  /** A connection of the check's own, kept between runs. */
  url?: string
}

/** What is asked of Redis. */
export interface RedisOptions extends RedisSource {
  /**
   * `true`: fails where a write would be refused, as on a replica, at `maxmemory` without eviction, or with too few replicas. It asks by a
   * `SETRANGE` that changes nothing.
   *
   * @default false
   */
  writable?: boolean
}

/** Which broker. The connection is the checks' own: one for each URL, kept between runs. */
export interface AmqpSource {
  /** `amqp://` or `amqps://`. */
  url: string
}

/** Which workers, by their heartbeats in Redis. */
export interface HeartbeatRedisOptions extends RedisSource {
  /** The `cluster` that the workers were started with. */
  cluster: string
  /** The statuses that do not count as healthy; default `Stopping` and `Stopped`. */
  unhealthyStatuses?: string[]
}
