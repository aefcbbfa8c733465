import { createHash } from 'node:crypto'
import { HtmlValidate } from 'html-validate'
import { test } from 'tap'
import { html } from '../../lib/renderers/html.js'
import { assets } from '../../lib/renderers/html/assets.js'
import { evaluate } from '../helpers/example.js'
import type { Report, Result } from '../../types/report.js'

const noon = Date.UTC(2026, 1, 3, 12, 0, 0)
const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

function result (identifier: string, found: Partial<Result> = {}): Result {
  return {
    identifier,
    healthy: true,
    critical: true,
    status: 'working',
    errors: [],
    startedAt: noon,
    duration: 1.234,
    since: noon - hour,
    lastSuccess: noon,
    consecutiveFailures: 0,
    runs: 60,
    transitions: 0,
    history: Array(60).fill(true),
    ...found,
  }
}

function failing (identifier: string, message: string, found: Partial<Result> = {}): Result {
  return result(identifier, { healthy: false, status: `unavailable: ${message}`, errors: [{ kind: 'unavailable', message }], ...found })
}

function page (results: readonly Result[], found: Partial<Report> = {}): string {
  const healthy = results.every(({ healthy, critical }) => healthy || !critical)
  return html.render({ subset: 'integrations', healthy, draining: false, startedAt: noon, duration: 0, results, ...found })
}

/** The table's rows, one string of the cells' text each. */
function rows (text: string): string[] {
  return [...text.matchAll(/<tr class.*<\/tr>/g)].map(([row]) => row
    .replace(/<svg.*?<title>(.*?)<\/title>.*?<\/svg>/g, '$1')
    .replace(/<\/t[dh]>/g, '|')
    .replace(/<[^>]*>/g, '')
    .replace(/\|$/, ''))
}

/** The style and the script of the built package's page. It runs in a process of its own, since it is no source to be covered. */
async function builtAssets () {
  const { body, headers } = await evaluate(`
    import Fastify from 'fastify'
    import health from 'fastify-health'
    const app = Fastify()
    await app.register(health, { subsets: { readiness: [] } })
    const { body, headers } = await app.inject('/healthcheck/readiness')
    console.log(JSON.stringify({ body, headers }))
    await app.close()
  `) as { body: string, headers: Record<string, string> }
  const between = (tag: string) => new RegExp(`<${tag}[^>]*>([^<]*)</${tag}>`).exec(body)?.[1] as string
  return { style: between('style'), script: between('script'), policy: headers['content-security-policy'] }
}

function verdict (text: string): string | undefined {
  return /<p role="status">(.*)<\/p>/.exec(text)?.[1]
}

function summary (text: string): string | undefined {
  return /<div>\n<p>(.*)<\/p>/.exec(text)?.[1]
}

test('the page begins and is titled as every version of it', async t => {
  const text = page([result('RedisCheck')])
  t.ok(text.startsWith('<!DOCTYPE html><html lang="en">'))
  t.match(text, '<title>System status</title>')
})

test('it says which subset it is about, how that is, and as of when', async t => {
  const text = page([result('RedisCheck')], { subset: 'readiness', duration: 1500 })
  t.match(text, '<h1>System status: readiness</h1>')
  t.equal(verdict(text), 'healthy')
  t.equal(summary(text), '1 working')
  t.match(text, 'as of <time datetime="2026-02-03T12:00:01Z">2026-02-03 12:00:01 UTC</time>, took 1.50 s')
})

test('a check that works is one line: state, identifier, outcomes, since when, last success, time taken', async t => {
  t.strictSame(rows(page([result('RedisCheck', { since: noon - 2 * hour - 3 * minute, lastSuccess: noon - 5 * second })])),
    ['working|RedisCheck||60 of the last 60 runs passed|2 h 3 min ago|5 s ago|1.2 ms'])
})

test('a check that fails says why, and how often it has in a row', async t => {
  const text = page([
    failing('RedisCheck', 'connection refused', { consecutiveFailures: 1 }),
    failing('SearchCheck', 'timed out', { consecutiveFailures: 12, since: noon - 3 * minute, lastSuccess: noon - day }),
  ])
  t.equal(verdict(text), 'unhealthy')
  t.equal(summary(text), '2 failing')
  t.strictSame(rows(text), [
    'failing|RedisCheck|unavailable: connection refused|60 of the last 60 runs passed|1 h 0 min ago|now|1.2 ms',
    'failing|SearchCheck|unavailable: timed out 12 times in a row|60 of the last 60 runs passed|3 min ago|24 h 0 min ago|1.2 ms',
  ])
})

test('a failure that is not critical is shown as such, and unlike one that is', async t => {
  const text = page([failing('Feature flags', 'refused', { critical: false }), failing('RedisCheck', 'refused')])
  t.match(rows(text)[0], 'failing|Feature flags non-critical|unavailable: refused|')
  t.match(text, /<tr class="mild">.*Feature flags/)
  t.match(text, /<tr class="bad">.*RedisCheck/)
  t.equal(summary(text), '1 failing · 1 non-critical failing')
  t.equal(verdict(page([failing('Feature flags', 'refused', { critical: false })])), 'healthy')
})

test('a warning that fails nothing is shown with its text', async t => {
  const text = page([result('DiskUsageCheck', { status: 'warning: 93 %', errors: [{ kind: 'warning', message: '93 %' }] }), result('RedisCheck')])
  t.match(rows(text)[0], 'warning|DiskUsageCheck|warning: 93 %|')
  t.equal(summary(text), '1 warning · 1 working')
  t.equal(verdict(text), 'healthy')
})

test('every line of a status is there', async t => {
  t.match(page([failing('RedisCheck', 'a\nunexpected result: b')]), '<td>unavailable: a\nunexpected result: b</td>')
})

test('draining is a verdict of its own', async t => {
  const text = page([failing('RedisCheck', 'draining')], { draining: true, healthy: false })
  t.equal(verdict(text), 'draining')
  t.equal(summary(text), '1 draining')
  t.match(rows(text)[0], 'draining|RedisCheck|unavailable: draining|')
  t.match(text, '<main class="draining"')
})

test('a subset without checks says so', async t => {
  const text = page([])
  t.equal(summary(text), 'no checks')
  t.notMatch(text, '<table>')
})

test('a check that has not run has no moments and no outcomes', async t => {
  t.strictSame(rows(page([failing('E004', 'no such module', { since: null, lastSuccess: null, history: [], duration: 0 })])),
    ['failing|E004|unavailable: no such module|no runs yet|not run yet|never|0.0 ms'])
})

test('checks stand in the order of the report', async t => {
  t.strictSame(rows(page(['b', 'a', 'c'].map(identifier => result(identifier)))).map(row => row.split('|')[1]), ['b', 'a', 'c'])
})

test('an age is given in at most two units, and a moment to come is now', async t => {
  const ages: Array<[ago: number, age: string]> = [
    [-5 * second, 'now'], [0, 'now'], [999, 'now'], [second, '1 s ago'], [minute - 1, '59 s ago'], [minute, '1 min ago'],
    [hour - 1, '59 min ago'], [hour, '1 h 0 min ago'], [2 * day - 1, '47 h 59 min ago'], [2 * day, '2 d 0 h ago'], [400 * day + 5 * hour, '400 d 5 h ago'],
  ]
  for (const [ago, age] of ages) t.equal(rows(page([result('RedisCheck', { since: noon - ago })]))[0]?.split('|')[4], age)
})

test('an age stands for its exact moment in UTC', async t => {
  t.match(page([result('RedisCheck', { since: Date.UTC(2025, 11, 31, 23, 59, 59, 999) })]),
    '<time datetime="2025-12-31T23:59:59Z">33 d 12 h ago</time>')
})

test('a time taken is in milliseconds below one second', async t => {
  const times: Array<[duration: number, text: string]> = [[0, '0.0 ms'], [12.34, '12.3 ms'], [999.94, '999.9 ms'], [999.95, '1.00 s'], [3004, '3.00 s']]
  for (const [duration, text] of times) t.equal(rows(page([result('RedisCheck', { duration })]))[0]?.split('|')[6], text)
})

/** What the strip's lines draw, as one letter an outcome: failures cover what is below them. */
function drawn (text: string): string {
  const slots = Array(60).fill(' ')
  for (const [, name, d = ''] of text.matchAll(/<path class="(none|up|down)" d="(.*?)"/g)) {
    let x = 0
    for (const [, command, number] of d.matchAll(/([MmhH])(\d+)/g)) {
      const to = command === 'M' || command === 'H' ? Number(number) : x + Number(number)
      if (command === 'h' || command === 'H') slots.fill(name === 'none' ? '.' : name === 'up' ? '+' : '-', x / 3, to / 3)
      x = to
    }
  }
  return slots.join('')
}

test('the strip shows each outcome in its place, the latest at the right', async t => {
  const histories = [
    '', '+', '-', '+-', '-+', '-+-++--', '+'.repeat(60), '-'.repeat(60), '+-'.repeat(30), '--+'.repeat(20), '-'.repeat(30) + '+'.repeat(29), `${'+'.repeat(36)}-`,
  ]
  for (const outcomes of histories) {
    t.equal(drawn(page([result('RedisCheck', { history: [...outcomes].map(outcome => outcome === '+') })])), outcomes.padStart(60, '.'))
  }
})

test('the strip says in words how many runs passed', async t => {
  t.match(page([result('RedisCheck', { history: [true, false, true] })]), 'role="img"><title>2 of the last 3 runs passed</title>')
})

test('hostile text stays text wherever it stands', async t => {
  const hostile = '</script><script>alert(1)</script><img src=x onerror=alert(1)>&lt;"\''
  const text = page([failing(hostile, hostile)], { subset: hostile })
  t.equal(text.split('<script').length, 2, 'the script of the page is the only one')
  t.notMatch(text, '<img')
  t.equal(text.split('&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&amp;lt;&quot;&#39;').length, 5)
})

test('the policy lets in this style, this script, its own URL and nothing else', async t => {
  const pages = [page([]), page(Array.from({ length: 11 }, (_, index) => result(`Check ${index}`)))]
  const hash = (tag: string) => pages.map(text => `'sha256-${createHash('sha256').update(new RegExp(`<${tag}[^>]*>([^<]*)</${tag}>`).exec(text)?.[1] ?? '').digest('base64')}'`).join(' ')
  t.equal(html.headers['content-security-policy'], [
    "default-src 'none'", `style-src ${hash('style')}`, `script-src ${hash('script')}`, "connect-src 'self'", 'img-src data:',
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  ].join('; '))
})

test('the policy of the built package is that of its own page', async t => {
  const { style, script, policy } = await builtAssets()
  for (const text of [style, script]) t.match(policy, `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
  t.notMatch(style, /\n/)
})

test('nothing on it needs what the policy forbids', async t => {
  const text = page([failing('RedisCheck', 'refused', { critical: false })])
  t.notMatch(text, / style=| on[a-z]+="/)
  t.strictSame([...text.matchAll(/ (?:src|href|action)="(.{5})/g)].map(([, url]) => url), ['data:'])
})

test('no search engine lists it', async t => {
  t.equal(html.headers['x-robots-tag'], 'noindex')
  t.match(page([]), '<meta name="robots" content="noindex">')
})

test('it is valid HTML, whatever it shows', async t => {
  const validator = new HtmlValidate({ root: true, extends: ['html-validate:recommended', 'html-validate:document', 'html-validate:a11y'] })
  const pages = {
    healthy: page([result('RedisCheck')]),
    failing: page([failing('<b>', '&\n"x"'), failing('Feature flags', 'refused', { critical: false, history: [false, true] }), result('RedisCheck', { history: [] })]),
    draining: page([failing('RedisCheck', 'draining')], { draining: true }),
    empty: page([]),
    large: page(Array.from({ length: 50 }, (_, index) => index % 9 === 0 ? failing(`Check ${index}`, 'refused') : result(`Check ${index}`))),
  }
  for (const [name, text] of Object.entries(pages)) {
    const { results } = await validator.validateString(text)
    t.strictSame(results.flatMap(({ messages }) => messages.map(({ ruleId, message, line }) => `${ruleId}: ${message} (line ${line})`)), [], name)
  }
})

test('a subset of more than ten checks has what it takes to search in it, which only the script shows', async t => {
  const checks = (count: number) => Array.from({ length: count }, (_, index) => result(`Check ${index}`))
  t.notMatch(page(checks(10)), 'role="search"')
  t.match(page(checks(11)), '<div role="search" hidden>')
  t.notMatch(page(checks(11)), '<nav')
  t.notMatch(page([...checks(9), failing('Search', 'no such index')]), '<nav', 'a short page needs no way to its rows')
  const large = page([...checks(11), failing('Search <1>', 'no such index'), failing('Mail', 'no such host')])
  t.match(large, '<nav aria-label="Failing checks">Failing: <a href="#check-11">Search &lt;1&gt;</a>, <a href="#check-12">Mail</a></nav>')
  t.match(large, '<tr class="bad" id="check-11">')
})

test('ten checks with a full history are less than 15 KB, even where each run differs from the one before', async t => {
  const identifiers = Array.from({ length: 10 }, (_, index) => `DatabaseHeartbeatCheck ${index}`)
  const flapping = Array.from({ length: 60 }, (_, index) => index % 2 === 0)
  const worst = page(identifiers.map(identifier => failing(identifier, 'connection refused', { critical: false, consecutiveFailures: 60, history: flapping })))
  // What the page holds is minified by the build only.
  const { style, script } = await builtAssets()
  const size = (text: string) => Buffer.byteLength(text) - Buffer.byteLength(assets.plain.style + assets.plain.script) + Buffer.byteLength(style + script)
  t.ok(size(page(identifiers.map(identifier => result(identifier)))) < 13_000)
  t.ok(size(worst) < 15_000, `${size(worst)} bytes`)
})

test('a hundred checks with a full history are rendered in a few milliseconds', async t => {
  const history = Array.from({ length: 60 }, (_, index) => index % 7 !== 0)
  const results = Array.from({ length: 100 }, (_, index) => failing(`Check ${index}`, 'connection refused', { history }))
  const times = Array.from({ length: 100 }, () => {
    const begun = performance.now()
    page(results)
    return performance.now() - begun
  })
  t.ok(Math.min(...times) < 5, `${Math.min(...times).toFixed(2)} ms`)
})
