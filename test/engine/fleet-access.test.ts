import { test } from 'tap'
import { toSettings } from '../../lib/config/options.js'
import type { Fleet, FleetContext } from '../../lib/engine/fleet.js'
import { FleetAccess } from '../../lib/engine/fleet-access.js'
import type { HealthOptions } from '../../types/options.js'

const none = { code: 'FST_HEALTH_NO_FLEET' }

/** The access to a fleet that only counts what it is told. */
function accessTo (options: HealthOptions) {
  const told: string[] = []
  const fleet = {
    start: () => { told.push('start') },
    changed: () => { told.push('changed') },
    close: async () => { told.push('close') },
    requirements: async () => [{ message: 'app.redis is not there', hint: 'Register it.' }],
  } as unknown as Fleet
  const settings = toSettings(options)
  const open = async () => {
    told.push('open')
    return fleet
  }
  return { told, settings, fleet, access: new FleetAccess({ settings } as FleetContext, open) }
}

test('a fleet is opened when it is first needed, once', async t => {
  const { access, told, fleet } = accessTo({ fleet: { name: 'shop' } })
  access.changed()
  t.equal(access.opened, undefined)
  access.start()
  t.equal(await access.get(), fleet)
  t.equal(await access.opened, fleet)
  t.strictSame(await access.faults(), [{ id: 'E007', message: 'fleet: app.redis is not there', hint: 'Register it.' }])
  access.changed()
  await access.close()
  t.strictSame(told, ['open', 'start', 'changed', 'close'])
})

test('there is no fleet without the setting, or where settings have faults', async t => {
  for (const options of [{}, { fleet: { name: 'shop' }, timeout: -1 }]) {
    const { access, told } = accessTo(options)
    access.start()
    access.changed()
    await t.rejects(access.get(), none)
    t.strictSame(await access.faults(), [])
    await access.close()
    t.strictSame(told, [])
  }
})

test('a fleet that was opened is closed, though settings got a fault meanwhile', async t => {
  const { access, told, settings } = accessTo({ fleet: { name: 'shop' } })
  await access.get()
  settings.timeout = -1
  await t.rejects(access.get(), none)
  t.strictSame(await access.faults(), [])
  await access.close()
  t.strictSame(told, ['open', 'close'])
})

test('there is no fleet where nothing can open one', async t => {
  await t.rejects(new FleetAccess({ settings: toSettings({ fleet: { name: 'shop' } }) } as FleetContext, undefined).get(), none)
})
