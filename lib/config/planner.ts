import { isDisabled, isFault, parseEntry, resolveEntry, type ParsedEntry } from './entry.js'
import { Modules } from './modules.js'
import type { Fault } from './options.js'
import { toPlan, withoutEntries, type Disabled, type LocatedFault, type Plan, type Resolved } from './plan.js'
import { systemClock, type Clock } from '../time/clock.js'
import { copyPlain, idOf, isList, isOptions, keyOf } from '../values/plain-data.js'
import { reason, shown } from '../values/shown.js'
import { isUnchanged, snapshotOf, type Snapshot } from '../values/snapshot.js'
import type { CheckClass } from '../../types/check.js'
import type { Settings } from '../../types/options.js'

/** An entry that can be resolved, with a copy of its options. */
interface WrittenEntry extends ParsedEntry {
  /** The key of what is written, so that entries that are written alike are resolved once. */
  readonly written: string
}

type ReadEntry = WrittenEntry | LocatedFault | Disabled

interface Planned {
  /** The subset's list as it was, or `undefined` if it must be read again. */
  readonly snapshot: Snapshot | undefined
  readonly resolved: readonly Resolved[]
  readonly plan: Plan
}

/** Makes plans from the subsets as they are now. Unchanged entries are not resolved again. */
export class Planner {
  readonly #settings: Settings
  readonly #modules: Modules
  readonly #plans = new Map<string, Planned>()
  /** The entries of all plans, by what is written. */
  readonly #resolved = new Map<string, Resolved>()
  readonly #replanned: (subset: string, plan: Plan) => void

  /** @param replanned is called with each subset whose plan has changed */
  constructor (settings: Settings, replanned: (subset: string, plan: Plan) => void, clock: Clock = systemClock) {
    this.#settings = settings
    this.#replanned = replanned
    this.#modules = new Modules(settings, clock, () => this.#planAgain())
  }

  /** Returns the plan of a subset, or a promise of it if a module must be loaded first. */
  plan (subset: string): Plan | Promise<Plan> {
    try {
      const { subsets } = this.#settings
      const list = isOptions(subsets) ? subsets[subset] : undefined
      return isList(list) ? this.#planOf(subset, list) : withoutEntries(`it is ${shown(list)}`)
    } catch (error) {
      return withoutEntries(`reading it threw ${reason(error)}`)
    }
  }

  /** Returns the plan of a subset without waiting, which is the last plan while modules are being loaded. */
  known (subset: string): Plan | undefined {
    const plan = this.plan(subset)
    return plan instanceof Promise ? this.#plans.get(subset)?.plan : plan
  }

  /** Returns the identifiers by subset, and the questions, of all plans. */
  inUse (): { identifiers: Map<string, Set<string>>, questions: Set<string> } {
    const identifiers = new Map<string, Set<string>>()
    const questions = new Set<string>()
    for (const [subset, { plan: { entries } }] of this.#plans) {
      identifiers.set(subset, new Set(entries.map(({ identifier }) => identifier)))
      for (const { question } of entries) questions.add(question)
    }
    return { identifiers, questions }
  }

  #planOf (subset: string, list: readonly unknown[]): Plan | Promise<Plan> {
    const last = this.#plans.get(subset)
    if (last?.snapshot !== undefined && isUnchanged(list, last.snapshot)) return last.plan
    // Array.from() also visits the holes of the list.
    const read = Array.from(list, readEntry)
    const unloaded = read.flatMap(entry => 'written' in entry && this.#classOf(entry) === undefined ? [entry.check as string] : [])
    if (unloaded.length > 0) return Promise.all(unloaded.map(specifier => this.#modules.load(specifier))).then(() => this.plan(subset))
    const resolved = read.map(entry => this.#resolve(entry))
    const isSame = last?.resolved.length === resolved.length && resolved.every((entry, index) => entry === last.resolved[index])
    const plan = isSame ? last.plan : toPlan(resolved)
    this.#plans.set(subset, { snapshot: snapshotOf(list), resolved, plan })
    if (!isSame) {
      this.#forget()
      this.#replanned(subset, plan)
    }
    return plan
  }

  // The plans were made without a module that has loaded by now.
  #planAgain (): void {
    for (const [subset, planned] of this.#plans) {
      this.#plans.set(subset, { ...planned, snapshot: undefined })
      this.plan(subset)
    }
  }

  #classOf ({ check }: ParsedEntry): CheckClass | Fault | undefined {
    return typeof check === 'string' ? this.#modules.get(check) : check
  }

  #resolve (entry: ReadEntry): Resolved {
    if (!('written' in entry)) return this.#known(keyOf(entry), () => entry)
    const Check = this.#classOf(entry) as CheckClass | Fault
    // The class is a part of the key, since the module of a specifier may load late.
    return this.#known(`${entry.written} ${idOf(Check)}`, () => resolve(entry, Check))
  }

  #known (key: string, make: () => Resolved): Resolved {
    let resolved = this.#resolved.get(key)
    if (resolved === undefined) this.#resolved.set(key, resolved = make())
    return resolved
  }

  // Without this, removed entries would be kept for ever.
  #forget (): void {
    for (const subset of this.#plans.keys()) if (!Object.hasOwn(this.#settings.subsets, subset)) this.#plans.delete(subset)
    const used = new Set([...this.#plans.values()].flatMap(({ resolved }) => resolved))
    for (const [key, resolved] of this.#resolved) if (!used.has(resolved)) this.#resolved.delete(key)
  }
}

function readEntry (source: unknown, index: number): ReadEntry {
  const parsed = parseEntry(source)
  if (isFault(parsed)) return { ...parsed, entry: `[${index}]` }
  const { check, label } = parsed
  try {
    if (isDisabled(parsed)) return { disabled: label }
    const options = copyPlain(parsed.options)
    return { check, label, options, written: keyOf([check, options]) }
  } catch (error) {
    return unreadable(label, error)
  }
}

function resolve ({ check, label, options }: WrittenEntry, Check: CheckClass | Fault): Resolved {
  try {
    const entry = typeof Check === 'function' ? resolveEntry({ check, label, options }, Check) : Check
    return isFault(entry) ? { ...entry, entry: label } : entry
  } catch (error) {
    return unreadable(label, error)
  }
}

function unreadable (label: string, error: unknown): LocatedFault {
  return {
    id: 'E008',
    entry: label,
    message: `${label}: reading its options threw ${reason(error)}`,
    hint: 'An option must be a value, not a getter that throws.',
  }
}
