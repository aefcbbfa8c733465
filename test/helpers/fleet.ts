import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createHealth, defineCheck, type Entry, type HealthRegistry, type Report } from '../../lib/index.js'
import type { CheckContext } from '../../types/check.js'
import type { FleetOptions } from '../../types/fleet.js'
import type { HealthOptions } from '../../types/options.js'
import type { Orders } from '../fixtures/fleet-instance.js'
import { recordedLog, type RecordedLog } from './recorded-log.js'
import type { Scope } from './server.js'

/** An instance of a fleet, in the process of the test. */
export interface Instance {
  readonly health: HealthRegistry
  readonly log: RecordedLog
  /** When its check was run, on the clock of the process. */
  readonly runs: number[]
}

export interface InstanceOptions extends Omit<HealthOptions, 'fleet'> {
  readonly fleet: FleetOptions
  /** Of the check that is shared, in milliseconds. */
  readonly interval?: number
  /** What the check does. */
  readonly check?: (context: CheckContext) => unknown
  /** Further entries of the subset. */
  readonly others?: Entry[]
}

let started = 0

/** An instance that has started, with one check that is shared in a subset `s`. */
export function startInstance (t: Scope, { fleet, interval = 200, check = () => {}, others = [], ...options }: InstanceOptions): Instance {
  const log = recordedLog()
  const runs: number[] = []
  const shared = defineCheck({
    identifier: 'Payments',
    interval,
    shared: true,
    async check (context) {
      runs.push(performance.now())
      await check(context)
    },
  })
  const health = createHealth({ subsets: { s: [shared, ...others] }, fleet: { instance: `host:${started++}`, ...fleet }, ...options }, { log: log.log })
  t.after(async () => await health.close())
  health.start()
  return { health, log, runs }
}

/** What a subset's check is found to be. */
export async function statusOf ({ health }: Pick<Instance, 'health'>, identifier = 'Payments', subset = 's'): Promise<string | undefined> {
  const { results } = await health.run(subset)
  return results.find(result => result.identifier === identifier)?.status
}

/** How often the checks of all of them were run. */
export function runsOf (instances: readonly Instance[]): number {
  return instances.reduce((sum, { runs }) => sum + runs.length, 0)
}

/** An instance of a fleet in a process of its own. */
export interface Process {
  readonly child: ChildProcess
  /** How often its check was run. */
  readonly runs: () => number
  /** What it finds of its subset. */
  readonly report: () => Promise<Report>
  readonly tell: (order: { fail: string } | { work: true }) => void
}

export function startProcess (t: Scope, options: HealthOptions, { interval = 200, takes = 0 } = {}): Process {
  const orders: Orders = { options, interval, takes }
  const child = fork(fileURLToPath(new URL('../fixtures/fleet-instance.ts', import.meta.url)), [JSON.stringify(orders)], { execArgv: process.execArgv })
  let runs = 0
  child.on('message', ({ ran }: { ran?: true }) => { if (ran) runs++ })
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  })
  return {
    child,
    runs: () => runs,
    tell: order => { child.send(order) },
    async report () {
      const answer = new Promise<Report>(resolve => {
        const onMessage = ({ report }: { report?: Report }) => {
          if (report === undefined) return
          child.off('message', onMessage)
          resolve(report)
        }
        child.on('message', onMessage)
      })
      child.send({ ask: true })
      return await answer
    },
  }
}
