import Fastify from 'fastify'
import type { Test } from 'tap'
import { createHealth, type Entry } from '../../lib/index.js'
import { until } from './leaks.js'
import { recordedLog } from './recorded-log.js'
import type { Relay } from './relay.js'
import type { Scope, Server } from './server.js'

/** A check, with its options or what is no such thing. */
type Asked = string | readonly [check: unknown, options: object]

/** Asks one check, in an app with these decorators; gives its status. */
export function asking (t: Scope, entry: Asked, decorators: Record<string, unknown> = {}) {
  const app = Fastify()
  for (const [name, value] of Object.entries(decorators)) app.decorate(name, value)
  const health = createHealth({ timeout: 20_000, subsets: { s: [entry as Entry] } }, { app, log: recordedLog().log })
  t.after(async () => await health.close())
  return Object.assign(async () => (await health.run('s')).results[0]?.status, { health })
}

/** Asserts that a check keeps one connection between its runs, makes a new one when it is lost, and leaves none. */
export async function keepsOneConnection (t: Test, ask: ReturnType<typeof asking>, server: Pick<Server, 'restart'>, relay: Relay): Promise<void> {
  const patience = { timeout: 60_000 }
  for (let n = 0; n < 3; n++) t.equal(await ask(), 'working')
  t.equal(relay.connections, 1)
  await server.restart()
  t.equal(await ask(), 'working')
  await relay.silence()
  ask.health.settings.timeout = 300
  t.equal(await ask(), 'unavailable: timed out after 300 ms')
  await until(() => relay.connections === 0, patience)
  t.equal(await ask(), 'unavailable: timed out after 300 ms', 'before it is connected')
  await until(() => relay.connections === 0, patience)
  await relay.pass()
  ask.health.settings.timeout = 20_000
  t.equal(await ask(), 'working')
  await ask.health.close()
  await until(() => relay.connections === 0, patience)
}

/** The faults of a check's entry. */
export async function faultsOf (t: Scope, entry: Asked, decorators: Record<string, unknown> = {}): Promise<string[]> {
  const { health } = asking(t, entry, decorators)
  return (await health.systemChecks()).filter(({ level }) => level === 'error').map(({ id, message }) => `${id} ${message.replace(/^(?:\w+Check|fastify-health\/checks\/[\w-]+): /, '')}`)
}
