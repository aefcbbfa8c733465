import { join } from 'node:path'
import { bin, costOf } from '../commands.js'
import { compared, interleaved, scaled } from '../measure.js'
import { withServers } from '../servers.js'

const fixture = name => join(import.meta.dirname, '../fixtures', name)

/** An exec probe over a connection of its own. */
export default async function execPostgres () {
  return await withServers(async (scope, { startPostgres }) => await startPostgres(scope), async ({ url }) => {
    const contenders = new Map([
      ['ours', [bin, '--subset', 'readiness', '--config', fixture('postgres.config.js')]],
      ['script', [fixture('select-one.js')]],
    ])
    const found = await interleaved(contenders, args => costOf({ args, env: { DATABASE_URL: url } }, scaled(5)))
    const row = (unit, of, aim) => compared({
      question: 'an exec probe of PostgreSQL', against: 'a script of `pg` alone', unit, ours: found.get('ours').map(of), theirs: found.get('script').map(of), aim,
    })
    return [
      row('wall ms', ({ wall }) => wall, { atMost: 1.25 }),
      row('CPU ms', ({ cpu }) => cpu, { atMost: 1.25 }),
      row('peak MiB', ({ memory }) => memory),
    ]
  })
}
