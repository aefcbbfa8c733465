import type { CheckClass, EntryOptions } from './check.js'
import type { CheckSettings } from './settings.js'

/**
 * The options of each module that an entry may name. The modules of checks add their own options, and an app can add more:
 *
 * @example
 * declare module 'fastify-health' {
 *   interface CheckModules { 'our-checks/payments': { url: string } }
 * }
 */
export interface CheckModules {}

type KnownSpecifier = keyof CheckModules & string

/** The specifier of a module of the app. The options of a package's module are typed by adding the package to `CheckModules`. */
type OwnSpecifier = `./${string}` | `../${string}` | `/${string}` | `file:${string}` | `#${string}`

type KnownEntry = { [Specifier in KnownSpecifier]: readonly [Specifier, CheckModules[Specifier] & EntryOptions] }[KnownSpecifier]

/** One item in the list of a subset: a check, alone or with its options. */
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
 * A class with its options. `Entry` accepts any class with any options. This type accepts only the options of the given class.
 *
 * @example
 * [PaymentsCheck, { url: 'https://payments.internal' }] satisfies EntryOf<typeof PaymentsCheck>
 */
export type EntryOf<Check extends CheckClass> = readonly [Check, ConstructorParameters<Check>[0]]

/** The settings of a registry. Each run reads them again, so a change holds from the next run on. */
export interface Settings extends CheckSettings {
  /** The named lists of checks. */
  subsets: Record<string, Entry[]>
}

/** The options of the plugin and of `createHealth`. Each of them has a default. */
export type HealthOptions = Partial<Omit<Settings, 'subsets'>> & {
  subsets?: Readonly<Record<string, readonly Entry[]>>
}
