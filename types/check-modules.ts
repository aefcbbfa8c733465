import type { BullMQRoundTripOptions, BullMQWorkersOptions } from '../lib/checks/bullmq.js'
import type { CacheOptions } from '../lib/checks/cache.js'
import type { CeleryOptions } from '../lib/checks/celery.js'
import type { DjangoQOptions } from '../lib/checks/django-q.js'
import type { HeartbeatFileOptions, HeartbeatLocalOptions, HeartbeatRedisOptions } from '../lib/checks/heartbeat.js'
import type { HttpOptions } from '../lib/checks/http.js'
import type { MigrationsOptions } from '../lib/checks/migrations.js'
import type { StorageOptions } from '../lib/checks/storage.js'
import type { DiskUsageOptions, EventLoopOptions, MemoryUsageOptions } from '../lib/checks/system.js'
import type { AmqpSource, PostgresSource, RedisSource } from './sources.js'

/**
 * The options of each module that an entry may name. An app can add its own:
 *
 * @example
 * declare module 'fastify-health' {
 *   interface CheckModules { 'our-checks/payments': { url: string } }
 * }
 */
export interface CheckModules {
  'fastify-health/checks/bullmq': BullMQWorkersOptions
  'fastify-health/checks/bullmq#BullMQRoundTripCheck': BullMQRoundTripOptions
  'fastify-health/checks/bullmq#BullMQWorkersCheck': BullMQWorkersOptions
  'fastify-health/checks/cache': CacheOptions
  'fastify-health/checks/cache#CacheCheck': CacheOptions
  'fastify-health/checks/celery': CeleryOptions
  'fastify-health/checks/celery#CeleryPingCheck': CeleryOptions
  'fastify-health/checks/django-q': DjangoQOptions
  'fastify-health/checks/django-q#DjangoQClusterCheck': DjangoQOptions
  'fastify-health/checks/django-q#DjangoQLocalCheck': DjangoQOptions
  'fastify-health/checks/heartbeat': HeartbeatFileOptions
  'fastify-health/checks/heartbeat#HeartbeatClusterCheck': HeartbeatRedisOptions
  'fastify-health/checks/heartbeat#HeartbeatFileCheck': HeartbeatFileOptions
  'fastify-health/checks/heartbeat#HeartbeatLocalCheck': HeartbeatLocalOptions
  'fastify-health/checks/http': HttpOptions
  'fastify-health/checks/http#HttpCheck': HttpOptions
  'fastify-health/checks/migrations': MigrationsOptions
  'fastify-health/checks/migrations#MigrationsCheck': MigrationsOptions
  'fastify-health/checks/postgres': PostgresSource
  'fastify-health/checks/postgres#DatabaseHeartbeatCheck': PostgresSource
  'fastify-health/checks/rabbitmq': AmqpSource
  'fastify-health/checks/rabbitmq#RabbitMQCheck': AmqpSource
  'fastify-health/checks/redis': RedisSource
  'fastify-health/checks/redis#RedisCheck': RedisSource
  'fastify-health/checks/storage': StorageOptions
  'fastify-health/checks/storage#StorageCheck': StorageOptions
  'fastify-health/checks/system': DiskUsageOptions
  'fastify-health/checks/system#DiskUsageCheck': DiskUsageOptions
  'fastify-health/checks/system#EventLoopCheck': EventLoopOptions
  'fastify-health/checks/system#MemoryUsageCheck': MemoryUsageOptions
}
