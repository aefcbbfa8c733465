import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import t from 'tap'
import type { Test } from 'tap'
import { createHealth, ServiceUnavailable } from '../../lib/index.js'
import { scripts } from '../../lib/fleet/scripts.js'
import { runsOf, startInstance, statusOf } from '../helpers/fleet.js'
import { until } from '../helpers/leaks.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { startRedis } from '../helpers/redis.js'
import type { Scope } from '../helpers/server.js'

const scope = (t: Test): Scope => ({ after: close => { t.teardown(close) } })
const patience = { timeout: 20_000 }
const page = readFileSync(new URL('../../docs/fleet.md', import.meta.url), 'utf8')

/** The rules of the docs page, for the fleet `shop`. */
function rules (): string[] {
  const [, line] = /^ {4}user shop-health (.*)$/m.exec(page) ?? []
  return (line as string).split(' ')
}

async function restricted (t: Test): Promise<{ url: string, admin: Redis, denied: () => Promise<string[]> }> {
  const server = await startRedis(scope(t))
  const admin = new Redis(server.url)
  t.teardown(() => admin.disconnect())
  await admin.call('ACL', 'SETUSER', 'shop-health', ...rules())
  return {
    admin,
    url: `redis://shop-health:a-long-secret@127.0.0.1:${server.port}`,
    denied: async () => (await admin.call('ACL', 'LOG') as unknown[]).map(entry => JSON.stringify(entry)),
  }
}

t.test('the rules of the docs page suffice for all that a fleet does', async t => {
  const { url, denied } = await restricted(t)
  const fleet = { name: 'shop', url, ttl: 600 }
  const instances = ['a', 'b', 'a'].map(instance => startInstance(scope(t), { fleet: { ...fleet, instance } }))
  const [first] = instances as [typeof instances[0] & object]
  await until(() => runsOf(instances) > 3, patience)
  for (const instance of instances) t.equal(await statusOf(instance), 'working')
  await first.health.muteFleet('s', 'Payments', { time: 60_000, because: 'a move' })
  await until(async () => (await first.health.run('s')).results[0]?.muted !== undefined, patience)
  t.ok(await first.health.unmuteFleet('s', 'Payments'))
  first.health.drain(60_000)
  await until(async () => (await first.health.roster()).draining === 1, patience)
  for (const { health } of instances) await health.close()
  t.strictSame(await denied(), [])
  for (const { log } of instances) t.notMatch(log.messages().join(), 'permission')
})

t.test('the rules allow nothing else: no other fleet, no other keys, no scan', async t => {
  const { url } = await restricted(t)
  const user = new Redis(url, { enableReadyCheck: false })
  t.teardown(() => user.disconnect())
  for (const [name, ...values] of [['get', 'sessions'], ['set', 'fastify-health:{other}:mutes', '1'], ['keys', '*'], ['scan', '0'], ['flushall'], ['config', 'get', '*'], ['subscribe', 'x']] as const) {
    await t.rejects(user.call(name, ...values), { message: /^NOPERM/ }, name)
  }
  const { log, messages } = recordedLog()
  const health = createHealth({ subsets: { s: [] }, fleet: { name: 'other', url } }, { log })
  t.teardown(async () => await health.close())
  t.match(await health.roster(), { unavailable: 'permission denied' })
  t.match(messages(), [/^health: the fleet cannot be asked: permission denied/])
})

t.test('what the rules name is what the scripts call', async t => {
  const called = new Set(Object.values(scripts).flatMap(({ lua }) => [...lua.matchAll(/redis\.call\('(\w+)'/g)].map(([, name]) => (name as string).toLowerCase())))
  for (const command of ['eval', 'evalsha', 'get', 'mget', 'client|setname', 'cluster|slots']) called.add(command)
  t.strictSame(rules().filter(rule => rule.startsWith('+')).map(rule => rule.slice(1)).sort(), [...called].sort())
})

t.test('nothing that details: never would hide is in Redis, unless the fleet is told to share details', async t => {
  const server = await startRedis(scope(t))
  const admin = new Redis(server.url)
  t.teardown(() => admin.disconnect())
  const stored = async () => JSON.stringify(await Promise.all((await admin.keys('*')).map(async key => {
    const type = await admin.type(key)
    return [key, type === 'string' ? await admin.get(key) : type === 'hash' ? await admin.hgetall(key) : await admin.zrange(key, 0, '-1', 'WITHSCORES')]
  })))
  for (const [details, shared] of [['never', false], ['never', true], ['always', false]] as const) {
    await admin.flushall()
    const { health } = startInstance(scope(t), {
      details,
      fleet: { name: 'shop', url: server.url, details: shared },
      check: ({ observe }) => {
        observe('canary-lag', 'canary-value')
        throw new ServiceUnavailable('canary-message')
      },
    })
    await until(async () => (await health.roster()).subsets[0]?.failing === 1, patience)
    if (details === 'never') await health.muteFleet('s', 'Payments', { time: 60_000, because: 'canary-why', by: 'canary-who' })
    const found = await stored()
    t.match(found, 'Payments')
    for (const word of ['lag', 'value', 'message', 'why', 'who']) t.equal(found.includes(`canary-${word}`), shared, `${word}, ${details}, ${shared}`)
    await health.close()
  }
})
