import { test } from 'tap'
import { HealthCheckError, ServiceReturnedUnexpectedResult, ServiceUnavailable, ServiceWarning } from '../../lib/errors.js'
import { History } from '../../lib/engine/history.js'
import { failed, isHealthy, misconfigured, statusOf, toFailure, toReport, toResult, withoutDetails, type Judged } from '../../lib/engine/report.js'
import { noSecrets } from '../../lib/values/secrets.js'
import type { Result } from '../../types/report.js'

function result (identifier: string, { healthy = true, critical = true }: { healthy?: boolean, critical?: boolean } = {}): Result {
  const outcome = healthy ? { errors: [], startedAt: 5, duration: 1 } : failed('unavailable', 'gone', 5, 1)
  return toResult({ identifier, critical, healthy, outcome }, new History())
}

const run = { subset: 'readiness', draining: false, startedAt: 5, duration: 7 }

test('a check\'s error keeps its kind and its text', async t => {
  t.strictSame([new HealthCheckError('a'), new ServiceWarning('b'), new ServiceUnavailable('c'), new ServiceReturnedUnexpectedResult('d')].map(error => toFailure(error, noSecrets)), [
    { kind: 'unknown error', message: 'a' },
    { kind: 'warning', message: 'b' },
    { kind: 'unavailable', message: 'c' },
    { kind: 'unexpected result', message: 'd' },
  ])
})

test('the text of anything else is kept back', async t => {
  for (const error of [new TypeError('canary'), 'canary', { message: 'canary' }, null, undefined]) {
    t.strictSame(toFailure(error, noSecrets), { kind: 'unknown error', message: '' })
  }
})

test('a message is one line, without secrets or control characters', async t => {
  t.equal(toFailure(new HealthCheckError('a\r\n  b\n\nc \u001b[31mred\n'), noSecrets).message, 'a b c [31mred')
  t.equal(toFailure(new ServiceUnavailable('redis://u:canary@h said canary'), { ...noSecrets, texts: new Set(['canary']) }).message, '[redacted] said [redacted]')
})

test('errors are unhealthy, warnings only where they count as errors', async t => {
  t.ok(isHealthy([], true))
  t.notOk(isHealthy([{ kind: 'warning', message: '' }], true))
  t.ok(isHealthy([{ kind: 'warning', message: '' }], false))
  t.notOk(isHealthy([{ kind: 'warning', message: '' }, { kind: 'unavailable', message: '' }], false))
})

test('a status is working, or one line for each error', async t => {
  t.equal(statusOf([]), 'working')
  t.equal(statusOf([{ kind: 'unavailable', message: 'gone' }, { kind: 'unknown error', message: '' }]), 'unavailable: gone\nunknown error')
})

test('a failure that nobody asked for took no time', async t => {
  t.strictSame(failed('unavailable', 'draining', 5), { errors: [{ kind: 'unavailable', message: 'draining' }], startedAt: 5, duration: 0 })
})

test('a result tells the history of its entry', async t => {
  const history = new History()
  history.record(true, 1)
  history.record(false, 2)
  t.strictSame(toResult({ identifier: 'A', critical: false, healthy: false, outcome: failed('unavailable', 'gone', 2, 9) }, history), {
    identifier: 'A',
    healthy: false,
    critical: false,
    status: 'unavailable: gone',
    errors: [{ kind: 'unavailable', message: 'gone' }],
    startedAt: 2,
    duration: 9,
    since: 2,
    lastSuccess: 1,
    consecutiveFailures: 1,
    runs: 2,
    transitions: 1,
    history: [true, false],
  })
})

test('results are sorted by identifier, by code unit and not by locale', async t => {
  const { results } = toReport(run, ['b', 'a', 'Z', 'ä', '__proto__', 'a'].map(identifier => result(identifier)))
  t.strictSame(results.map(({ identifier }) => identifier), ['Z', '__proto__', 'a', 'a', 'b', 'ä'])
})

test('the results that are given are not put in another order', async t => {
  const given = [result('b'), result('a')]
  toReport(run, given)
  t.equal(given[0]?.identifier, 'b')
})

test('a subset is healthy where every critical check is', async t => {
  t.ok(toReport(run, []).healthy)
  t.ok(toReport(run, [result('a'), result('b', { healthy: false, critical: false })]).healthy)
  t.notOk(toReport(run, [result('a'), result('b', { healthy: false })]).healthy)
})

test('a subset that drains is not healthy, whatever its checks say', async t => {
  t.match(toReport({ ...run, draining: true }, [result('a')]), { healthy: false, draining: true, subset: 'readiness', startedAt: 5, duration: 7 })
})

test('without details the state is told, and no message', async t => {
  const report = toReport(run, [result('a'), result('b', { healthy: false })])
  const { results, ...rest } = withoutDetails(report)
  t.strictSame(results.map(({ status }) => status), ['working', 'unavailable'])
  t.strictSame(results.map(({ errors }) => errors), [[], [{ kind: 'unavailable', message: '' }]])
  t.strictSame({ ...rest, results: report.results }, report)
  t.equal(report.results[1]?.status, 'unavailable: gone', 'the report itself keeps them')
})

test('faults of the configuration are one answer for each id, with all their messages', async t => {
  const hint = 'Mend it.'
  const judged: Judged[] = misconfigured([
    { id: 'E008', message: 'one', hint },
    { id: 'E009', message: 'two', hint },
    { id: 'E008', message: 'redis://u:canary@h', hint },
  ], 5)
  t.strictSame(judged.map(({ identifier, critical, healthy, outcome }) => [identifier, critical, healthy, statusOf(outcome.errors)]), [
    ['E008', true, false, 'unknown error: one\nunknown error: [redacted]'],
    ['E009', true, false, 'unknown error: two'],
  ])
})
