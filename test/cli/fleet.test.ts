import { Redis } from 'ioredis'
import t from 'tap'
import { createHealth, defineCheck, ServiceUnavailable } from '../../lib/index.js'
import { command, type Ended } from '../helpers/command.js'
import { eventually } from '../helpers/leaks.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { startRedis } from '../helpers/redis.js'
import type { Server } from '../helpers/server.js'

const escape = '\u001b'
const patience = { timeout: 20_000 }
let redis: Server

t.before(async () => {
  redis = await startRedis({ after: close => t.teardown(close) })
  process.env['FLEET_REDIS'] = redis.url
})
t.teardown(() => { delete process.env['FLEET_REDIS'] })

const failing = defineCheck({ identifier: 'Till', interval: 100, check () { throw new ServiceUnavailable('locked') } })

async function fleetCommand (argv: readonly string[], config = 'fleet.config.js'): Promise<Ended> {
  return await command([...argv, '--config', config])
}

t.test('an instance is printed, muted and unmuted by the command', async t => {
  const health = createHealth({ subsets: { s: [failing] }, fleet: { name: 'shop', url: redis.url, instance: 'host:1' } }, { log: recordedLog().log })
  t.teardown(async () => await health.close())
  health.start()
  const prints = async (argv: readonly string[], expected: Partial<Record<keyof Ended, unknown>>, config?: string) => await eventually(async () => {
    const ended = await fleetCommand(argv, config)
    for (const [key, value] of Object.entries(expected)) {
      const found = String(ended[key as keyof Ended])
      if (value instanceof RegExp ? !value.test(found) : found !== String(value)) throw new Error(JSON.stringify(ended))
    }
    return ended
  }, patience)
  await prints(['fleet'], { status: 1, err: '', out: /^shop +\.\.\. 1 up\ns +\.\.\. failing at 1 of 1\nhost:1 +\.\.\. s: Till unavailable, since \S.*\n$/ })
  await prints(['mute', 'Till', '-s', 's', '--for', '2h', '--because', 'a move', '--by', 'ops'], { status: 0, err: '', out: /^Till of s is muted by ops until 20\S+Z: a move\n$/ })
  await prints(['fleet'], { status: 0, out: /s: Till +\.\.\. muted by ops until .*: a move\n/ }, 'fleet-client.config.js')
  const { out } = await fleetCommand(['fleet', '--format', 'json'])
  t.match(JSON.parse(out), { fleet: 'shop', healthy: true, up: 1 })
  t.match(await fleetCommand(['fleet', '--format', 'html']), { status: 0, out: /^<!DOCTYPE html>/ })
  t.match((await health.run('s')).healthy, true)
  await prints(['unmute', 'Till', '-s', 's'], { status: 0, out: 'Till of s is no longer muted\n' })
  await prints(['unmute', 'Till', '-s', 's'], { status: 0, out: 'Till of s was not muted\n' })
  await eventually(async () => { if ((await health.run('s')).healthy) throw new Error('still muted') }, patience)
  t.match(await fleetCommand(['mute', 'Till', '-s', 's', '--for', '90s', '--because', 'a move'], 'fleet-quiet.config.js'), {
    status: 0,
    err: "Who and why are not written, since `details` is 'never' and the fleet does not share details.\n",
    out: /^Till of s is muted until \S+Z\n$/,
  })
})

t.test('on a terminal it has colours', async t => {
  const admin = new Redis(redis.url)
  t.teardown(() => admin.disconnect())
  await admin.flushall()
  const health = createHealth({ subsets: { s: [] }, fleet: { name: 'shop', url: redis.url, instance: 'host:1' } }, { log: recordedLog().log })
  t.teardown(async () => await health.close())
  health.start()
  health.drain(60_000)
  await eventually(async () => {
    const { out } = await command(['fleet', '--config', 'fleet.config.js'], { colour: true })
    if (!out.includes(`${escape}[32m0 up, 1 draining${escape}`) || !out.includes(`${escape}[33mdraining`)) throw new Error(out)
  }, patience)
  t.notMatch((await command(['fleet', '--config', 'fleet.config.js', '--format', 'json'], { colour: true })).out, escape)
})

t.test('what cannot be asked, or does not exist, is told', async t => {
  const away = 'fleet-away.config.js'
  t.match(await fleetCommand(['fleet'], away), { status: 2, out: '', err: /The fleet cannot be asked: connection refused\.\n$/ })
  t.match(await fleetCommand(['mute', 'Till', '-s', 's', '--for', '1m', '--because', 'x'], away), { status: 2, out: '', err: /The fleet cannot be asked: connection refused\.\n$/ })
  t.match(await fleetCommand(['unmute', 'Till', '-s', 's'], away), { status: 2, err: /cannot be asked/ })
  t.match(await fleetCommand(['mute', 'Tll', '-s', 's', '--for', '1m', '--because', 'x']), { status: 2, err: "Subset 's' has no check 'Tll'. Did you mean 'Till'?\n" })
  t.match(await fleetCommand(['mute', 'Till', '-s', 'other', '--for', '1m', '--because', 'x']), { status: 2, err: /Subset: 'other' does not exist/ })
  t.match(await fleetCommand(['fleet', '--format', 'nagios']), { status: 3, out: /There is no format 'nagios' of a fleet/ })
  t.match(await command(['fleet']), { status: 2, err: /^There is no fleet here: name it in the setting `fleet`/ })
  t.match(await command(['fleet', '--app', 'twice-app.js']), { status: 2, err: /registers fastify-health 2 times.*a fleet is of one/ })
})
