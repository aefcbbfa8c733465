import { describe, expect, test } from 'tstyche'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { defineCheck, HealthCheck, HealthCheckError, ServiceReturnedUnexpectedResult, ServiceUnavailable, ServiceWarning, type CheckContext, type CheckSettings, type EntryOptions, type FailureKind, type Resources } from '../lib/index.js'

class PaymentsCheck extends HealthCheck<{ url: string, retries?: number }> {
  override critical = false
  override timeout = 500
  override get identifier () { return 'Payments API' }
  override async check ({ app, signal, settings, log }: CheckContext) {
    const response = await fetch(this.options.url, { signal })
    log.info({ status: response.status, prefix: settings.prefix, version: app.version })
    this.addError('one')
    this.addError(new ServiceWarning('two'))
  }
}

class PlainCheck extends HealthCheck {
  override check () {}
}

describe('a check of one\'s own', () => {
  test('sees its options, and those of every entry', () => {
    const { options } = new PaymentsCheck({ url: 'https://payments.internal' })
    expect(options.url).type.toBe<string>()
    expect(options.retries).type.toBe<number | undefined>()
    expect(options.interval).type.toBe<number | undefined>()
    expect(options).type.not.toHaveProperty('token')
  })

  test('is made with its options, and those of every entry', () => {
    expect(PaymentsCheck).type.toBeConstructableWith({ url: 'https://payments.internal' })
    expect(PaymentsCheck).type.toBeConstructableWith({ url: 'https://payments.internal', critical: false })
    expect(PaymentsCheck).type.not.toBeConstructableWith({ url: 1 })
    expect(PaymentsCheck).type.not.toBeConstructableWith({})
    expect(PaymentsCheck).type.not.toBeConstructableWith({ url: 'https://payments.internal', timeout: '1s' })
  })

  test('takes an error or a text', () => {
    const check = new PaymentsCheck({ url: 'https://payments.internal' })
    expect(check.addError).type.toBeCallableWith('text')
    expect(check.addError).type.toBeCallableWith(new Error('text'))
    expect(check.addError).type.not.toBeCallableWith(42)
    expect(check.errors).type.toBe<Error[]>()
  })

  test('has to check something', () => {
    expect(HealthCheck).type.not.toBeConstructableWith({})
    // @ts-expect-error Non-abstract class
    class Idle extends HealthCheck {}
    expect(Idle).type.toBeConstructableWith({})
  })

  test('has no options of its own unless it says so', () => {
    expect(new PlainCheck({}).options).type.toBe<Record<never, never> & EntryOptions>()
  })
})

describe('what it is given', () => {
  test('is this', () => {
    const context = {} as CheckContext
    expect(context.app).type.toBe<FastifyInstance>()
    expect(context.signal).type.toBe<AbortSignal>()
    expect(context.settings).type.toBe<Readonly<CheckSettings>>()
    expect(context.log).type.toBe<FastifyBaseLogger>()
    expect(context.observe).type.toBeCallableWith('lag', 3, 'messages')
    expect(context.observe).type.not.toBeCallableWith('lag', {})
    expect(context.timeout).type.toBe<number>()
    expect(context.resources).type.toBe<Resources>()
    expect(context.resources.get('connection', async () => 1)).type.toBe<Promise<number>>()
  })
})

describe('defineCheck', () => {
  test('takes an identifier and a function', () => {
    expect(defineCheck).type.toBeCallableWith({ identifier: 'A', check () {} })
    expect(defineCheck).type.toBeCallableWith({ identifier: 'A', critical: false, timeout: 1, scope: 'local', check: async () => {} })
    expect(defineCheck).type.not.toBeCallableWith({ identifier: 'A' })
    expect(defineCheck).type.not.toBeCallableWith({ check () {} })
    expect(defineCheck).type.not.toBeCallableWith({ identifier: 'A', scope: 'everywhere', check () {} })
    expect(defineCheck).type.toBeCallableWith({ identifier: 'A', interval: 1, maxStale: 2, cacheFor: 3, after: 'B', check () {} })
    expect(defineCheck).type.not.toBeCallableWith({ identifier: 'A', critcal: false, check () {} })
  })

  test('gives the function its context', () => {
    defineCheck({
      identifier: 'A',
      check (context) {
        expect(context).type.toBe<CheckContext>()
      },
    })
  })
})

describe('errors', () => {
  test('have a kind, and are errors', () => {
    expect(new HealthCheckError('text').kind).type.toBe<FailureKind>()
    expect(new ServiceWarning('text').kind).type.toBe<'warning'>()
    expect(new ServiceUnavailable('text').kind).type.toBe<'unavailable'>()
    expect(new ServiceReturnedUnexpectedResult('text', { cause: new Error('why') }).kind).type.toBe<'unexpected result'>()
    expect<Error>().type.toBeAssignableFrom(new ServiceUnavailable('text'))
  })
})
