import { styleText } from 'node:util'
import { onlyOne, registryOf, stopAtErrors } from './commands.js'
import { jsonLine } from './formats.js'
import type { FleetArguments, MuteArguments, UnmuteArguments } from './args.js'
import type { Target } from './command.js'
import { toSystemCheck } from '../config/faults.js'
import { settingsFaults } from '../config/options.js'
import { FST_HEALTH_FLEET_UNAVAILABLE, FST_HEALTH_USAGE } from '../errors.js'
import { muteInWords } from '../engine/report.js'
import { suggestion } from '../values/rules.js'
import type { HealthRegistry } from '../engine/registry.js'
import type { Roster } from '../../types/fleet.js'

/** At most this many instances are printed. */
const maxInstances = 1000

/** Prints what the instances of a fleet know of each other. */
export async function fleet ({ args, io, registries, time }: Target<FleetArguments>): Promise<number> {
  const { fleetRenderers } = await import('../renderers/fleet/index.js')
  const { isWell } = await import('../renderers/fleet/words.js')
  const renderer = fleetRenderers.find(({ name }) => name === args.format)
  if (renderer === undefined) {
    throw new FST_HEALTH_USAGE(
      `There is no format '${args.format}' of a fleet. ${suggestion(args.format, fleetRenderers.map(({ name }) => name))}`
    )
  }
  const registry = onlyOne(registries, 'a fleet is of one')
  mustFit(registry, io.err)
  const roster = await time.prepare(registry.roster({ limit: maxInstances }))
  if (roster.unavailable !== undefined) throw new FST_HEALTH_FLEET_UNAVAILABLE(roster.unavailable)
  const body = renderer.render(roster, registry.settings.service)
  io.out(typeof body !== 'string' ? jsonLine(body) : io.colour && renderer.name === 'plain' ? await colouredRoster(roster) : body)
  return isWell(roster) ? 0 : 1
}

/** Mutes a check on every instance. */
export async function mute ({ args, io, registries, time: limit }: Target<MuteArguments>): Promise<number> {
  const { check, subset, time, because, by } = args
  const registry = registryOf(subset, registries, io.err)
  mustFit(registry, io.err)
  const muted = await limit.prepare(registry.muteFleet(subset, check, { time, because, ...(by === undefined ? {} : { by }) }))
  if (muted.because === undefined) io.err("Who and why are not written, since `details` is 'never' and the fleet does not share details.\n")
  io.out(`${check} of ${subset} is ${muteInWords(muted)}\n`)
  return 0
}

/** Ends the mute of a check on every instance. */
export async function unmute ({ args, io, registries, time }: Target<UnmuteArguments>): Promise<number> {
  const { check, subset } = args
  const registry = registryOf(subset, registries, io.err)
  mustFit(registry, io.err)
  const was = await time.prepare(registry.unmuteFleet(subset, check))
  io.out(was ? `${check} of ${subset} is no longer muted\n` : `${check} of ${subset} was not muted\n`)
  return 0
}

function mustFit ({ settings }: HealthRegistry, warn: (text: string) => void): void {
  stopAtErrors(settingsFaults(settings).map(fault => toSystemCheck(fault)), warn)
}

const colourOfLook = { good: 'green', mild: 'yellow', bad: 'red' } as const

async function colouredRoster (roster: Roster): Promise<string> {
  const { fleetLines: lines } = await import('../renderers/fleet/plain.js')
  const { statusLine: row } = await import('../renderers/plain.js')
  return lines(roster).map(({ name, words, look }) => row(name, styleText(colourOfLook[look], words, { validateStream: false }))).join('')
}
