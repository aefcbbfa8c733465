import { createHealth, defineCheck, ServiceUnavailable, type Entry, type Result } from '../../lib/index.js'
import { startInstance, type Instance } from '../helpers/fleet.js'
import { fleetTests } from '../helpers/fleet-tests.js'
import { eventually, until } from '../helpers/leaks.js'
import { startRedis } from '../helpers/redis.js'

const patience = { timeout: 20_000 }
const shared = fleetTests(30_000)
const { test } = shared

const failing: Entry = defineCheck({ identifier: 'Till', check () { throw new ServiceUnavailable('locked') } })
const because = 'a move of the till'
const hour = 3_600_000

async function muted (instance: Pick<Instance, 'health'>, isMuted: boolean): Promise<Result> {
  return await eventually(async () => {
    const { results, healthy } = await instance.health.run('s')
    const result = results.find(({ identifier }) => identifier === 'Till') as Result
    if ((result.muted !== undefined) !== isMuted || healthy !== isMuted) throw new Error(JSON.stringify(result))
    return result
  }, patience)
}

test('every instance honours a mute, also one that starts later, until it is ended', async (t, fleet) => {
  const others = [failing]
  const instances = [startInstance(t, { fleet, others }), startInstance(t, { fleet, others })]
  for (const instance of instances) await muted(instance, false)
  // As the command does it, which is no instance.
  const command = createHealth({ subsets: { s: [failing] }, fleet })
  t.teardown(async () => await command.close())
  const begun = Date.now()
  const mute = await command.muteFleet('s', 'Till', { time: 2 * hour, because, by: 'ops' })
  t.match(mute, { subset: 's', identifier: 'Till', because, by: 'ops' })
  t.ok(mute.until >= begun + 2 * hour - 5000 && mute.until <= Date.now() + 2 * hour + 5000)
  instances.push(startInstance(t, { fleet, others }))
  for (const instance of instances) {
    const { muted: found } = await muted(instance, true)
    t.match(found, { because, by: 'ops' })
    t.ok(Math.abs((found?.until as number) - mute.until) < 5000)
  }
  t.match((await instances[0]?.health.roster())?.mutes, [{ subset: 's', identifier: 'Till', because, by: 'ops' }])
  t.equal(await command.unmuteFleet('s', 'Till'), true)
  t.equal(await command.unmuteFleet('s', 'Till'), false)
  for (const instance of instances) await muted(instance, false)
  t.strictSame(await shared.admin.keys(`fastify-health:{${fleet.name}}:mutes*`), [])
})

test('it ends by itself, and leaves nothing in Redis', async (t, fleet) => {
  const instance = startInstance(t, { fleet, others: [failing] })
  await instance.health.muteFleet('s', 'Till', { time: 2500, because })
  await instance.health.muteFleet('s', 'Payments', { time: 4000, because })
  await muted(instance, true)
  await muted(instance, false)
  t.equal(await instance.health.unmuteFleet('s', 'Till'), false)
  await until(async () => (await shared.admin.keys(`fastify-health:{${fleet.name}}:mutes*`)).length === 0, patience)
})

test('mutes that are not the fleet\'s own are ignored, and those that were known hold on', async (t, fleet) => {
  const instance = startInstance(t, { fleet, others: [failing] })
  await instance.health.muteFleet('s', 'Till', { time: hour, because })
  await muted(instance, true)
  const base = `fastify-health:{${fleet.name}}:mutes`
  await shared.admin.del(base)
  await shared.admin.set(base, 'text')
  await shared.admin.set(`${base}:version`, 'another')
  await until(() => instance.log.messages().some(message => message.includes('of another type')), patience)
  await muted(instance, true)
})

test('it holds on while Redis is away', async t => {
  const own = await startRedis(t)
  const instance = startInstance(t, { fleet: { name: 'shop', url: own.url }, others: [failing] })
  await instance.health.muteFleet('s', 'Till', { time: hour, because })
  await muted(instance, true)
  await own.stop()
  await until(() => instance.log.messages().some(message => message.includes('cannot be asked')), patience)
  await muted(instance, true)
  await t.rejects(instance.health.muteFleet('s', 'Till', { time: hour, because }), { code: 'FST_HEALTH_FLEET_UNAVAILABLE', message: /^The fleet cannot be asked: connection (?:refused|lost)\.$/ })
})

test('who and why are written, but where details are for nobody', async (t, fleet) => {
  const stored = async () => JSON.stringify(await shared.admin.hgetall(`fastify-health:{${fleet.name}}:mutes`))
  const options = { subsets: { s: [failing] }, details: 'never' } as const
  const quiet = createHealth({ ...options, fleet })
  const open = createHealth({ ...options, fleet: { ...fleet, details: true } })
  t.teardown(async () => await Promise.all([quiet.close(), open.close()]))
  t.strictSame(Object.keys(await quiet.muteFleet('s', 'Till', { time: hour, because, by: 'ops' })), ['subset', 'identifier', 'since', 'until'])
  t.notMatch(await stored(), /move|ops/)
  t.match(await open.muteFleet('s', 'Till', { time: hour, because }), { because })
  t.match(await stored(), /move/)
})

test('a mute of what does not exist, without an end or a reason is refused', async (t, fleet) => {
  const health = createHealth({ subsets: { s: [failing] }, fleet })
  t.teardown(async () => await health.close())
  await t.rejects(health.muteFleet('other', 'Till', { time: 5, because }), { code: 'FST_HEALTH_UNKNOWN_SUBSET' })
  await t.rejects(health.muteFleet('s', 'Tll', { time: 5, because }), { code: 'FST_HEALTH_UNKNOWN_CHECK', message: "Subset 's' has no check 'Tll'. Did you mean 'Till'?" })
  for (const time of [0, -1, Infinity, NaN, 91 * 24 * hour]) await t.rejects(health.muteFleet('s', 'Till', { time, because }), { code: 'FST_HEALTH_INVALID_DURATION' })
  await t.rejects(health.muteFleet('s', 'Till', { time: 5, because: '' }), { code: 'FST_HEALTH_INVALID_MUTE' })
  await t.rejects(health.muteFleet('s', 'Till', { time: 5, because, by: 5 as unknown as string }), { code: 'FST_HEALTH_INVALID_MUTE' })
  await shared.admin.set(`fastify-health:{${fleet.name}}:mutes`, 'text')
  await t.rejects(health.muteFleet('s', 'Till', { time: 5, because }), { message: 'The fleet cannot be asked: what Redis holds is not of the fleet.' })
})
