import { setTimeout as sleep } from 'node:timers/promises'
import { createHealth, defineCheck, HealthRegistry, ServiceUnavailable, ServiceWarning, type Entry, type Roster } from '../../lib/index.js'
import { startInstance, startProcess, type Instance } from '../helpers/fleet.js'
import { fleetTests, type Fleet } from '../helpers/fleet-tests.js'
import { eventually, until } from '../helpers/leaks.js'
import { recordedLog } from '../helpers/recorded-log.js'

const patience = { timeout: 20_000 }
const canary = 'the till is locked'

const shared = fleetTests(600)
const { test } = shared

const failing: Entry = defineCheck({ identifier: 'Till', interval: 100, check () { throw new ServiceUnavailable(canary) } })
const warning: Entry = defineCheck({ identifier: 'Disk', critical: false, interval: 100, check () { throw new ServiceWarning('full') } })

async function seen (instance: Instance | { health: HealthRegistry }, condition: (roster: Roster) => boolean, options?: { limit: number }): Promise<Roster> {
  return await eventually(async () => {
    const roster = await instance.health.roster(options)
    if (!condition(roster)) throw new Error(JSON.stringify(roster))
    return roster
  }, patience)
}

const states = ({ instances }: Roster) => Object.fromEntries(instances.map(({ instance, state }) => [instance, state]))
const keys = async ({ name }: Fleet) => await shared.admin.keys(`fastify-health:{${name}}:*`)

test('every instance is in it, with its version, since when, and what it found of each subset last', async (t, fleet) => {
  const begun = Date.now()
  const service = { version: '1.2.3', releaseId: 'abc' }
  const one = startInstance(t, { fleet: { ...fleet, instance: 'one' }, others: [failing, warning], service })
  const two = startInstance(t, { fleet: { ...fleet, instance: 'two' } })
  const roster = await seen(two, ({ up, subsets }) => up === 2 && subsets[0]?.failing === 1 && subsets[0]?.healthy === 1)
  t.match(roster, { fleet: fleet.name, up: 2, draining: 0, gone: 0, subsets: [{ subset: 's', healthy: 1, failing: 1 }], mutes: [] })
  const [first, second] = roster.instances
  t.match(first, {
    instance: 'one',
    state: 'up',
    version: '1.2.3',
    releaseId: 'abc',
    subsets: [{
      subset: 's',
      healthy: false,
      failing: [
        { identifier: 'Till', kind: 'unavailable', status: 'unavailable', critical: true, muted: false },
        { identifier: 'Disk', kind: 'warning', status: 'warning', critical: false, muted: false },
      ],
    }],
  })
  t.match(second, { instance: 'two', state: 'up', subsets: [{ subset: 's', healthy: true, failing: [] }] })
  t.notOk('version' in (second as object))
  for (const { since, seen, subsets } of roster.instances) {
    const moments = [since, ...subsets.flatMap(({ at, failing }) => [at, ...failing.map(({ since }) => since)])]
    t.ok(moments.every(moment => moment >= begun - 1000 && moment <= Date.now() + 1000), JSON.stringify(moments))
    t.ok(seen >= begun - 1000 && seen <= Date.now() + 1000)
  }
  t.strictSame(await one.health.roster().then(({ up }) => up), 2)
  const stored = (await Promise.all((await keys(fleet)).filter(key => key.includes(':instance:')).map(async key => await shared.admin.get(key)))).join()
  t.notMatch(stored, canary)
})

test('messages are in it where the fleet shares details', async (t, fleet) => {
  const one = startInstance(t, { fleet: { ...fleet, details: true }, others: [failing] })
  const { instances: [instance] } = await seen(one, ({ subsets }) => subsets[0]?.failing === 1)
  t.match(instance, { subsets: [{ failing: [{ kind: 'unavailable', status: `unavailable: ${canary}` }] }] })
})

test('who drains is told so at once, and who says goodbye is forgotten, with all that it left', async (t, fleet) => {
  const one = startInstance(t, { fleet: { ...fleet, instance: 'one', ttl: 60_000 }, drainSubsets: ['s'] })
  const two = startInstance(t, { fleet: { ...fleet, instance: 'two', ttl: 60_000 } })
  await seen(two, ({ up }) => up === 2)
  one.health.drain(60_000)
  const roster = await seen(two, ({ draining }) => draining === 1)
  t.strictSame(states(roster), { one: 'draining', two: 'up' })
  t.match(roster, { up: 1, gone: 0 })
  t.match(roster.instances[0], { subsets: [{ healthy: true }] }, 'that it drains says nothing of what it asks')
  await one.health.close()
  t.strictSame(states(await two.health.roster()), { two: 'up' })
  await two.health.close()
  t.strictSame((await keys(fleet)).filter(key => !/:(?:question:.*|subsets)$/.test(key)), [])
})

test('who is gone without goodbye is told so until nothing of it is left', async (t, fleet) => {
  const one = startProcess(t, { fleet: { ...fleet, instance: 'one' } })
  const two = startInstance(t, { fleet: { ...fleet, instance: 'two' } })
  await seen(two, ({ up }) => up === 2)
  const killed = Date.now()
  one.child.kill('SIGKILL')
  const roster = await seen(two, ({ gone }) => gone === 1)
  t.match(roster, { up: 1, draining: 0, subsets: [{ subset: 's', healthy: 1, failing: 0 }] })
  t.match(roster.instances.map(({ instance, state }) => [instance, state]), [['one', 'gone'], ['two', 'up']])
  t.ok((roster.instances[0]?.seen as number) < killed + 1000)
  t.strictSame(states(await seen(two, ({ gone }) => gone === 0)), { two: 'up' })
  await two.health.close()
  await until(async () => (await keys(fleet)).length === 0, patience)
})

test('who is frozen is gone, and comes back', async (t, fleet) => {
  const one = startProcess(t, { fleet: { ...fleet, instance: 'one' } })
  const two = startInstance(t, { fleet: { ...fleet, instance: 'two' } })
  await seen(two, ({ up }) => up === 2)
  one.child.kill('SIGSTOP')
  await seen(two, ({ gone }) => gone === 1)
  one.child.kill('SIGCONT')
  t.match(await seen(two, ({ gone, up }) => gone === 0 && up === 2), { draining: 0 })
})

test('who is started anew under the same name takes the place of what was there', async (t, fleet) => {
  const named = { ...fleet, instance: 'pod:1', ttl: 30_000 }
  const one = startProcess(t, { fleet: named })
  const two = startInstance(t, { fleet: { ...fleet, instance: 'two', ttl: 30_000 } })
  await seen(two, ({ up }) => up === 2)
  one.child.kill('SIGKILL')
  const again = startInstance(t, { fleet: named })
  await seen(again, ({ up, instances }) => up === 2 && instances.length === 2)
  t.strictSame(states(await again.health.roster()), { 'pod:1': 'up', two: 'up' })
  t.strictSame(again.log.messages(), [])
})

test('two of one name are told so, once, and both live on', async (t, fleet) => {
  const named = { ...fleet, instance: 'pod:1' }
  const both = [startInstance(t, { fleet: named }), startInstance(t, { fleet: named })] as const
  for (const { log } of both) await until(() => log.lines.length > 0, patience)
  await seen(both[0], ({ up }) => up === 2)
  await sleep(1000)
  for (const { log } of both) t.strictSame(log.messages(), ["health: another instance of the fleet is called 'pod:1' as well. Give each a name of its own: `fleet.instance`."])
  t.strictSame((await seen(both[1], ({ up }) => up === 2)).instances.map(({ instance, state }) => [instance, state]), [['pod:1', 'up'], ['pod:1', 'up']])
})

test('the worst stand first, and not more than are asked for are read', async (t, fleet) => {
  const observer = startInstance(t, { fleet: { ...fleet, instance: 'observer' } })
  const [bad, worse] = [startInstance(t, { fleet: { ...fleet, instance: 'worse' }, others: [failing] }), await sleep(300).then(() => startInstance(t, { fleet: { ...fleet, instance: 'bad' }, others: [failing] }))]
  const draining = startInstance(t, { fleet: { ...fleet, instance: 'draining' } })
  draining.health.drain(60_000)
  const lost = startProcess(t, { fleet: { ...fleet, instance: 'lost' } })
  await seen(observer, ({ up }) => up === 4)
  lost.child.kill('SIGKILL')
  const roster = await seen(observer, ({ gone, draining, subsets }) => gone === 1 && draining === 1 && subsets[0]?.failing === 2)
  t.strictSame(roster.instances.map(({ instance }) => instance), ['worse', 'bad', 'lost', 'draining', 'observer'])
  const some = await observer.health.roster({ limit: 3 })
  t.strictSame(some.instances.map(({ instance }) => instance), ['worse', 'bad', 'lost'])
  t.match(some, { up: 3, draining: 1, gone: 1 })
  t.match(await observer.health.roster({ limit: 0 }), { up: 3, instances: [] })
  t.ok(bad && worse)
})

test('what is not the fleet\'s own is left out, and logged once', async (t, fleet) => {
  const one = startInstance(t, { fleet: { ...fleet, instance: 'one', ttl: 60_000 } })
  await seen(one, ({ up }) => up === 1)
  const base = `fastify-health:{${fleet.name}}:`
  const values = [
    'text', '5 {', '5 []', '5 {"n":"a"}', '5 {"n":"a","s":1,"t":1,"u":[5]}', '5 {"n":"a","s":1,"t":1,"u":[["s",1]]}',
    '5 {"n":"a","s":1,"t":1,"u":[["s",1,1,[5]]]}', '5 {"n":"a","s":1,"t":1,"u":[["s",1,1,[["Till"]]]]}',
  ]
  for (const [index, value] of values.entries()) {
    await shared.admin.zadd(`${base}instances`, Date.now() + 60_000, `foreign-${index}`)
    await shared.admin.set(`${base}instance:foreign-${index}`, value)
  }
  await shared.admin.zadd(`${base}instances`, Date.now() + 60_000, 'expired')
  await shared.admin.hset(`${base}mutes`, 'text', '5 9999999999999 {}', '["s"]', '5 9999999999999 {}', '["s","a"]', 'text', '["s","b"]', '5 9999999999999 [', '["s","Payments"]', `${Date.now()} ${Date.now() + 60_000} {"because":5,"by":5}`)
  const roster = await one.health.roster()
  t.strictSame(states(roster), { one: 'up' })
  t.match(roster.mutes, [{ subset: 's', identifier: 'Payments' }])
  await one.health.roster()
  t.strictSame(one.log.messages().sort(), [
    "health: what Redis holds of the fleet is not all of the fleet's own: a mute cannot be read. It is ignored.",
    "health: what Redis holds of the fleet is not all of the fleet's own: what an instance says cannot be read. It is ignored.",
  ])
  await shared.admin.del(`${base}instances`)
  await shared.admin.set(`${base}instances`, 'text')
  t.match(await one.health.roster(), { unavailable: 'what Redis holds is not of the fleet', instances: [{ instance: 'one' }] })
})

test('control characters of others reach nobody', async (t, fleet) => {
  const one = startInstance(t, { fleet: { ...fleet, instance: 'red\u001b[31m\none' } })
  t.strictSame(states(await seen(one, ({ up }) => up === 1)), { 'red [31m one': 'up' })
})

test('what an instance says of a subset is less than 2 KB, however much fails', async (t, fleet) => {
  const many = Array.from({ length: 50 }, (_, index) => defineCheck({ identifier: `${'界'.repeat(150)} ${index}`, interval: 100, check () { throw new ServiceUnavailable('界'.repeat(500)) } }))
  const one = startInstance(t, { fleet: { ...fleet, details: true }, others: many })
  await seen(one, ({ subsets }) => subsets[0]?.failing === 1)
  const [key] = (await keys(fleet)).filter(key => key.includes(':instance:'))
  t.ok(Buffer.byteLength(await shared.admin.get(key as string) as string) < 2000)
})

test('where Redis cannot be asked, this instance alone is known', async t => {
  const { log } = recordedLog()
  const health = createHealth({ subsets: { s: [failing] }, fleet: { name: 'shop', url: 'redis://127.0.0.1:1', instance: 'one' } }, { log })
  t.teardown(async () => await health.close())
  t.match(await health.roster(), { unavailable: 'connection refused', up: 0, instances: [] }, 'a command is no instance')
  health.start()
  await eventually(async () => {
    const { instances: [instance] } = await health.roster()
    if (instance?.subsets.length !== 1) throw new Error('not asked yet')
  }, patience)
  t.match(await health.roster(), { unavailable: 'connection refused', up: 1, draining: 0, gone: 0, instances: [{ instance: 'one', subsets: [{ healthy: false }] }] })
  health.drain(60_000)
  t.match(await health.roster(), { up: 0, draining: 1, instances: [{ state: 'draining' }] })
})

test('what is wrong with the configuration is in it as well, and a check that is not critical stands behind', async (t, fleet) => {
  const one = startInstance(t, { fleet: { ...fleet, instance: 'one' }, others: [warning, failing, './not-there.js'], deadline: 5000 })
  one.health.start()
  await one.health.run('s')
  const { instances: [instance] } = await seen(one, ({ instances }) => instances[0]?.subsets[0]?.failing.length === 3)
  t.strictSame(instance?.subsets[0]?.failing.map(({ identifier }) => identifier).filter(identifier => identifier !== 'Disk'), ['Till', 'E004'])
  t.equal(instance?.subsets[0]?.failing.at(-1)?.identifier, 'Disk')
  t.ok(instance?.subsets[0]?.failing.every(({ since }) => Math.abs(Date.now() - since) < 60_000))
})

test('while it drains, a subset is told of as its checks find it', async (t, fleet) => {
  const one = startInstance(t, { fleet: { ...fleet, instance: 'one' }, others: [failing, warning], drainSubsets: ['s'] })
  await seen(one, ({ subsets }) => subsets[0]?.failing === 1)
  await one.health.mute('s', 'Till', { until: Date.now() + 60_000, because: 'a move' })
  one.health.drain(60_000)
  t.match(await seen(one, ({ subsets, draining }) => draining === 1 && subsets[0]?.healthy === 1), { subsets: [{ failing: 0 }] })
})

test('where there is no fleet, there is nothing to know and nobody to mute for', async t => {
  for (const health of [createHealth({ subsets: { s: [failing] } }), new HealthRegistry({ subsets: { s: [failing] }, fleet: { name: 'shop' } })]) {
    await t.rejects(health.roster(), { code: 'FST_HEALTH_NO_FLEET' })
    await t.rejects(health.muteFleet('s', 'Till', { time: 5, because: 'x' }), { code: 'FST_HEALTH_NO_FLEET' })
    await t.rejects(health.unmuteFleet('s', 'Till'), { code: 'FST_HEALTH_NO_FLEET' })
    await health.close()
  }
})
