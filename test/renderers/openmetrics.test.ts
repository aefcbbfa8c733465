import Fastify from 'fastify'
import { test } from 'tap'
import fastifyHealth, { createHealth, defineCheck, ServiceUnavailable, type Report } from '../../lib/index.js'
import { renderers } from '../../lib/renderers/index.js'
import { openmetrics } from '../../lib/renderers/openmetrics.js'
import { promtool } from '../helpers/prometheus.js'

const { log } = Fastify()
const working = defineCheck({ identifier: 'Cache', check () {} })
const broken = defineCheck({ identifier: 'Database', check () { throw new Error('no') } })

async function reportOf (...entries: Array<typeof working>): Promise<Report> {
  return await createHealth({ subsets: { integrations: entries } }, { log }).run('integrations')
}

const rendered = (report: Report) => openmetrics.render(report, {}) as string
const linesOf = (report: Report) => rendered(report).split('\n').filter(line => !line.startsWith('#') && line !== '')

test('each check has a status, a duration, the moment of its last success, and counters of its runs and changes', async t => {
  const report = await reportOf(working, broken)
  const [cache, database] = report.results
  const labels = (check: string) => `{subset="integrations",check="${check}"}`
  t.strictSame(linesOf(report), [
    'fastify_health_subset_status{subset="integrations"} 0',
    `fastify_health_check_status${labels('Cache')} 1`,
    `fastify_health_check_status${labels('Database')} 0`,
    `fastify_health_check_borne${labels('Cache')} 0`,
    `fastify_health_check_borne${labels('Database')} 0`,
    `fastify_health_check_duration_seconds${labels('Cache')} ${Math.round(cache!.duration * 1000) / 1e6}`,
    `fastify_health_check_duration_seconds${labels('Database')} ${Math.round(database!.duration * 1000) / 1e6}`,
    `fastify_health_check_last_success_timestamp_seconds${labels('Cache')} ${cache!.lastSuccess! / 1000}`,
    `fastify_health_check_runs_total${labels('Cache')} 1`,
    `fastify_health_check_runs_total${labels('Database')} 1`,
    `fastify_health_check_transitions_total${labels('Cache')} 0`,
    `fastify_health_check_transitions_total${labels('Database')} 1`,
  ])
})

test('counters count over runs', async t => {
  let fails = false
  const health = createHealth({ subsets: { s: [defineCheck({ identifier: 'A', check () { if (fails) throw new Error('no') } })] } }, { log })
  await health.run('s')
  fails = true
  await health.run('s')
  fails = false
  const text = rendered(await health.run('s'))
  t.match(text, 'fastify_health_check_runs_total{subset="s",check="A"} 3')
  t.match(text, 'fastify_health_check_transitions_total{subset="s",check="A"} 2')
})

const suffixes: Readonly<Record<string, string>> = { counter: '_total', gauge: '', unknown: '' }

test('it is OpenMetrics: each sample belongs to the family that is explained before it, and it ends with EOF', async t => {
  const text = rendered(await reportOf(working, broken))
  t.ok(text.endsWith('\n# EOF\n'))
  const families = new Map<string, string>()
  let family = ''
  for (const line of text.split('\n').slice(0, -2)) {
    const [, comment, name = '', rest = ''] = /^(?:# (HELP|TYPE|UNIT) )?(\w+) ?(.*)$/.exec(line)!
    if (comment === undefined) {
      t.equal(name, `${family}${suffixes[families.get(family)!]}`, line)
      continue
    }
    if (comment === 'HELP') t.notOk(families.has(family = name), 'a family is explained once')
    t.equal(name, family, line)
    if (comment === 'UNIT') t.ok(name.endsWith(`_${rest}`), line)
    // What is not told is unknown.
    if (comment !== 'UNIT') families.set(name, comment === 'TYPE' ? rest : 'unknown')
  }
})

test('promtool has nothing to say of it', async t => {
  t.strictSame(await promtool(['check', 'metrics'], rendered(await reportOf(working, broken))), { status: 0, said: '' })
  t.strictSame(await promtool(['check', 'metrics'], rendered(await reportOf())), { status: 0, said: '' })
})

test('an identifier with quotes, backslashes and line breaks is a label of that text', async t => {
  const identifier = 'C:\\new "disk"\nof } mine {x="y"} é 🙂'
  const [line] = linesOf(await reportOf(defineCheck({ identifier, check () {} }))).filter(line => line.startsWith('fastify_health_check_status'))
  t.equal(line, 'fastify_health_check_status{subset="integrations",check="C:\\\\new \\"disk\\"\\nof } mine {x=\\"y\\"} é 🙂"} 1')
  t.equal(JSON.parse(/check=("(?:[^"\\]|\\.)*")/.exec(line!)![1]!), identifier)
  const { status } = await promtool(['check', 'metrics'], rendered(await reportOf(defineCheck({ identifier, check () {} }))))
  t.equal(status, 0)
})

test('its labels are the subset and the check, and no message', async t => {
  const report = await reportOf(defineCheck({ identifier: 'A', check () { throw new ServiceUnavailable('port 4711 refused') } }))
  t.notMatch(rendered(report), '4711')
  for (const line of linesOf(report)) t.match(line, /^\w+\{subset="integrations"(?:,check="A")?\} [\d.e-]+$/)
})

test('a failing subset answers 200, so that it can be scraped', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyHealth, { subsets: { integrations: [broken] } })
  const { statusCode, headers, body } = await app.inject('/healthcheck/integrations?format=openmetrics')
  t.equal(statusCode, 200)
  t.equal(headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  t.match(body, 'fastify_health_subset_status{subset="integrations"} 0')
})

test('it is the last of the formats', async t => {
  t.strictSame(renderers.map(({ name }) => name), ['html', 'json', 'plain', 'health+json', 'openmetrics'])
})
