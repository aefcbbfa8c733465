import { featureFlags, PaymentsCheck } from './own-checks.js'

export const kinds = [
  'fastify-health/checks/postgres',                                          // default export of a module
  'fastify-health/checks/system#MemoryUsageCheck',                           // a named one
  ['fastify-health/checks/cache', { cache: 'sessions' }],                    // with options
  ['./examples/own-checks.js#PaymentsCheck', { url: 'https://payments.internal/ping', identifier: 'Payments' }],
  [PaymentsCheck, { url: 'https://payments.internal/ping' }],                // or the class itself
  featureFlags,                                                              // or what defineCheck() returns
]

export const behaviour = [
  ['fastify-health/checks/postgres', { name: 'reports', identifier: 'Reports database', critical: false, timeout: 500 }],
  ['fastify-health/checks/migrations', { tool: 'knex', dir: 'migrations', after: 'Reports database', cacheFor: 60_000 }],
  ['fastify-health/checks/celery', { url: 'redis://cache.internal:6379/0', interval: 30_000, maxStale: 120_000 }],
]

export const postgres = [
  'fastify-health/checks/postgres',                                          // app.pg
  ['fastify-health/checks/postgres', { name: 'reports', identifier: 'Reports' }],   // app.pg.reports
  ['fastify-health/checks/postgres', { client: 'databases.orders', identifier: 'Orders', writable: true }],
  ['fastify-health/checks/postgres', { whenExhausted: 'warn', identifier: 'Busy is not broken' }],
]

export const redis = [
  'fastify-health/checks/redis',                                             // app.redis
  ['fastify-health/checks/redis', { namespace: 'sessions', identifier: 'Sessions' }],   // app.redis.sessions
  ['fastify-health/checks/redis', { client: 'clients.cache', identifier: 'Cache' }],    // app.clients.cache
]

export const migrations = [
  ['fastify-health/checks/migrations', { tool: 'node-pg-migrate', dir: 'migrations' }],
]

export const cache = [
  ['fastify-health/checks/cache', { cache: 'sessions' }],                    // app.sessions; "Cache backend: sessions"
]

export const storage = [
  ['fastify-health/checks/storage', { dir: '/var/uploads' }],
  ['fastify-health/checks/storage', { disk: 'drive', identifier: 'Bucket' }],   // app.drive: a Disk or a DriveManager of flydrive
]

export const http = [
  ['fastify-health/checks/http', {
    identifier: 'Payments API',
    url: 'https://payments.internal/ping',
    headers: { authorization: `Bearer ${process.env.PAYMENTS_TOKEN}` },
    expect: { status: { from: 200, to: 299 }, json: { state: 'ok' } },
  }],
  ['fastify-health/checks/http', { identifier: 'Partner', url: 'https://partner.example/', proxy: true }],
  ['fastify-health/checks/http', { identifier: 'Stock', url: 'https://stock.internal/', dispatcher: 'stock' }],   // app.stock, an Agent of undici
]

export const system = [
  ['fastify-health/checks/system', { path: '/var', max: 95 }],               // DiskUsageCheck
  ['fastify-health/checks/system#MemoryUsageCheck', { min: 200 }],
  ['fastify-health/checks/system#HeapUsageCheck', { max: 85 }],
  ['fastify-health/checks/system#ResidentMemoryCheck', { max: 512 }],
  ['fastify-health/checks/system#EventLoopCheck', { maxDelay: 500, maxUtilization: 0.98 }],
]

export const rabbitmq = [
  ['fastify-health/checks/rabbitmq', { url: process.env.AMQP_URL ?? 'amqp://localhost' }],
  ['fastify-health/checks/rabbitmq', { client: 'amqp', identifier: 'Orders', queues: ['orders'] }],   // app.amqp
]

export const celery = [
  ['fastify-health/checks/celery', { url: process.env.AMQP_URL ?? 'amqp://localhost', queues: ['mail'] }],
]

export const djangoQ = [
  ['fastify-health/checks/django-q', { cluster: 'shop', secretKey: process.env.SECRET_KEY ?? 'of the Django settings' }],
]

export const bullmq = [
  ['fastify-health/checks/bullmq', { queues: ['mail'], maxWaiting: 1000, maxOldestAge: 60_000 }],
  ['fastify-health/checks/bullmq#BullMQRoundTripCheck', { queues: ['mail'] }],
]

export const workers = [
  ['fastify-health/checks/heartbeat#HeartbeatClusterCheck', { cluster: 'mailers' }],
  ['fastify-health/checks/heartbeat#HeartbeatLocalCheck', { cluster: 'mailers' }],   // of this host
]

export const memcached = [
  ['fastify-health/checks/memcached', { servers: ['cache-1:11211', 'cache-2:11211'] }],
]

export const mongodb = [
  'fastify-health/checks/mongodb',                                           // app.mongo of @fastify/mongodb
  ['fastify-health/checks/mongodb', { client: 'mongoose', writable: true, identifier: 'Orders' }],
]

export const mqtt = [
  ['fastify-health/checks/mqtt', { client: 'mqtt' }],                        // app.mqtt, a client of MQTT.js
]

export const kafka = [
  ['fastify-health/checks/kafka', { client: 'kafka', topics: ['orders'] }],  // app.kafka, an admin of kafkajs
]

export const nats = [
  ['fastify-health/checks/nats', { client: 'nats' }],                        // app.nats, a connection of nats.js
]

export const search = [
  ['fastify-health/checks/elasticsearch', { client: 'search' }],             // app.search, a client of @elastic/elasticsearch
  ['fastify-health/checks/opensearch', { url: process.env.SEARCH_URL ?? 'https://localhost:9200', identifier: 'Logs' }],
]

export const mysql = [
  'fastify-health/checks/mysql',                                             // app.mysql of @fastify/mysql
  ['fastify-health/checks/mysql', { url: process.env.MYSQL_URL ?? 'mysql://localhost/shop', identifier: 'Reports' }],
]

export const sql = [
  ['fastify-health/checks/sql', { client: 'prisma' }],                       // app.prisma
  ['fastify-health/checks/sql', { client: app => app.orm, identifier: 'Orders', writable: true }],
]

export const certificate = [
  ['fastify-health/checks/certificate', { host: 'shop.example', minDays: 21, interval: 3_600_000 }],
]

export const dns = [
  ['fastify-health/checks/dns', { identifier: 'Mail domain', name: 'shop.example', type: 'MX', expect: '10 mail.shop.example' }],
]

export const grpc = [
  ['fastify-health/checks/grpc', { client: 'orders' }],                      // app.orders, a client of @grpc/grpc-js
  ['fastify-health/checks/grpc', { target: 'stock.internal:50051', service: 'shop.v1.Stock', tls: true, identifier: 'Stock' }],
]

export const smtp = [
  ['fastify-health/checks/smtp', { transport: 'mailer' }],                   // app.mailer, a transporter of nodemailer
  ['fastify-health/checks/smtp', { url: process.env.SMTP_URL ?? 'smtps://localhost', identifier: 'Mail relay' }],
]

export const tcp = [
  ['fastify-health/checks/tcp', { identifier: 'Licence server', host: 'licences.internal', port: 27_000 }],
]
