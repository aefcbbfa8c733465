import type { BullMQRoundTripOptions, BullMQWorkersOptions } from './bullmq.js'
import type { CacheOptions } from './cache.js'
import type { CeleryOptions } from './celery.js'
import type { CertificateOptions } from './certificate.js'
import type { DjangoQOptions } from './django-q.js'
import type { DNSOptions } from './dns.js'
import type { SearchOptions } from './elasticsearch.js'
import type { GRPCOptions } from './grpc.js'
import type { HeartbeatFileOptions, HeartbeatLocalOptions } from './heartbeat.js'
import type { HttpOptions } from './http.js'
import type { KafkaOptions } from './kafka.js'
import type { MemcachedOptions } from './memcached.js'
import type { MigrationsOptions } from './migrations.js'
import type { MongoDBOptions } from './mongodb.js'
import type { MqttOptions } from './mqtt.js'
import type { MySQLOptions } from './mysql.js'
import type { NatsOptions } from './nats.js'
import type { RabbitMQOptions } from './rabbitmq.js'
import type { SMTPSource } from './smtp.js'
import type { SQLOptions } from './sql.js'
import type { StorageOptions } from './storage.js'
import type { DiskUsageOptions, EventLoopOptions, HeapUsageOptions, MemoryUsageOptions, ResidentMemoryOptions } from './system.js'
import type { TCPOptions } from './tcp.js'
import type { HeartbeatRedisOptions, PostgresOptions, RedisOptions } from '../../types/sources.js'

type Module = Readonly<Record<string, unknown>>

/** Loads the modules that `fastify-health/checks/…` names. Each import is written out so that bundlers find it. */
export const builtInChecks: Readonly<Record<string, () => Promise<Module>>> = {
  'fastify-health/checks/bullmq': async () => await import('./bullmq.js'),
  'fastify-health/checks/cache': async () => await import('./cache.js'),
  'fastify-health/checks/celery': async () => await import('./celery.js'),
  'fastify-health/checks/certificate': async () => await import('./certificate.js'),
  'fastify-health/checks/django-q': async () => await import('./django-q.js'),
  'fastify-health/checks/dns': async () => await import('./dns.js'),
  'fastify-health/checks/elasticsearch': async () => await import('./elasticsearch.js'),
  'fastify-health/checks/grpc': async () => await import('./grpc.js'),
  'fastify-health/checks/heartbeat': async () => await import('./heartbeat.js'),
  'fastify-health/checks/http': async () => await import('./http.js'),
  'fastify-health/checks/kafka': async () => await import('./kafka.js'),
  'fastify-health/checks/memcached': async () => await import('./memcached.js'),
  'fastify-health/checks/migrations': async () => await import('./migrations.js'),
  'fastify-health/checks/mongodb': async () => await import('./mongodb.js'),
  'fastify-health/checks/mqtt': async () => await import('./mqtt.js'),
  'fastify-health/checks/mysql': async () => await import('./mysql.js'),
  'fastify-health/checks/nats': async () => await import('./nats.js'),
  'fastify-health/checks/opensearch': async () => await import('./opensearch.js'),
  'fastify-health/checks/postgres': async () => await import('./postgres.js'),
  'fastify-health/checks/rabbitmq': async () => await import('./rabbitmq.js'),
  'fastify-health/checks/redis': async () => await import('./redis.js'),
  'fastify-health/checks/smtp': async () => await import('./smtp.js'),
  'fastify-health/checks/sql': async () => await import('./sql.js'),
  'fastify-health/checks/storage': async () => await import('./storage.js'),
  'fastify-health/checks/system': async () => await import('./system.js'),
  'fastify-health/checks/tcp': async () => await import('./tcp.js'),
}

declare module '../../types/options.js' {
  interface CheckModules {
    'fastify-health/checks/bullmq': BullMQWorkersOptions
    'fastify-health/checks/bullmq#BullMQRoundTripCheck': BullMQRoundTripOptions
    'fastify-health/checks/bullmq#BullMQWorkersCheck': BullMQWorkersOptions
    'fastify-health/checks/cache': CacheOptions
    'fastify-health/checks/cache#CacheCheck': CacheOptions
    'fastify-health/checks/celery': CeleryOptions
    'fastify-health/checks/celery#CeleryPingCheck': CeleryOptions
    'fastify-health/checks/certificate': CertificateOptions
    'fastify-health/checks/certificate#CertificateCheck': CertificateOptions
    'fastify-health/checks/django-q': DjangoQOptions
    'fastify-health/checks/django-q#DjangoQClusterCheck': DjangoQOptions
    'fastify-health/checks/django-q#DjangoQLocalCheck': DjangoQOptions
    'fastify-health/checks/dns': DNSOptions
    'fastify-health/checks/dns#DNSCheck': DNSOptions
    'fastify-health/checks/elasticsearch': SearchOptions
    'fastify-health/checks/elasticsearch#SearchCheck': SearchOptions
    'fastify-health/checks/grpc': GRPCOptions
    'fastify-health/checks/grpc#GRPCCheck': GRPCOptions
    'fastify-health/checks/heartbeat': HeartbeatFileOptions
    'fastify-health/checks/heartbeat#HeartbeatClusterCheck': HeartbeatRedisOptions
    'fastify-health/checks/heartbeat#HeartbeatFileCheck': HeartbeatFileOptions
    'fastify-health/checks/heartbeat#HeartbeatLocalCheck': HeartbeatLocalOptions
    'fastify-health/checks/http': HttpOptions
    'fastify-health/checks/http#HttpCheck': HttpOptions
    'fastify-health/checks/kafka': KafkaOptions
    'fastify-health/checks/kafka#KafkaCheck': KafkaOptions
    'fastify-health/checks/memcached': MemcachedOptions
    'fastify-health/checks/memcached#MemcachedCheck': MemcachedOptions
    'fastify-health/checks/migrations': MigrationsOptions
    'fastify-health/checks/migrations#MigrationsCheck': MigrationsOptions
    'fastify-health/checks/mongodb': MongoDBOptions
    'fastify-health/checks/mongodb#MongoDBCheck': MongoDBOptions
    'fastify-health/checks/mqtt': MqttOptions
    'fastify-health/checks/mqtt#MqttCheck': MqttOptions
    'fastify-health/checks/mysql': MySQLOptions
    'fastify-health/checks/mysql#MySQLCheck': MySQLOptions
    'fastify-health/checks/nats': NatsOptions
    'fastify-health/checks/nats#NatsCheck': NatsOptions
    'fastify-health/checks/opensearch': SearchOptions
    'fastify-health/checks/opensearch#SearchCheck': SearchOptions
    'fastify-health/checks/postgres': PostgresOptions
    'fastify-health/checks/postgres#DatabaseHeartbeatCheck': PostgresOptions
    'fastify-health/checks/rabbitmq': RabbitMQOptions
    'fastify-health/checks/rabbitmq#RabbitMQCheck': RabbitMQOptions
    'fastify-health/checks/redis': RedisOptions
    'fastify-health/checks/redis#RedisCheck': RedisOptions
    'fastify-health/checks/smtp': SMTPSource
    'fastify-health/checks/smtp#SMTPCheck': SMTPSource
    'fastify-health/checks/sql': SQLOptions
    'fastify-health/checks/sql#SQLCheck': SQLOptions
    'fastify-health/checks/storage': StorageOptions
    'fastify-health/checks/storage#StorageCheck': StorageOptions
    'fastify-health/checks/system': DiskUsageOptions
    'fastify-health/checks/system#DiskUsageCheck': DiskUsageOptions
    'fastify-health/checks/system#EventLoopCheck': EventLoopOptions
    'fastify-health/checks/system#HeapUsageCheck': HeapUsageOptions
    'fastify-health/checks/system#MemoryUsageCheck': MemoryUsageOptions
    'fastify-health/checks/system#ResidentMemoryCheck': ResidentMemoryOptions
    'fastify-health/checks/tcp': TCPOptions
    'fastify-health/checks/tcp#TCPCheck': TCPOptions
  }
}
