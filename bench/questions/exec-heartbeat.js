import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bin, costOf } from '../commands.js'
import { compared, interleaved, scaled } from '../measure.js'

/** An exec probe of a worker: the command that a kubelet runs every few seconds. */
export default async function execHeartbeat () {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-bench-'))
  const file = join(folder, 'heartbeat')
  const config = join(import.meta.dirname, '../fixtures/heartbeat.config.js')
  const probe = [bin, '--subset', 'liveness', '--config', config]
  const contenders = new Map([
    ['ours', probe],
    ['unchecked', [...probe, '--skip-checks']],
    ['bare', ['-e', '0']],
  ])
  try {
    const found = await interleaved(contenders, args => {
      writeFileSync(file, '')
      return costOf({ args, env: { HEARTBEAT_FILE: file } }, scaled(5))
    })
    const row = (name, question, unit, of, aim) => compared({
      question, against: '`node -e 0`', unit, ours: found.get(name).map(of), theirs: found.get('bare').map(of), aim,
    })
    const question = 'an exec probe of a file heartbeat'
    return [
      row('ours', question, 'wall ms', ({ wall }) => wall, { atMost: 1.25 }),
      row('ours', question, 'CPU ms', ({ cpu }) => cpu, { atMost: 1.25 }),
      row('ours', question, 'peak MiB', ({ memory }) => memory, { atMost: 1.3 }),
      row('unchecked', `${question}, \`--skip-checks\``, 'CPU ms', ({ cpu }) => cpu),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}
