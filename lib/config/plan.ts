import { isDisabled, isFault, loadCheck, noOptions, parseEntry, resolveEntry, type ParsedEntry, type ResolvedEntry } from './entry.js'
import { systemClock, type Clock } from '../time/clock.js'
import { inTime } from '../time/timeout.js'
import { preparationTime } from './preparation.js'
import type { Fault } from './options.js'
import { copyPlain, isAsCopied, isList, isOptions, keyOf } from '../values/plain-data.js'
import { byIdentifier as byName } from './order.js'
import { suggestion } from '../values/rules.js'
import { named, reason, shown } from '../values/shown.js'
import type { CheckClass } from '../../types/check.js'
import type { Settings } from '../../types/options.js'

export interface LocatedFault extends Fault {
  readonly entry?: string
}

/** The plan of a subset, which is made from its list of entries. */
export interface Plan {
  /** The entries that can run. Each stands behind the entry that it comes `after`. */
  readonly entries: readonly ResolvedEntry[]
  /** The indexes of the entries, sorted by identifier as in a report. */
  readonly order: readonly number[]
  readonly faults: readonly LocatedFault[]
  /** The names of the entries that are left out. */
  readonly disabled: readonly string[]
}

/** An entry that is left out. */
interface Disabled {
  readonly disabled: string
}

type Resolved = ResolvedEntry | LocatedFault | Disabled

interface Cached {
  readonly check: ParsedEntry['check']
  /** A copy of the options, which shows whether they were changed in place. */
  readonly options: object
  readonly written: string
  readonly entry: Resolved
}

interface Planned {
  /** The items of the subset's list. */
  readonly sources: readonly unknown[]
  readonly resolved: readonly Resolved[]
  readonly plan: Plan
}

/** Makes plans from the subsets as they are now. Unchanged entries are not resolved again. */
export class Planner {
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #loading = new Map<string, Promise<void>>()
  readonly #loaded = new Map<string, CheckClass | Fault>()
  readonly #resolved = new Map<unknown, Cached>()
  readonly #plans = new Map<string, Planned>()
  readonly #replanned: (subset: string, plan: Plan) => void

  /** @param replanned is called with each subset whose plan has changed */
  constructor (settings: Settings, replanned: (subset: string, plan: Plan) => void, clock: Clock = systemClock) {
    this.#settings = settings
    this.#replanned = replanned
    this.#clock = clock
  }

  /** Returns the plan of a subset, or a promise of it if a module must be loaded first. */
  plan (subset: string): Plan | Promise<Plan> {
    try {
      const list = this.#list(subset)
      return isList(list) ? this.#planOf(subset, list) : withoutEntries(`it is ${shown(list)}`)
    } catch (error) {
      return withoutEntries(`reading it threw ${reason(error)}`)
    }
  }

  #list (subset: string): unknown {
    const { subsets } = this.#settings
    return isOptions(subsets) ? subsets[subset] : undefined
  }

  #planOf (subset: string, list: readonly unknown[]): Plan | Promise<Plan> {
    const last = this.#plans.get(subset)
    if (last !== undefined && this.#isAsPlanned(list, last)) return last.plan
    // Array.from() also visits the holes of the list.
    const parsed = Array.from(list, entry => parseEntry(entry))
    const unloaded = parsed.flatMap(entry => isFault(entry) || isLeftOut(entry) || typeof entry.check !== 'string' || this.#loaded.has(entry.check) ? [] : [entry.check])
    if (unloaded.length > 0) return Promise.all(unloaded.map(specifier => this.#load(specifier))).then(() => this.plan(subset))
    return this.#assemble(subset, list, parsed)
  }

  /** Returns whether a list is unchanged. Each probe asks this first. */
  #isAsPlanned (list: readonly unknown[], { sources }: Planned): boolean {
    return list.length === sources.length && sources.every((source, index) => source === list[index] && this.#isAsResolved(source))
  }

  #isAsResolved (source: unknown): boolean {
    const cached = this.#resolved.get(source)
    // A class or a specifier by itself cannot be changed in place.
    if (cached === undefined || !isList(source)) return cached !== undefined
    try {
      return source.length <= 2 && source[0] === cached.check && isAsCopied(cached.options, source[1] === undefined ? noOptions : source[1])
    } catch {
      // An option that is a getter may throw.
      return false
    }
  }

  /** Loads a module once for all callers that wait for it. */
  #load (specifier: string): Promise<void> {
    const loading = this.#loading.get(specifier) ?? this.#loadInTime(specifier).finally(() => this.#loading.delete(specifier))
    this.#loading.set(specifier, loading)
    return loading
  }

  async #loadInTime (specifier: string): Promise<void> {
    const limit = preparationTime(this.#settings.timeout)
    const loading = loadCheck(specifier, this.#settings.baseDir)
    this.#loaded.set(specifier, await inTime(this.#clock, limit, loading, () => {
      loading.then(found => this.#loadedLate(specifier, found))
      return hasNotLoaded(specifier, limit)
    }))
  }

  // No caller waits for the module any more, so the plans that were made without it are made again here.
  #loadedLate (specifier: string, found: CheckClass | Fault): void {
    this.#loaded.set(specifier, found)
    for (const [source, { check }] of this.#resolved) if (check === specifier) this.#resolved.delete(source)
    for (const subset of this.#plans.keys()) this.plan(subset)
  }

  #assemble (subset: string, list: readonly unknown[], parsed: ReadonlyArray<ParsedEntry | Fault>): Plan {
    const resolved = parsed.map((entry, index) => this.#resolve(entry, list[index], index))
    const last = this.#plans.get(subset)
    const sources = [...list]
    if (last?.resolved.length === resolved.length && last.resolved.every((entry, index) => isSame(entry, resolved[index]))) {
      this.#plans.set(subset, { ...last, sources })
      return last.plan
    }
    const plan = toPlan(resolved)
    this.#plans.set(subset, { sources, resolved, plan })
    this.#forget()
    this.#replanned(subset, plan)
    return plan
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

  #resolve (parsed: ParsedEntry | Fault, source: unknown, index: number): Resolved {
    if (isFault(parsed)) return { ...parsed, entry: `[${index}]` }
    try {
      const cached = this.#resolved.get(source)
      if (cached !== undefined && this.#isAsResolved(source)) return cached.entry
      const { check, options } = parsed
      const written = keyOf([check, options])
      if (cached?.written === written) return cached.entry
      const entry = this.#resolveAnew(parsed)
      this.#resolved.set(source, { check, options: copyPlain(options), written, entry })
      return entry
    } catch (error) {
      return { id: 'E008', entry: parsed.label, message: `${parsed.label}: reading its options threw ${reason(error)}`, hint: 'An option must be a value, not a getter that throws.' }
    }
  }

  #resolveAnew (parsed: ParsedEntry): Resolved {
    const { check, label } = parsed
    if (isDisabled(parsed)) return { disabled: label }
    const Check = typeof check === 'string' ? this.#loaded.get(check) as CheckClass | Fault : check
    const entry = typeof Check === 'function' ? resolveEntry(parsed, Check) : Check
    return isFault(entry) ? { ...entry, entry: label } : entry
  }

  // Without this, removed entries would be kept for ever.
  #forget (): void {
    for (const subset of this.#plans.keys()) if (!Object.hasOwn(this.#settings.subsets, subset)) this.#plans.delete(subset)
    const used = new Set<unknown>([...this.#plans.values()].flatMap(({ sources }) => sources))
    for (const source of this.#resolved.keys()) if (!used.has(source)) this.#resolved.delete(source)
  }
}

function withoutEntries (message: string): Plan {
  return { entries: [], order: [], disabled: [], faults: [{ id: 'E002', message, hint: "A subset is an array of entries, such as ['fastify-health/checks/postgres']." }] }
}

// An option may be a getter that throws. That is reported when the entry is resolved.
function isLeftOut (entry: ParsedEntry): boolean {
  try {
    return isDisabled(entry)
  } catch {
    return false
  }
}

function hasNotLoaded (specifier: string, limit: number): Fault {
  return {
    id: 'E004',
    message: `${named(specifier)} has not loaded within ${limit} ms`,
    hint: 'A top-level `await` in it, or in what it imports, takes too long or never settles. Once it has loaded it is used.',
  }
}

function isSame (one: Resolved, other: Resolved | undefined): boolean {
  if (one === other) return true
  return other !== undefined && isFault(one) && isFault(other) && one.message === other.message && one.entry === other.entry
}

function toPlan (resolved: readonly Resolved[]): Plan {
  const faults: LocatedFault[] = []
  const disabled: string[] = []
  const byIdentifier = new Map<string, ResolvedEntry>()
  for (const entry of resolved) {
    if ('disabled' in entry) {
      disabled.push(entry.disabled)
    } else if (isFault(entry)) {
      faults.push(entry)
    } else if (byIdentifier.has(entry.identifier)) {
      faults.push({ id: 'E006', entry: entry.label, message: `another entry has the identifier '${named(entry.identifier)}', too`, hint: 'Give one of them an `identifier` option of its own.' })
    } else {
      byIdentifier.set(entry.identifier, entry)
    }
  }
  const placed = new Set<ResolvedEntry>()
  for (const entry of byIdentifier.values()) {
    const fault = place(entry, byIdentifier, placed)
    if (fault !== undefined) faults.push({ ...fault, entry: entry.label })
  }
  const entries = [...placed]
  const order = [...entries.keys()].sort((a, b) => byName(entries[a] as ResolvedEntry, entries[b] as ResolvedEntry))
  return { entries, order, faults, disabled }
}

/** Puts an entry behind those that it comes `after`. It returns a fault if that is impossible. */
function place (entry: ResolvedEntry, byIdentifier: ReadonlyMap<string, ResolvedEntry>, placed: Set<ResolvedEntry>): Fault | undefined {
  const chain: ResolvedEntry[] = []
  for (let next: ResolvedEntry | undefined = entry; next !== undefined && !placed.has(next);) {
    if (chain.includes(next)) {
      const circle = [next, ...chain.slice(0, chain.indexOf(next) + 1)].reverse().map(({ identifier }) => named(identifier)).join(' -> ')
      return { id: 'E009', message: `\`after\` goes round in a circle: ${circle}`, hint: 'Take one `after` of the circle away.' }
    }
    chain.unshift(next)
    const { after }: ResolvedEntry['options'] = next.options
    next = after === undefined ? undefined : byIdentifier.get(after)
    if (after !== undefined && next === undefined) {
      return { id: 'E009', message: `it comes after ${shown(after)}, which is not in the subset`, hint: suggestion(after, [...byIdentifier.keys()]) }
    }
  }
  for (const link of chain) placed.add(link)
}
