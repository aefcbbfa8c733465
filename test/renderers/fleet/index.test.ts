import { HtmlValidate } from 'html-validate'
import { test } from 'tap'
import { fleetRenderers } from '../../../lib/renderers/fleet/index.js'
import { renderers } from '../../../lib/renderers/index.js'
import { withoutInstanceDetails } from '../../../lib/renderers/fleet/words.js'
import type { Roster } from '../../../types/fleet.js'
import { alone, roster, well } from '../../fixtures/roster.js'

const service = { version: '1.2.3', releaseId: 'abc' }

function rendered (name: string, subject: Roster): any {
  return fleetRenderers.find(renderer => renderer.name === name)?.render(subject, service)
}

test('there is each format that a subset has, of the same type', async t => {
  const described = (all: ReadonlyArray<{ name: string, mediaType: string, contentType: string, alwaysOk?: boolean }>) => all.map(({ name, mediaType, contentType, alwaysOk }) => [name, mediaType, contentType, alwaysOk])
  t.strictSame(described(fleetRenderers), described(renderers))
})

test('plain has a line for the fleet, each subset, each mute and each instance', async t => {
  t.equal(rendered('plain', roster), [
    'shop <1>                 ... 4 up, 2 draining, 1 gone',
    'integrations             ... failing at 2 of 6',
    'readiness                ... healthy at 5',
    'integrations: Till       ... muted by ops until 2026-02-03T13:00:00.000Z: a <move>',
    'bad:1                    ... integrations: Payments unavailable: connection refused, Till unavailable: locked (muted), Disk warning: full (non-critical), since 34 s ago',
    'odd:1                    ... draining; integrations: failing, since 5 s ago',
    'lost:1                   ... gone without goodbye, since 3 min ago',
    'leaving:1                ... draining, since 1 min ago',
    'fair:1                   ... up, since 1 min ago',
    'good:1                   ... up, since 1 min ago',
    '',
  ].join('\n'))
  t.match(rendered('plain', alone), /^shop +\.\.\. only this instance is known: connection refused\n/)
})

test('json is all of it, with moments as texts', async t => {
  t.match(rendered('json', roster), {
    fleet: 'shop <1>',
    healthy: false,
    at: '2026-02-03T12:00:00.000Z',
    up: 4,
    draining: 2,
    gone: 1,
    subsets: [{ subset: 'integrations', healthy: 4, failing: 2 }, { subset: 'readiness', healthy: 5, failing: 0 }],
    mutes: [{ subset: 'integrations', identifier: 'Till', since: '2026-02-03T11:59:00.000Z', until: '2026-02-03T13:00:00.000Z', because: 'a <move>', by: 'ops' }],
    instances: [{ instance: 'bad:1', seen: '2026-02-03T11:59:59.000Z', subsets: [{ at: '2026-02-03T11:59:58.000Z', failing: [{ identifier: 'Payments', since: '2026-02-03T11:59:26.000Z' }, {}, {}] }, {}] }, {}, {}, {}, {}, {}],
  })
  t.match(rendered('json', well), { healthy: true })
  t.match(rendered('json', alone), { healthy: false, unavailable: 'connection refused' })
})

test('health+json has a component for each instance, and for each subset that it was asked for', async t => {
  const body = rendered('health+json', roster)
  t.match(body, { status: 'fail', version: '1.2.3', releaseId: 'abc' })
  t.strictSame(Object.keys(body.checks), [
    'bad - 1:state', 'bad - 1:integrations', 'bad - 1:readiness', 'odd - 1:state', 'odd - 1:integrations', 'lost - 1:state', 'leaving - 1:state', 'fair - 1:state', 'fair - 1:integrations', 'good - 1:state', 'good - 1:readiness',
  ])
  t.strictSame(body.checks['bad - 1:integrations'], [{
    componentId: 'bad:1',
    componentType: 'system',
    version: '1.2.3',
    releaseId: 'abc',
    observedValue: 'failing',
    status: 'fail',
    time: '2026-02-03T11:59:58.000Z',
    output: 'Payments unavailable: connection refused\nTill unavailable: locked (muted)\nDisk warning: full (non-critical)',
  }])
  t.match(body.checks['lost - 1:state'], [{ observedValue: 'gone', status: 'fail', output: 'gone without goodbye', since: '2026-02-03T11:57:00.000Z' }])
  t.match(body.checks['leaving - 1:state'], [{ observedValue: 'draining', status: 'warn' }])
  t.match([body.checks['fair - 1:integrations'], body.checks['good - 1:readiness']], [[{ status: 'warn' }], [{ status: 'pass' }]])
  t.match(rendered('health+json', well), { status: 'pass' })
  t.match(rendered('health+json', alone), { status: 'fail', output: 'only this instance is known: connection refused' })
  const [twin] = well.instances
  t.equal(rendered('health+json', { ...well, instances: [twin, twin] } as Roster).checks['good - 1:state'].length, 2, 'two of one name are both in it')
})

test('openmetrics counts instances, and has no series of any of them', async t => {
  const text = rendered('openmetrics', roster)
  for (const line of [
    'fastify_health_fleet_reachable{fleet="shop <1>"} 1',
    'fastify_health_fleet_instances{fleet="shop <1>",state="up"} 4',
    'fastify_health_fleet_instances{fleet="shop <1>",state="gone"} 1',
    'fastify_health_fleet_subset_instances{fleet="shop <1>",subset="integrations",found="failing"} 2',
    'fastify_health_fleet_muted_since_timestamp_seconds{fleet="shop <1>",subset="integrations",check="Till"} 1770119940',
  ]) t.ok(text.split('\n').includes(line), line)
  t.notMatch(text, 'bad:1')
  t.match(text, /# EOF\n$/)
  t.strictSame(rendered('openmetrics', alone).split('\n').filter((line: string) => line !== '' && !line.startsWith('#')), ['fastify_health_fleet_reachable{fleet="shop"} 0'])
})

test('the page shows which instance, which check and since when, the worst first, and those that are well together', async t => {
  const text: string = rendered('html', roster)
  const rows = [...text.matchAll(/<tr class="(\w+)">(.*?)<\/tr>/g)].map(([, look, cells = '']) => [look, ...cells.split(/<\/t[dh]>/).map(cell => cell.replace(/<[^>]*>/g, ''))].join('|'))
  t.strictSame(rows, [
    'bad|failing|bad:1|integrations: Payments unavailable: connection refused since 34 s ago, Till unavailable: locked (muted) since 1 min ago, Disk warning: full (non-critical) since 2 min ago|34 s ago|1 s ago|1.2.3 abc|',
    'bad|failing|odd:1|integrations: failing|5 s ago|now||',
    'bad|gone|lost:1|It did not say goodbye.|3 min ago|3 min ago||',
    'away|draining|leaving:1||1 min ago|now||',
    'mild|up|fair:1|integrations: Till unavailable: locked (muted) since 1 min ago|1 min ago|now||',
  ])
  t.match(text, '<h1>Fleet: shop &lt;1&gt;</h1>\n<p role="status">unhealthy</p>')
  t.match(text, '<p>4 up, 2 draining, 1 gone · integrations failing at 2 of 6 · readiness healthy at 5</p>')
  t.match(text, '<li>integrations: Till, muted by ops until 2026-02-03T13:00:00.000Z: a &lt;move&gt;</li>')
  t.match(text, '<li>good:1 <small>1.2.3</small></li>')
  t.match(text, '<h2>1 more that are not shown</h2>')
  t.match(rendered('html', well), '<p role="status">healthy</p>')
  t.match(rendered('html', alone), '<p>Only this instance is known: connection refused</p>')
  const bare = rendered('html', { ...well, instances: well.instances.map(({ version, ...instance }) => instance) })
  t.match(bare, '<li>good:1</li>')
})

test('the page is valid HTML', async t => {
  const validator = new HtmlValidate({ extends: ['html-validate:recommended'], rules: { 'no-inline-style': 'error', 'require-sri': 'off' } })
  for (const subject of [roster, well, alone]) {
    const { valid, results } = await validator.validateString(rendered('html', subject))
    t.ok(valid, JSON.stringify(results.flatMap(({ messages }) => messages)))
  }
})

test('those who see no details see states, kinds and names', async t => {
  const told = JSON.stringify([withoutInstanceDetails(roster), withoutInstanceDetails(alone)])
  t.notMatch(told, /connection refused|locked|full|move|ops/)
  t.match(withoutInstanceDetails(roster), { mutes: [{ until: roster.mutes[0]?.until }], instances: [{ subsets: [{ failing: [{ identifier: 'Payments', status: 'unavailable' }, {}, {}] }, {}] }, {}, {}, {}, {}, {}] })
  t.match(withoutInstanceDetails(alone), { unavailable: 'unavailable' })
})
