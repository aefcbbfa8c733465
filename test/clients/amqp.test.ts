import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Channel } from 'amqplib'
import t, { type Test } from 'tap'
import { amqpRequirements, withChannel } from '../../lib/clients/amqp.js'
import { createHealth, defineCheck, type HealthRegistry } from '../../lib/index.js'
import { openSockets, until } from '../helpers/leaks.js'
import { startRabbitMQ } from '../helpers/rabbitmq.js'
import { recordedLog } from '../helpers/recorded-log.js'
import { startRelay } from '../helpers/relay.js'

// A broker takes seconds to start, and more of them on a busy machine.
t.setTimeout(300_000)

/** Milliseconds: for what must answer, and for what cannot. */
const ample = 20_000
const short = 300
const timedOut = `unavailable: timed out after ${short} ms`

const { log } = recordedLog()

type Use = (channel: Channel) => Promise<unknown>

/** What makes the broker answer, on a channel that is open. */
const ask: Use = async channel => await channel.prefetch(1)

function healthOf (t: Test, url: string, ...uses: Array<Use | { timeout: number, use: Use }>): HealthRegistry {
  const checks = uses.map((item, index) => {
    const { use, ...options } = typeof item === 'function' ? { use: item } : item
    return defineCheck({ identifier: `use ${index}`, ...options, async check (context) { await withChannel(context, { url }, use) } })
  })
  const health = createHealth({ timeout: ample, subsets: { s: checks } }, { log })
  t.after(async () => await health.close())
  return health
}

async function statuses (health: HealthRegistry): Promise<string[]> {
  return (await health.run('s')).results.map(({ status }) => status)
}

t.test('withChannel', async t => {
  const rabbit = await startRabbitMQ(t)
  const { url } = rabbit
  const relay = await startRelay(t, rabbit.port)
  const relayed = url.replace(String(rabbit.port), String(relay.port))

  /** How many connections, channels and queues the broker has. */
  const census = async () => {
    const counts = await rabbit.ctl('eval', '{length(rabbit_networking:connections()), length(rabbit_channel:list()), rabbit_amqqueue:count()}.')
    return counts.match(/\d+/g)?.map(Number)
  }
  const hasNothing = async () => await until(async () => String(await census()) === '0,0,0')
  const silence = async (t: Test) => {
    t.after(async () => await relay.pass())
    await relay.silence()
  }
  const delay = async (t: Test, milliseconds: number) => {
    t.after(async () => await relay.pass())
    await relay.delay(milliseconds)
  }
  const freeze = (t: Test) => {
    t.after(() => rabbit.thaw())
    rabbit.freeze()
  }

  t.beforeEach(async () => await until(() => openSockets() === 0))

  await t.test('lends one connection to all, and closing leaves none', async t => {
    const health = healthOf(t, relayed, ask, ask)
    const { accepted } = relay
    for (let probe = 0; probe < 20; probe++) t.same(await statuses(health), ['working', 'working'])
    t.equal(relay.accepted, accepted + 1)
    t.same(await census(), [1, 0, 0])
    await health.close()
    await until(() => openSockets() === 0)
    await hasNothing()
  })

  await t.test('12 uses at once are no leak to Node', async t => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => { warnings.push(warning) }
    process.on('warning', onWarning)
    t.after(() => process.off('warning', onWarning))
    t.same(new Set(await statuses(healthOf(t, url, ...Array.from({ length: 12 }, () => ask)))), new Set(['working']))
    t.same(warnings, [])
  })

  await t.test('closes the channel whatever its user does, and gives the code of what the broker refuses', async t => {
    await rabbit.ctl('add_user', 'reader', 'reading')
    await rabbit.ctl('set_permissions', 'reader', '^$', '^$', '.*')
    const failures: unknown[] = []
    const noting = (use: Use): Use => async channel => {
      channel.on('error', ({ code }: Error & { code?: unknown }) => failures.push(code))
      return await use(channel)
    }
    const mistaken = healthOf(t, url, async () => { throw new Error('a mistake of its own') })
    t.same(await statuses(mistaken), ['unknown error'])
    t.same(await census(), [1, 0, 0])
    await mistaken.close()
    const refused = healthOf(t, url, noting(async channel => await channel.checkQueue('ghost')), noting(async channel => {
      // One that nobody waits for is told when the work is done.
      channel.publish('ghost', '', Buffer.alloc(0))
      await once(channel, 'close').catch(() => {})
    }))
    t.same(await statuses(refused), ['unknown error', 'unknown error'])
    t.same(failures, [404, 404])
    const reading = url.replace(`${rabbit.user}:${rabbit.password}`, 'reader:reading')
    t.same(await statuses(healthOf(t, reading, async channel => await channel.assertQueue('forbidden'))), ['unavailable: permission denied'])
  })

  await t.test('asks again where the connection was lost since the last run, and nobody had noticed', async t => {
    const health = healthOf(t, relayed, ask)
    t.same(await statuses(health), ['working'])
    await relay.refuse()
    const run = statuses(health)
    await relay.pass()
    t.same(await run, ['working'])
  })

  await t.test('asks no third time', async t => {
    let asked = 0
    const health = healthOf(t, relayed, async channel => {
      if (asked++ > 0) {
        await relay.refuse()
        await relay.pass()
      }
      return await ask(channel)
    })
    t.same(await statuses(health), ['working'])
    t.same(await statuses(health), ['unavailable: connection lost'])
    t.equal(asked, 3)
  })

  await t.test('says that an alarm blocks it, on a connection that it keeps until the alarm is over', async t => {
    const publish: Use = async channel => channel.publish('', 'ghost', Buffer.alloc(0))
    const health = healthOf(t, relayed, publish)
    const { accepted } = relay
    t.same(await statuses(health), ['working'])
    await rabbit.ctl('set_vm_memory_high_watermark', '0.00001')
    for (let probe = 0; probe < 3; probe++) {
      t.same(await statuses(health), ['unavailable: publishing is blocked by an alarm of the broker: low on memory'])
    }
    await rabbit.ctl('set_vm_memory_high_watermark', '0.8')
    await until(async () => String(await statuses(health)) === 'working')
    t.equal(relay.accepted, accepted + 1)
  })

  await t.test('does not take a connection from who has more time', async t => {
    const health = healthOf(t, relayed, { timeout: 200, use: ask }, ask)
    t.same(await statuses(health), ['working', 'working'])
    await delay(t, 300)
    const { accepted } = relay
    t.same(await statuses(health), ['unavailable: timed out after 200 ms', 'working'])
    t.equal(relay.accepted, accepted)
    await until(() => relay.connections === 0, { timeout: 1000 })
    await relay.pass()
    t.same(await statuses(health), ['working', 'working'])
    t.equal(relay.accepted, accepted + 1)
    await health.close()
    await hasNothing()
  })

  await t.test('does not take a connection that is being made from who has more time', async t => {
    for (const timeouts of [[200, ample], [ample, 200]] as const) {
      const health = healthOf(t, relayed, ...timeouts.map(timeout => ({ timeout, use: ask })))
      await delay(t, 150)
      const { accepted } = relay
      t.same((await statuses(health)).sort(), ['unavailable: timed out after 200 ms', 'working'])
      t.equal(relay.accepted, accepted + 1)
      await until(() => relay.connections === 0, { timeout: 1000 })
      await relay.pass()
      t.same(await statuses(health), ['working', 'working'])
      await health.close()
      await hasNothing()
    }
  })

  await t.test('lets who has more time wait for a broker that is frozen', async t => {
    const health = healthOf(t, url, { timeout: short, use: ask }, ask)
    const frozen = async () => {
      freeze(t)
      const run = statuses(health)
      await sleep(2 * short)
      rabbit.thaw()
      return await run
    }
    t.same(await frozen(), [timedOut, 'working'])
    t.same(await statuses(health), ['working', 'working'])
    t.same(await frozen(), [timedOut, 'working'])
    await health.close()
    await hasNothing()
  })

  await t.test('lets who has more time ask again, once what was silent is reset', async t => {
    const health = healthOf(t, relayed, { timeout: short, use: ask }, ask)
    t.same(await statuses(health), ['working', 'working'])
    await silence(t)
    const run = statuses(health)
    await sleep(2 * short)
    await relay.pass()
    t.same(await run, [timedOut, 'working'])
    await health.close()
    await hasNothing()
  })

  await t.test('does not keep who has less time waiting for a connection that another one began to make', async t => {
    await silence(t)
    const health = healthOf(t, relayed, ask, { timeout: 200, use: ask })
    const run = statuses(health)
    const begun = Date.now()
    await until(() => relay.connections === 1)
    await sleep(400)
    await health.close()
    t.same(await run, ['unavailable: closing', 'unavailable: timed out after 200 ms'])
    t.ok(Date.now() - begun < 5000)
    await until(() => relay.connections === 0, { timeout: 1000 })
  })

  await t.test('does not ask for a check whose time was over before its channel was open', async t => {
    let asked = 0
    const late: Use = async channel => {
      asked++
      return await ask(channel)
    }
    for (const isConnected of [false, true]) {
      const health = healthOf(t, relayed, { timeout: 200, use: late }, ask)
      if (isConnected) t.same(await statuses(health), ['working', 'working'])
      asked = 0
      await delay(t, 300)
      t.same(await statuses(health), ['unavailable: timed out after 200 ms', 'working'])
      t.equal(asked, 0)
      await relay.pass()
    }
  })

  await t.test('gives up its socket when it hangs', async t => {
    const health = healthOf(t, url, { timeout: short, use: ask })
    t.same(await statuses(health), ['working'])
    freeze(t)
    for (let probe = 0; probe < 3; probe++) t.same(await statuses(health), [timedOut])
    await until(() => openSockets() === 0, { timeout: 1000 })
  })

  await t.test('closing does not wait for a goodbye of a broker that is frozen, and leaves no socket', async t => {
    const health = healthOf(t, url, ask)
    t.same(await statuses(health), ['working'])
    freeze(t)
    const begun = Date.now()
    await health.close()
    t.ok(Date.now() - begun < 1000)
    await until(() => openSockets() === 0, { timeout: 1000 })
  })

  await t.test('closing what waits for a broker that is frozen ends within a second, and leaves no socket', async t => {
    freeze(t)
    const health = healthOf(t, url, ask)
    const run = statuses(health)
    await sleep(50)
    const begun = Date.now()
    await health.close()
    t.ok(Date.now() - begun < 1000)
    t.same(await run, ['unavailable: closing'])
    await until(() => openSockets() === 0, { timeout: 1000 })
  })
})

t.test('what it takes is the driver', async t => {
  t.same(await amqpRequirements({ url: 'amqp://localhost' }, { app: {} } as never), [])
})
