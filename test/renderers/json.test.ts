import { test } from 'tap'
import { createHealth, defineCheck, HealthCheck, ServiceUnavailable } from '../../lib/index.js'
import { json } from '../../lib/renderers/json.js'

const named = (identifier: string, check = () => {}) => defineCheck({ identifier, check })

test('it is an object of statuses by identifier, sorted', async t => {
  const health = createHealth({ subsets: { s: [named('RedisCheck', () => { throw new ServiceUnavailable('connection refused') }), named('DatabaseHeartbeatCheck')] }, logLevel: 'silent' })
  t.equal(JSON.stringify(json.render(await health.run('s'), {})), '{"DatabaseHeartbeatCheck":"working","RedisCheck":"unavailable: connection refused"}')
  t.equal(json.contentType, 'application/json; charset=utf-8')
})

test('several errors of one check are lines of one status', async t => {
  class Both extends HealthCheck {
    override check () {
      this.addError('one')
      this.addError(new ServiceUnavailable('two'))
    }
  }
  const health = createHealth({ subsets: { s: [Both] } })
  t.strictSame(json.render(await health.run('s'), {}), { Both: 'unknown error: one\nunavailable: two' })
})

test('an identifier may be any text', async t => {
  const names = ['__proto__', 'constructor', 'with "quotes"', 'ünïcode', '</script>']
  const health = createHealth({ subsets: { s: names.map(name => named(name)) } })
  const body = JSON.stringify(json.render(await health.run('s'), {}))
  for (const name of names) t.ok(body.includes(`${JSON.stringify(name)}:"working"`), name)
})

test('a subset without checks is an empty object', async t => {
  t.strictSame(json.render(await createHealth({ subsets: { s: [] } }).run('s'), {}), {})
})
