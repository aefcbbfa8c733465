import Fastify from 'fastify'
import { describe, expect, test } from 'tstyche'
import health, { fastifyHealth, type HealthRegistry, type Report, type SystemCheck, type Transition, type Verdict } from '../lib/index.js'

const app = Fastify()

describe('the plugin', () => {
  test('is registered with its options', () => {
    expect(app.register).type.toBeCallableWith(health)
    expect(app.register).type.toBeCallableWith(health, { subsets: { readiness: [] }, failureStatus: 503 })
    expect(app.register).type.not.toBeCallableWith(health, { failureStatus: '503' })
    expect(app.register).type.not.toBeCallableWith(health, { subsets: { readiness: [42] } })
    expect(fastifyHealth).type.toBe<typeof health>()
  })
})

describe('the instance', () => {
  test('has the registry', () => {
    expect(app.health).type.toBe<HealthRegistry>()
    expect(app.health.subsets()).type.toBe<string[]>()
    expect(app.health.run('readiness')).type.toBe<Promise<Report>>()
    expect(app.health.systemChecks()).type.toBe<Promise<SystemCheck[]>>()
    expect(app.health.drain()).type.toBe<Promise<void>>()
    expect(app.health.draining).type.toBe<boolean>()
    app.health.on('transition', transition => { expect(transition).type.toBe<Transition>() })
    app.health.on('verdict', verdict => { expect(verdict).type.toBe<Verdict>() })
  })

  test('has settings that can be changed, while it is what it is itself', () => {
    app.health.settings.warningsAsErrors = false
    // @ts-expect-error Cannot assign to 'draining'
    app.health.draining = true
    // @ts-expect-error Cannot assign to 'settings'
    app.health.settings = {}
    // @ts-expect-error is not assignable to type 'boolean'
    app.health.settings.sequential = 'yes'
  })

  test('takes entries while it runs', () => {
    expect(app.health.add).type.toBeCallableWith('readiness', 'fastify-health/checks/postgres')
    expect(app.health.add).type.not.toBeCallableWith('readiness', 42)
  })
})
