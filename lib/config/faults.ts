import type { Clock } from '../time/clock.js'
import { inTime } from '../time/timeout.js'
import { preparationTime } from './preparation.js'
import { entryRules } from '../values/entry-rules.js'
import { nearest } from '../values/nearest.js'
import { copyPlain, isList, isRecord } from '../values/plain-data.js'
import type { ResolvedEntry } from './entry.js'
import { settingsFaults, type Fault } from './options.js'
import type { LocatedFault, Plan } from './plan.js'
import { secretsOf } from '../values/secrets.js'
import { brief, named, reason, shown } from '../values/shown.js'
import type { Requirement, RequirementsContext } from '../../types/check.js'
import type { Settings } from '../../types/options.js'
import type { SystemCheck } from '../../types/report.js'

export interface Configuration {
  readonly settings: Settings
  /** The faults of the environment of the registry. */
  readonly registryFaults: readonly Fault[]
  /** The subsets to examine. */
  readonly subsets: readonly string[]
  readonly nameFault: (subset: string) => Fault | undefined
  readonly plan: (subset: string) => Promise<Plan>
  readonly context: RequirementsContext
  readonly clock: Clock
}

/** Finds every fault of a configuration: in its environment, in its settings, and in each subset. */
export async function findFaults (
  { settings, registryFaults, subsets, nameFault, plan, context, clock }: Configuration
): Promise<SystemCheck[]> {
  const general = settingsFaults(settings)
  const found = [...registryFaults, ...general].map(fault => toSystemCheck(fault))
  const isInvalid = (...options: Array<keyof Settings>) => general.some(({ option }) => options.includes(option as keyof Settings))
  if (isInvalid('subsets', 'baseDir')) return found
  const topology = isInvalid('timeout', 'deadline', 'sequential') ? scopeFaults : topologyFaults
  const bySubset = await Promise.all(subsets.map(async subset => {
    const { entries, faults } = await plan(subset)
    const missing = await Promise.all(entries.map(entry => missingFor(entry, context, clock)))
    const found = [nameFault(subset), ...faults, ...missing.flat(), ...topology(subset, entries, settings)]
    return found.flatMap(fault => fault === undefined ? [] : [toSystemCheck(fault, subset)])
  }))
  return [...found, ...bySubset.flat()]
}

export function toSystemCheck ({ id, message, hint, entry }: LocatedFault, subset?: string): SystemCheck {
  return {
    id,
    level: id.startsWith('W') ? 'warning' : 'error',
    ...(subset === undefined ? {} : { subset }),
    ...(entry === undefined ? {} : { entry }),
    message: brief(message),
    hint: brief(hint),
  }
}

/** Writes a system check as one line, which says where it is, what it is, and what to do. */
export function lineOf ({ id, subset, entry, message, hint }: SystemCheck): string {
  const where = subset === undefined
    ? ''
    : `subset '${named(subset)}'${entry === undefined || message.startsWith(entry) ? '' : `, ${named(entry)}`}: `
  return `${id} ${where}${message}. ${hint}`
}

const unclear = 'what it needs cannot be made out'

/** Finds E007: the requirements of a check that are missing. */
async function missingFor (entry: ResolvedEntry, context: RequirementsContext, clock: Clock): Promise<LocatedFault[]> {
  const { Check, options, label, timeout = context.settings.timeout } = entry
  const toFault = (message: string, hint: string): LocatedFault => ({ id: 'E007', entry: label, message, hint })
  const ask = async () => {
    const missing: unknown = await new Check(copyPlain(options)).requirements(context)
    if (!isList(missing) || !missing.every(isRequirement)) {
      return [toFault(unclear, `Its \`requirements\` gave ${shown(missing)}: let it give a list of { message, hint }.`)]
    }
    return missing.map(({ message, hint }) => toFault(message, hint))
  }
  const limit = preparationTime(timeout)
  try {
    return await inTime(clock, limit, ask(), () =>
      [toFault(`what it needs could not be made out within ${limit} ms`, 'Let its `requirements` settle sooner, or raise its `timeout`.')])
  } catch (error) {
    return [toFault(unclear, `Its \`requirements\` threw ${reason(error, secretsOf(options))}.`)]
  }
}

function isRequirement (value: unknown): value is Requirement {
  return isRecord(value) && typeof value['message'] === 'string' && typeof value['hint'] === 'string'
}

function topologyFaults (subset: string, entries: readonly ResolvedEntry[], settings: Settings): LocatedFault[] {
  const late = deadlineFault(entries, settings)
  return [...scopeFaults(subset, entries), ...late === undefined ? [] : [late]]
}

function scopeFaults (subset: string, entries: readonly ResolvedEntry[]): LocatedFault[] {
  return entries.flatMap(entry => {
    const fault = scopeFault(subset, entry)
    return [...fault === undefined ? [] : [fault], ...misspelledOptions(entry)].map(fault => ({ ...fault, entry: entry.label }))
  })
}

function scopeFault (subset: string, { Check: { scope }, identifier }: ResolvedEntry): Fault | undefined {
  if (subset === 'liveness' && (scope === 'shared' || scope === 'workers')) {
    return {
      id: 'W002',
      message: `${named(identifier)} asks something shared: an outage of it restarts every pod`,
      hint: 'Ask it in readiness or integrations; liveness is about this process only.',
    }
  }
  if (subset === 'readiness' && scope === 'workers') {
    return {
      id: 'W003',
      message: `${named(identifier)} asks other workers: their outage takes every pod out of the load balancer`,
      hint: 'Ask it in integrations; readiness is about what this pod needs to serve.',
    }
  }
}

/** Finds W005: a check without rules accepts any option, and so also a misspelled one. */
function misspelledOptions ({ Check: { rules }, options }: ResolvedEntry): Fault[] {
  if (rules !== undefined) return []
  const known = Object.keys(entryRules)
  return Object.keys(options).filter(name => !known.includes(name)).flatMap(name => {
    const meant = nearest(name, known)
    return meant === undefined
      ? []
      : [{
          id: 'W005' as const,
          message: `its option '${named(name)}' is nearly '${meant}'`,
          hint: `Write '${meant}' where that is meant; else declare \`static rules\` in the class.`,
        }]
  })
}

function deadlineFault (entries: readonly ResolvedEntry[], settings: Settings): Fault | undefined {
  const needed = timeNeeded(entries, settings)
  if (settings.deadline === undefined || needed <= settings.deadline) return undefined
  return {
    id: 'W004',
    message: `its checks may take ${needed} ms${settings.sequential ? ' one after another' : ''}, and the deadline is ` +
      `${settings.deadline} ms`,
    hint: 'Lower their `timeout` or raise the `deadline`: what has not answered by then is reported as timed out.',
  }
}

/**
 * Returns the milliseconds that a subset takes if every check uses its whole timeout. A check with an `interval` takes no time if it runs
 * in the background, as it does in a server but not in a command.
 */
export function timeNeeded (entries: readonly ResolvedEntry[], { sequential, timeout: standard }: Settings, background = true): number {
  const finished = new Map<string, number>()
  let last = 0
  for (const { identifier, timeout = standard, options: { after, interval } } of entries) {
    const start = sequential ? last : finished.get(after ?? '') ?? 0
    const end = background && interval !== undefined ? start : start + timeout
    finished.set(identifier, end)
    last = Math.max(last, end)
  }
  return last
}
