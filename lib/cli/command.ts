import type { AskingArguments } from './args.js'
import type { TimeLimit } from './time-limit.js'
import type { Ending } from './watchdog.js'
import type { HealthRegistry } from '../engine/registry.js'

/** What a command is given of its process. */
export interface IO {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly cwd: string
  /** Resolves when the process is told to end. It is asked for by what runs until then. */
  readonly untilStopped: () => Promise<unknown>
  /** Ends the process after a time, even if its thread is blocked by then. */
  readonly endAfter: (ending: Ending) => Promise<void>
  /** Whether what is printed may be coloured. */
  readonly colour: boolean
}

/** What a command works on. */
export interface Target<Args extends AskingArguments = AskingArguments> {
  readonly args: Args
  readonly io: IO
  readonly registries: readonly HealthRegistry[]
  readonly time: TimeLimit
}

/** Says what to exit with. */
export type Command<Args extends AskingArguments = AskingArguments> = (target: Target<Args>) => Promise<number>
