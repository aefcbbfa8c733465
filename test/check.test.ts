import { test } from 'tap'
import { HealthCheck, defineCheck, isCheckClass, type CheckDefinition } from '../lib/check.js'
import { parseEntry, resolveEntry, type ParsedEntry } from '../lib/config/entry.js'
import { HealthCheckError, ServiceWarning } from '../lib/errors.js'
import { text } from '../lib/values/rules.js'
import type { CheckContext } from '../types/check.js'
import { revoked } from './helpers/unreadable.js'

class PaymentsCheck extends HealthCheck<{ url?: string }> {
  override check () {}
}

const context = {} as CheckContext

test('a check is named by its class, is critical, and takes as long as the settings say', async t => {
  const check = new PaymentsCheck({ url: 'x' })
  t.match(check, { identifier: 'PaymentsCheck', critical: true, timeout: undefined, options: { url: 'x' } })
  t.strictSame(check.errors, [])
  t.equal(PaymentsCheck.rules, undefined)
  t.equal(PaymentsCheck.scope, undefined)
})

test('a check needs nothing unless it says so', async t => {
  t.strictSame(await new PaymentsCheck({}).requirements(context), [])
})

test('addError records a failure, a text counts as an error of that text', async t => {
  const check = new PaymentsCheck({})
  check.addError('low on fuel')
  check.addError(new ServiceWarning('late'))
  t.ok(check.errors[0] instanceof HealthCheckError)
  t.strictSame(check.errors.map(error => [(error as HealthCheckError).kind, error.message]), [['unknown error', 'low on fuel'], ['warning', 'late']])
})

test('addError keeps the cause of a text', async t => {
  const check = new PaymentsCheck({})
  const cause = new Error('no fuel')
  check.addError('low on fuel', cause)
  t.equal(check.errors[0]?.cause, cause)
})

test('a subclass is a check, and nothing else is', async t => {
  t.ok(isCheckClass(PaymentsCheck))
  t.ok(isCheckClass(class extends PaymentsCheck {}))
  for (const value of [class {}, () => {}, function () {}, new PaymentsCheck({}), {}, null, undefined, 'PaymentsCheck', Object]) t.notOk(isCheckClass(value))
})

test('a check that was built against another copy of the package is one, too', async t => {
  class Foreign {
    get [Symbol.for('fastify-health.check')] () { return true }
  }
  t.ok(isCheckClass(Foreign))
  t.ok((new PaymentsCheck({}) as unknown as Record<symbol, unknown>)[Symbol.for('fastify-health.check')])
})

test('defineCheck makes a check without a class', async t => {
  const seen: unknown[] = []
  const Defined = defineCheck({
    identifier: 'Feature flags',
    critical: false,
    timeout: 50,
    scope: 'shared',
    check (given) { seen.push(given, this) },
  })
  t.ok(isCheckClass(Defined))
  t.equal(Defined.scope, 'shared')
  t.equal(Defined.name, 'Feature flags', 'so that errors can name it')
  const check = new Defined({})
  t.match(check, { identifier: 'Feature flags', critical: false, timeout: 50 })
  check.check(context)
  t.strictSame(seen, [context, check])
})

test('a defined check is critical and takes as long as the settings say, and no options of its own', async t => {
  const Defined = defineCheck({ identifier: 'A', check () {} })
  t.match(new Defined({}), { critical: true, timeout: undefined })
  t.strictSame(Defined.rules, {})
})

test('a defined check holds the options of its entries, which an entry may say otherwise', async t => {
  const rules = { region: text() }
  const requirements = () => [{ message: 'app.flags is not there', hint: 'Register it.' }]
  const Defined = defineCheck({ identifier: 'A', interval: 1000, maxStale: 5000, cacheFor: 10, after: 'B', rules, requirements, check () {} })
  t.equal(Defined.rules, rules)
  t.strictSame(await new Defined({}).requirements(context), requirements())
  const entry = parseEntry([Defined, { maxStale: 9000 }]) as ParsedEntry
  t.match(resolveEntry(entry, Defined), { options: { interval: 1000, maxStale: 9000, cacheFor: 10, after: 'B' } })
})

test('defineCheck throws where a key is missing, unknown or of a wrong kind, and says what to do', async t => {
  const define = (definition: unknown) => () => defineCheck(definition as CheckDefinition)
  const check = () => {}
  for (const [definition, message] of [
    [{ check }, "defineCheck: 'identifier' is missing. It must be a non-empty string."],
    [{ identifier: '', check }, "defineCheck: 'identifier' is ''. It must be a non-empty string."],
    [{ identifier: 5, check }, "defineCheck: 'identifier' is 5. It must be a non-empty string."],
    [{ identifier: 'A' }, "defineCheck: 'check' is missing. It must be a function."],
    [{ identifier: 'A', check, critcal: false }, "defineCheck: there is no option 'critcal'. Did you mean 'critical'?"],
    [{ identifier: 'A', check, interval: '1s' }, "defineCheck: 'interval' is '1s'. It must be a whole number of milliseconds, 1 or more."],
    [{ identifier: 'A', check, rules: [] }, "defineCheck: 'rules' is an array. It must be an object of rules, by the name of the option."],
    [{ identifier: 'A', check, scope: 'everywhere' }, "defineCheck: 'scope' is 'everywhere'. It must be one of 'local', 'shared', 'workers'."],
  ] as const) t.throws(define(definition), { code: 'FST_HEALTH_INVALID_CHECK', message })
  try {
    define({})()
    t.fail('it throws')
  } catch (error) {
    t.ok(error instanceof TypeError)
  }
  t.throws(define(undefined), { code: 'FST_HEALTH_INVALID_CHECK' })
})

test('a definition that cannot be read is refused with a code', async t => {
  const code = 'FST_HEALTH_INVALID_CHECK'
  t.throws(() => defineCheck('Queue' as unknown as CheckDefinition), { code, message: "defineCheck: the definition is 'Queue'. It must be an object of `identifier`, `check` and options." })
  t.throws(() => defineCheck(revoked({} as CheckDefinition)), { code, message: 'defineCheck: the options cannot be read. Give a plain object.' })
  t.throws(() => defineCheck({ identifier: 'Queue', get check (): never { throw new Error('not now') } }), { code, message: /^defineCheck: looking at 'check' threw not now\./ })
})

test('a class that cannot be read is no check', async t => {
  t.notOk(isCheckClass(revoked(class {})))
})
