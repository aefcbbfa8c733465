import Fastify from 'fastify'
import { createHealth, type Entry } from '../../lib/index.js'
import { recordedLog } from './recorded-log.js'
import type { Scope } from './server.js'

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

/** The faults of a check's entry. */
export async function faultsOf (t: Scope, entry: Asked, decorators: Record<string, unknown> = {}): Promise<string[]> {
  const { health } = asking(t, entry, decorators)
  return (await health.systemChecks()).filter(({ level }) => level === 'error').map(({ id, message }) => `${id} ${message.replace(/^(?:\w+Check|fastify-health\/checks\/[\w-]+): /, '')}`)
}
