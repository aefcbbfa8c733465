import Fastify from 'fastify'
import { test } from 'tap'
import { createHealth, defineCheck, HealthCheckError, ServiceUnavailable, ServiceWarning, type HealthOptions, type Report } from '../../lib/index.js'
import { nagios, nagiosUnknown } from '../../lib/renderers/nagios.js'

const { log } = Fastify()

function failing (identifier: string, error: Error, critical = true) {
  return defineCheck({ identifier, critical, check () { throw error } })
}

const working = defineCheck({ identifier: 'Cache', check () {} })
const down = failing('Redis', new ServiceUnavailable('connection refused'))
const full = failing('Disk', new ServiceWarning('93 % in use'))

async function reportOf (checks: Array<typeof working>, options: HealthOptions = {}): Promise<Report> {
  return await createHealth({ subsets: { integrations: checks }, ...options }, { log }).run('integrations')
}

/** Its exit code and its line, in the two parts that the bar makes of it. */
function partsOf (report: Report) {
  const { line, exitCode } = nagios(report)
  const [text, performance, ...rest] = line.split('|')
  return { text, performance, rest, exitCode }
}

test('a healthy subset is OK and exits with 0', async t => {
  t.match(partsOf(await reportOf([working])), { text: 'FASTIFY-HEALTH OK - integrations: 1 check working', exitCode: 0, rest: [] })
  t.match(partsOf(await reportOf([working, defineCheck({ identifier: 'B', check () {} })])), { text: 'FASTIFY-HEALTH OK - integrations: 2 checks working', exitCode: 0 })
})

test('a failing subset is CRITICAL, exits with 2 and says what fails', async t => {
  t.match(partsOf(await reportOf([working, down, full])), {
    text: 'FASTIFY-HEALTH CRITICAL - integrations: 2 of 3 checks failing: Disk (warning: 93 % in use), Redis (unavailable: connection refused)',
    exitCode: 2,
    rest: [],
  })
})

test('a subset that fails by warnings alone is a WARNING and exits with 1', async t => {
  t.match(partsOf(await reportOf([working, full])), { text: 'FASTIFY-HEALTH WARNING - integrations: 1 of 2 checks failing: Disk (warning: 93 % in use)', exitCode: 1 })
  t.match(partsOf(await reportOf([full], { warningsAsErrors: false })), { text: /^FASTIFY-HEALTH WARNING/, exitCode: 1 })
})

test('a failure that is not critical is a WARNING, whatever it is', async t => {
  t.match(partsOf(await reportOf([working, failing('Redis', new ServiceUnavailable('gone'), false)])), { text: /^FASTIFY-HEALTH WARNING/, exitCode: 1 })
  t.match(partsOf(await reportOf([full, failing('Redis', new ServiceUnavailable('gone'), false)])), { text: /^FASTIFY-HEALTH WARNING/, exitCode: 1 })
})

test('a subset that is draining is CRITICAL', async t => {
  const health = createHealth({ subsets: { readiness: [], integrations: [failing('A', new HealthCheckError('x'), false)] }, drainSubsets: ['readiness', 'integrations'] }, { log })
  await health.drain()
  for (const subset of health.subsets()) t.match(nagios(await health.run(subset)), { exitCode: 2, line: /^FASTIFY-HEALTH CRITICAL/ })
})

test('how long each check took is performance data', async t => {
  const report = await reportOf([working, down])
  const [cache, redis] = report.results.map(({ duration }) => Math.round(duration * 1000) / 1000)
  t.equal(partsOf(report).performance, `'Cache'=${cache}ms;;;0 'Redis'=${redis}ms;;;0`)
  t.match(nagios(await reportOf([])), { line: /^FASTIFY-HEALTH OK - integrations: 0 checks working$/, exitCode: 0 })
})

test('whatever an identifier or a message holds, there is one line and one bar', async t => {
  const { text, performance, rest } = partsOf(await reportOf([failing("it's|a=b\nc", new ServiceUnavailable('one | two'))]))
  t.equal(text, "FASTIFY-HEALTH CRITICAL - integrations: 1 of 1 check failing: it's/a=b; c (unavailable: one / two)")
  t.match(performance, /^'it''s\/a-b; c'=[\d.]+ms;;;0$/)
  t.strictSame(rest, [])
})

test('several failures of one check stand on the one line', async t => {
  class Two extends (await import('../../lib/index.js')).HealthCheck {
    override check () {
      this.addError(new ServiceUnavailable('first'))
      this.addError('second')
    }
  }
  t.match(partsOf(await reportOf([Two])).text, 'Two (unavailable: first; unknown error: second)')
})

test('what could not be asked is UNKNOWN and exits with 3', t => {
  t.strictSame(nagiosUnknown("Subset: 'ghost' does not exist.\nThere is: 'a|b'"), { line: "FASTIFY-HEALTH UNKNOWN - Subset: 'ghost' does not exist.; There is: 'a/b'", exitCode: 3 })
  t.end()
})
