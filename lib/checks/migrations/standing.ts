export type Row = Readonly<Record<string, unknown>>

/**
 * The state of a migration on disk, by the table of the tool. An `outdated` migration ran, has changed since, and will run again. The tool
 * never runs a `skipped` migration.
 */
export type MigrationState = 'applied' | 'failed' | 'outdated' | 'pending' | 'skipped' | 'unfinished'

/** The names of the migrations on disk that are not applied. */
export interface Standing {
  readonly failed: readonly string[]
  readonly pending: readonly string[]
  /** The migrations that were begun, and neither finished nor given up. */
  readonly unfinished: readonly string[]
  /** `true` says that the table holds migrations, but none of them is on disk. */
  readonly isForeign: boolean
}

/** Compares what was found on disk with the rows of the tool's table. */
export type Comparison = (rows: readonly Row[]) => Standing

/** Lists the migrations of a folder, without those whose file, folder or tag is `ignored`. `extensions` replace those of the tool. */
export type Listing = (dir: string, ignored: (name: string) => boolean, extensions?: readonly string[]) => Promise<Comparison>

/** Sorts the migrations on disk by their state. */
export function standingOf<Migration extends { readonly name: string }> (
  onDisk: readonly Migration[],
  hasRecords: boolean,
  stateOf: (migration: Migration) => MigrationState
): Standing {
  const names: Record<MigrationState, string[]> = { applied: [], failed: [], outdated: [], pending: [], skipped: [], unfinished: [] }
  for (const migration of onDisk) names[stateOf(migration)].push(migration.name)
  const { applied, failed, outdated, pending, unfinished } = names
  const recorded = [applied, failed, outdated, unfinished]
  return { failed, pending: [...pending, ...outdated], unfinished, isForeign: hasRecords && recorded.every(({ length }) => length === 0) }
}
