import { isFault, type ResolvedEntry } from './entry.js'
import type { Fault } from './options.js'
import { byIdentifier as byName } from './order.js'
import { suggestion } from '../values/rules.js'
import { named, shown } from '../values/shown.js'

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
export interface Disabled {
  readonly disabled: string
}

/** What an entry of a list turned out to be. */
export type Resolved = ResolvedEntry | LocatedFault | Disabled

/** Makes the plan of a subset whose list cannot be read (E002). */
export function withoutEntries (message: string): Plan {
  return {
    entries: [],
    order: [],
    disabled: [],
    faults: [{ id: 'E002', message, hint: "A subset is an array of entries, such as ['fastify-health/checks/postgres']." }],
  }
}

/** Makes a plan from the entries of a list, and finds those that cannot stand together (E006, E009). */
export function toPlan (resolved: readonly Resolved[]): Plan {
  const faults: LocatedFault[] = []
  const disabled: string[] = []
  const byIdentifier = new Map<string, ResolvedEntry>()
  for (const entry of resolved) {
    if ('disabled' in entry) {
      disabled.push(entry.disabled)
    } else if (isFault(entry)) {
      faults.push(entry)
    } else if (byIdentifier.has(entry.identifier)) {
      faults.push({
        id: 'E006',
        entry: entry.label,
        message: `another entry has the identifier '${named(entry.identifier)}', too`,
        hint: 'Give one of them an `identifier` option of its own.',
      })
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
      return {
        id: 'E009',
        message: `it comes after ${shown(after)}, which is not in the subset`,
        hint: suggestion(after, [...byIdentifier.keys()]),
      }
    }
  }
  for (const link of chain) placed.add(link)
}
