import { describe, expect, test } from 'tstyche'
import { Client as GRPCClient, credentials } from '@grpc/grpc-js'
import type { FastifyRequest } from 'fastify'
import type { Dispatcher, MockAgent, ProxyAgent } from 'undici'
import { createHealth, defineCheck, HealthCheck, type Entry, type EntryOf, type HealthOptions, type Settings } from '../lib/index.js'

declare module '../lib/index.js' {
  interface CheckModules {
    'our-checks/payments': { url: string }
  }
}

class PaymentsCheck extends HealthCheck<{ url: string }> {
  override check () {}
}

class PlainCheck extends HealthCheck {
  override check () {}
}

const defined = defineCheck({ identifier: 'Feature flags', check () {} })

describe('options', () => {
  test('have a default each', () => {
    expect<HealthOptions>().type.toBeAssignableFrom({})
    expect(createHealth).type.toBeCallableWith()
    expect(createHealth).type.toBeCallableWith({})
  })

  test('are these', () => {
    expect<HealthOptions>().type.toBeAssignableFrom({
      subsets: { readiness: ['fastify-health/checks/postgres'] },
      prefix: '/healthcheck',
      livenessPath: false as const,
      warningsAsErrors: true,
      sequential: false,
      diskUsageMax: null,
      memoryMin: 100,
      failureStatus: { readiness: 503 },
      timeout: 3000,
      deadline: 4000,
      cacheFor: { readiness: 1000 },
      details: (request: FastifyRequest) => request.headers.authorization === 'x',
      drainSubsets: ['readiness'],
      logLevel: 'warn' as const,
      openapi: false,
      listen: { port: 9000, host: '127.0.0.1' },
      fleet: { name: 'shop', url: 'redis://127.0.0.1', instance: 'a', ttl: 1000, details: true },
      routes: false,
      service: { version: '1' },
      baseDir: '/srv',
    })
  })

  test('are no others, and of no other types', () => {
    expect(createHealth).type.not.toBeCallableWith({ prefx: '/health' })
    expect(createHealth).type.not.toBeCallableWith({ fleet: { client: 'redis' } })
    expect(createHealth).type.not.toBeCallableWith({ fleet: { name: 'shop', ttl: '1s' } })
    expect(createHealth).type.not.toBeCallableWith({ livenessPath: true })
    expect(createHealth).type.not.toBeCallableWith({ failureStatus: '503' })
    expect(createHealth).type.not.toBeCallableWith({ timeout: '3s' })
    expect(createHealth).type.not.toBeCallableWith({ diskUsageMax: false })
    expect(createHealth).type.not.toBeCallableWith({ logLevel: 'loud' })
    expect(createHealth).type.not.toBeCallableWith({ details: 'sometimes' })
    expect(createHealth).type.not.toBeCallableWith({ details: () => 'yes' })
    expect(createHealth).type.not.toBeCallableWith({ openapi: '3.1' })
    expect(createHealth).type.not.toBeCallableWith({ service: { name: 'orders' } })
    expect(createHealth).type.not.toBeCallableWith({ subsets: ['readiness'] })
    expect(createHealth).type.not.toBeCallableWith({ subsets: { readiness: 'fastify-health/checks/postgres' } })
  })

  test('may be written once and for all', () => {
    const subsets = { readiness: [PlainCheck, defined] } as const
    expect(createHealth).type.toBeCallableWith({ subsets })
  })
})

describe('settings', () => {
  const { settings } = createHealth()

  test('are live', () => {
    expect(settings).type.toBe<Settings>()
    expect(settings.warningsAsErrors).type.toBe<boolean>()
    expect(settings.livenessPath).type.toBe<string | false>()
    expect(settings.subsets).type.toBe<Record<string, Entry[]>>()
    expect(settings.openapi).type.toBe<boolean>()
  })
})

describe('an entry', () => {
  test('is one of these', () => {
    expect<Entry>().type.toBeAssignableFrom('fastify-health/checks/postgres')
    expect<Entry>().type.toBeAssignableFrom('./health/payments.js#PaymentsCheck')
    expect<Entry>().type.toBeAssignableFrom(['./health/payments.js#PaymentsCheck', { url: 'https://payments.internal' }] as const)
    expect<Entry>().type.toBeAssignableFrom(PlainCheck)
    expect<Entry>().type.toBeAssignableFrom(PaymentsCheck)
    expect<Entry>().type.toBeAssignableFrom([PaymentsCheck, { url: 'https://payments.internal', timeout: 500 }] as const)
    expect<Entry>().type.toBeAssignableFrom(defined)
    expect<Entry>().type.toBeAssignableFrom([defined, { critical: false, interval: 1000, maxStale: 5000, after: 'Database' }] as const)
  })

  test('is nothing else', () => {
    expect<Entry>().type.not.toBeAssignableFrom(42)
    expect<Entry>().type.not.toBeAssignableFrom(null)
    expect<Entry>().type.not.toBeAssignableFrom(undefined)
    expect<Entry>().type.not.toBeAssignableFrom({ identifier: 'Feature flags', check () {} })
    expect<Entry>().type.not.toBeAssignableFrom(class NoCheck {})
    expect<Entry>().type.not.toBeAssignableFrom(() => {})
    expect<Entry>().type.not.toBeAssignableFrom([] as const)
    expect<Entry>().type.not.toBeAssignableFrom([{ url: 'https://payments.internal' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom([PaymentsCheck, { timeout: 'soon' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['./health/payments.js', { critical: 'yes' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom([PaymentsCheck, {}, {}] as const)
  })

  test('that comes from elsewhere is an entry by a cast', () => {
    const [name, options] = JSON.parse('["our-checks/payments", {}]') as [string, Record<string, unknown>]
    expect<Entry>().type.not.toBeAssignableFrom([name, options])
    expect([name, options] as Entry).type.toBe<Entry>()
  })

  test('of a built-in check has its options, and those of every entry', () => {
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/migrations', { tool: 'node-pg-migrate', dir: 'migrations' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/postgres', { name: 'orders', timeout: 500 }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/postgres'] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/postgres', { client: 'db.orders', whenExhausted: 'warn', writable: true }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/postgres', { client: { connect: async () => ({}) } }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/migrations', { tool: 'knex', dir: 'migrations', client: 'db', loadExtensions: ['.mjs'] }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/postgres', { whenExhausted: 'wait' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/rabbitmq', { client: 'amqp', writable: true }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/mongodb', { whenExhausted: 'warn' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/redis', { client: 'cache', whenExhausted: 'warn' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/cache', { whenExhausted: 'pass' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/redis', { whenExhausted: 'wait' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/bullmq', { queues: ['mail'] as string[], whenExhausted: 'warn' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/postgres', { client: {} }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/migrations', { tool: 'knex', dir: 'migrations', writable: true }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/system#MemoryUsageCheck', { min: 100 }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/certificate', { host: 'shop.example', minDays: 21 }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/dns', { name: 'shop.example', type: 'MX', expect: [/^10 /, '20 mail.shop.example'] }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/grpc', { target: 'orders:50051', tls: { ca: 'PEM' } }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/grpc', { target: 'orders:50051', tls: { insecure: true } }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/grpc', { client: new GRPCClient('orders:50051', credentials.createInsecure()), service: 'shop.v1.Orders' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/grpc', { client: {} }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/smtp', { transport: 'mailer' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/http', { url: 'https://shop.example', proxy: true }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/http', { url: 'https://shop.example', dispatcher: 'clients.shop' }] as const)
    expect<Entry>().type.toBeAssignableFrom<readonly ['fastify-health/checks/http', { url: string, dispatcher: Dispatcher }]>()
    expect<Entry>().type.toBeAssignableFrom<readonly ['fastify-health/checks/http', { url: string, dispatcher: () => Promise<ProxyAgent> }]>()
    expect<Entry>().type.toBeAssignableFrom<readonly ['fastify-health/checks/http', { url: string, dispatcher: MockAgent }]>()
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/http', { url: 'https://shop.example', dispatcher: {} }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/http', { url: 'https://shop.example', proxy: 'http://proxy' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/elasticsearch', { url: 'http://shop.example' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/memcached', { servers: ['shop:11211'] }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/mongodb', { writable: true }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/mqtt', { client: 'mqtt' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/kafka', { client: 'kafka', tls: true }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/kafka', { url: 'kafka://shop' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/nats', { url: 'nats://shop.example' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/nats', { servers: 'shop' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/mysql', { url: 'mysql://shop' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/sql', { client: 'db', writable: true }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/sql', { query: 'SELECT 1' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/tcp', { host: 'shop.example', port: 80 }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/dns', { name: 'shop.example', type: 'ANY' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/system#ResidentMemoryCheck', {}] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/tcp', { host: 'shop.example' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/migrations', { applied: () => [] as string[], onDisk: async () => new Set<string>() }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/migrations', { tool: 'flyway', dir: 'sql', table: 'history' }] as const)
    expect<Entry>().type.toBeAssignableFrom(['fastify-health/checks/migrations', { tool: 'liquibase', dir: 'db/changelog', schema: 'app' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/migrations', { tool: 'knex' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/migrations', { tool: 'knex', dir: 'migrations', applied: () => [] as string[] }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/migrations', { tool: 'rake', dir: 'migrations' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/postgres', { names: 'orders' }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/system#MemoryUsageCheck', { min: 'a lot' }] as const)
  })

  test('of a built-in check that does not exist has no options', () => {
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/nope'] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/nope', {}] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['fastify-health/checks/redis#NopeCheck', {}] as const)
  })

  test('of one class takes the options of that class', () => {
    type PaymentsEntry = EntryOf<typeof PaymentsCheck>
    expect<PaymentsEntry>().type.toBeAssignableFrom([PaymentsCheck, { url: 'https://payments.internal', timeout: 500 }] as const)
    expect<PaymentsEntry>().type.not.toBeAssignableFrom([PaymentsCheck, { url: 5 }] as const)
    expect<PaymentsEntry>().type.not.toBeAssignableFrom([PaymentsCheck, {}] as const)
    expect<PaymentsEntry>().type.not.toBeAssignableFrom([PaymentsCheck, { url: 'https://payments.internal', timeout: 'soon' }] as const)
    expect<EntryOf<typeof defined>>().type.toBeAssignableFrom([defined, { critical: false }] as const)
    expect(createHealth).type.toBeCallableWith({ subsets: { s: [[PaymentsCheck, { url: 'https://payments.internal' }] satisfies PaymentsEntry, PlainCheck] } })
  })

  test('of a module of the app has the options that the app says', () => {
    expect<Entry>().type.toBeAssignableFrom(['our-checks/payments', { url: 'https://payments.internal', critical: false }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['our-checks/payments', { url: 42 }] as const)
    expect<Entry>().type.not.toBeAssignableFrom(['our-checks/payment', { url: 'https://payments.internal' }] as const)
  })
})
