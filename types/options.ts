import type { CheckClass, EntryOptions } from './check.js'
import type { CheckSettings } from './settings.js'

/**
 * The options of each module that an entry may name. It is filled where the modules are; an app can add its own:
 *
 * @example
 * declare module 'fastify-health' {
 *   interface CheckModules { 'our-checks/payments': { url: string } }
 * }
 */
export interface CheckModules {}

type KnownSpecifier = keyof CheckModules & string

/** A module of the app's own; a package's is typed by adding it to `CheckModules`. */
type OwnSpecifier = `./${string}` | `../${string}` | `/${string}` | `file:${string}` | `#${string}`

type KnownEntry = { [Specifier in KnownSpecifier]: readonly [Specifier, CheckModules[Specifier] & EntryOptions] }[KnownSpecifier]

/** One item of a subset's list. */
export type Entry =
  | KnownSpecifier
  | (string & Record<never, never>)
  | KnownEntry
  | readonly [KnownSpecifier | OwnSpecifier]
  | readonly [OwnSpecifier, Record<string, unknown> & EntryOptions]
  | CheckClass
  | readonly [CheckClass]
  | readonly [CheckClass, Record<string, unknown> & EntryOptions]

/**
 * A class with its options. A list of entries may hold any class, and so takes any options: this one takes those of the class alone.
 *
 * @example
 * [PaymentsCheck, { url: 'https://payments.internal' }] satisfies EntryOf<typeof PaymentsCheck>
 */
export type EntryOf<Check extends CheckClass> = readonly [Check, ConstructorParameters<Check>[0]]

/** The settings of a registry, live: each run reads them anew. */
export interface Settings extends CheckSettings {
  /** The named lists of checks. */
  subsets: Record<string, Entry[]>
}

/** What the plugin and `createHealth` take: every setting has a default. */
export type HealthOptions = Partial<Omit<Settings, 'subsets'>> & {
  subsets?: Readonly<Record<string, readonly Entry[]>>
}
