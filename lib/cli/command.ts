import type { AskingArguments } from './args.js'
import type { TimeLimit } from './time-limit.js'
import type { Ending } from './watchdog.js'
import type { HealthRegistry } from '../engine/registry.js'

/** The parts of the process that a command uses. */
export interface IO {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly cwd: string
  /** Resolves when the process is told to end. A command that runs until then waits for it. */
  readonly untilStopped: () => Promise<unknown>
  /** Ends the process after a time, even if its thread is blocked by then. */
  readonly endAfter: (ending: Ending) => Promise<void>
  /** `true` says that the output may be coloured. */
  readonly colour: boolean
}

/** The arguments of a command, the registries that it asks, and its time limit. */
export interface Target<Args extends AskingArguments = AskingArguments> {
  readonly args: Args
  readonly io: IO
  readonly registries: readonly HealthRegistry[]
  readonly time: TimeLimit
}

/** A command returns the exit status. */
export type Command<Args extends AskingArguments = AskingArguments> = (target: Target<Args>) => Promise<number>
