/** A client that an app may depend on, and the check that asks what it connects to. */
export interface KnownClient {
  /** Its packages on npm. One of them in a package.json means that the app has the client. */
  readonly packages: readonly [string, ...string[]]
  /** The modules of checks that ask it. The entry is one of the first. */
  readonly modules: readonly [string, ...string[]]
  /** The options of the entry, as JavaScript. */
  readonly options: string
  /** The environment variable that the options read. Without one, a person has to complete the entry. */
  readonly env?: string
  /** What a person has to know or do about the entry. */
  readonly note?: string
  /** `true` puts the entry into `readiness` as well: an app can hardly answer a request without it. */
  readonly crucial?: true
}

/** A tool of migrations, which the check reads over a connection to PostgreSQL. */
export interface KnownMigrationTool {
  readonly packages: readonly [string, ...string[]]
  readonly tool: string
  /** The folder that the tool reads where nothing else is configured. */
  readonly dir: string
}

/** How the name of a check's module begins. */
export const checkModules = 'fastify-health/checks/'

const redisAskers = ['redis', 'cache', 'bullmq', 'celery', 'django-q', 'heartbeat'] as const
const sqlAskers = ['sql', 'postgres', 'mysql', 'migrations'] as const
const toDecorate = 'Let `client` be the name of the decorator that holds it, or the client itself.'

// A driver comes before what is built on it, since one entry is enough for both.
export const knownClients: readonly KnownClient[] = [
  {
    packages: ['pg', '@fastify/postgres'],
    modules: ['postgres', 'sql', 'migrations'],
    options: '{ connectionString: process.env.DATABASE_URL }',
    env: 'DATABASE_URL',
    note: 'In an app with @fastify/postgres, the specifier alone asks over the pool of the app.',
    crucial: true,
  },
  {
    packages: ['mysql2', '@fastify/mysql'],
    modules: ['mysql', 'sql'],
    options: '{ url: process.env.MYSQL_URL }',
    env: 'MYSQL_URL',
    note: 'In an app with @fastify/mysql, the specifier alone asks over the pool of the app.',
    crucial: true,
  },
  { packages: ['mariadb'], modules: ['mysql', 'sql'], options: "{ client: 'mariadb' }", note: toDecorate, crucial: true },
  // No entry for a server of PostgreSQL or MySQL asks these two.
  { packages: ['better-sqlite3'], modules: ['sql'], options: "{ client: 'db' }", note: toDecorate, crucial: true },
  { packages: ['mssql'], modules: ['sql'], options: "{ client: 'db' }", note: toDecorate, crucial: true },
  {
    packages: ['postgres', '@prisma/client', 'drizzle-orm', 'knex', 'kysely', 'typeorm', 'sequelize', '@mikro-orm/core'],
    modules: sqlAskers,
    options: "{ client: 'db' }",
    note: toDecorate,
    crucial: true,
  },
  {
    packages: ['mongodb', '@fastify/mongodb'],
    modules: ['mongodb'],
    options: '{ url: process.env.MONGODB_URL }',
    env: 'MONGODB_URL',
    note: 'In an app with @fastify/mongodb, the specifier alone asks over the client of the app.',
    crucial: true,
  },
  { packages: ['mongoose'], modules: ['mongodb'], options: "{ client: 'mongoose' }", note: toDecorate, crucial: true },
  {
    packages: ['ioredis', '@fastify/redis'],
    modules: redisAskers,
    options: '{ url: process.env.REDIS_URL }',
    env: 'REDIS_URL',
    note: 'In an app with @fastify/redis, the specifier alone asks over the client of the app.',
  },
  { packages: ['redis'], modules: redisAskers, options: "{ client: 'redis' }", note: toDecorate },
  {
    packages: ['keyv', 'cache-manager', '@fastify/caching'],
    modules: ['cache'],
    options: "{ cache: 'cache' }",
    note: 'Let `cache` be the name of the decorator that holds it, or the cache itself.',
  },
  {
    packages: ['bullmq'],
    modules: ['bullmq'],
    options: "{ queues: ['mail'], url: process.env.REDIS_URL }",
    note: 'Let `queues` have the names of the queues.',
  },
  {
    packages: ['amqplib', 'amqp-connection-manager'],
    modules: ['rabbitmq', 'celery'],
    options: '{ url: process.env.AMQP_URL }',
    env: 'AMQP_URL',
  },
  { packages: ['celery-node'], modules: ['celery'], options: '{ url: process.env.CELERY_BROKER_URL }', env: 'CELERY_BROKER_URL' },
  {
    packages: ['kafkajs'],
    modules: ['kafka'],
    options: "{ brokers: process.env.KAFKA_BROKERS?.split(',') }",
    env: 'KAFKA_BROKERS',
    note: 'KAFKA_BROKERS is a list: host:port,host:port.',
  },
  {
    packages: ['@platformatic/kafka', '@confluentinc/kafka-javascript'],
    modules: ['kafka'],
    options: "{ client: 'kafka' }",
    note: toDecorate,
  },
  { packages: ['nats', '@nats-io/transport-node'], modules: ['nats'], options: '{ url: process.env.NATS_URL }', env: 'NATS_URL' },
  { packages: ['mqtt'], modules: ['mqtt'], options: '{ url: process.env.MQTT_URL }', env: 'MQTT_URL' },
  {
    packages: ['@elastic/elasticsearch'],
    modules: ['elasticsearch', 'opensearch'],
    options: '{ url: process.env.ELASTICSEARCH_URL }',
    env: 'ELASTICSEARCH_URL',
  },
  {
    packages: ['@opensearch-project/opensearch'],
    modules: ['opensearch', 'elasticsearch'],
    options: '{ url: process.env.OPENSEARCH_URL }',
    env: 'OPENSEARCH_URL',
  },
  {
    packages: ['memjs', 'memcached'],
    modules: ['memcached'],
    options: "{ servers: process.env.MEMCACHED_SERVERS?.split(',') }",
    env: 'MEMCACHED_SERVERS',
    note: 'MEMCACHED_SERVERS is a list: host:port,host:port.',
  },
  { packages: ['nodemailer'], modules: ['smtp'], options: '{ url: process.env.SMTP_URL }', env: 'SMTP_URL' },
  {
    packages: ['flydrive'],
    modules: ['storage'],
    options: "{ disk: 'drive' }",
    note: 'Let `disk` be the name of the decorator that holds it, or the Disk itself.',
  },
]

export const knownMigrationTools: readonly KnownMigrationTool[] = [
  { packages: ['node-pg-migrate'], tool: 'node-pg-migrate', dir: 'migrations' },
  { packages: ['prisma', '@prisma/client'], tool: 'prisma', dir: 'prisma/migrations' },
  { packages: ['drizzle-orm'], tool: 'drizzle', dir: 'drizzle' },
  { packages: ['knex'], tool: 'knex', dir: 'migrations' },
  { packages: ['kysely'], tool: 'kysely', dir: 'migrations' },
  { packages: ['umzug', 'sequelize'], tool: 'umzug', dir: 'migrations' },
  { packages: ['@mikro-orm/migrations'], tool: 'mikro-orm', dir: 'migrations' },
  { packages: ['postgrator'], tool: 'postgrator', dir: 'migrations' },
  { packages: ['node-flywaydb'], tool: 'flyway', dir: 'sql' },
]
