import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bin, costOf } from '../commands.js'
import { Client } from '../load.js'
import { compared, contender, rounds, scaled } from '../measure.js'

/** A probe of a worker over HTTP, at a listener of the worker's own, beside the command that asks the same. */
export default async function listenerProbe () {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-health-bench-'))
  const file = join(folder, 'heartbeat')
  writeFileSync(file, '')
  const { call, close } = await contender('worker.js', 'listening', { file })
  const command = [bin, '--subset', 'liveness', '--config', join(import.meta.dirname, '../fixtures/heartbeat.config.js')]
  const probes = scaled(1000)
  const found = { listener: [], command: [] }
  try {
    const { url } = await call('address')
    for (let round = -1; round < rounds; round++) {
      const before = await call('cpu')
      for (let n = 0; n < probes; n++) await probe(url)
      const listener = (await call('cpu') - before) / probes / 1000
      writeFileSync(file, '')
      const { cpu } = costOf({ args: command, env: { HEARTBEAT_FILE: file } }, scaled(5))
      if (round < 0) continue
      found.listener.push(listener)
      found.command.push(cpu)
    }
  } finally {
    await close()
    rmSync(folder, { recursive: true })
  }
  return [compared({
    question: 'a probe of a file heartbeat, at a listener of the worker', against: 'the same by an exec probe', unit: 'CPU ms', ours: found.listener, theirs: found.command, aim: { atMost: 0.01 },
  })]
}

/** Over a connection of its own, as a kubelet does. */
async function probe (url) {
  const client = await Client.open(url)
  const { status } = await client.ask()
  client.close()
  if (status !== 200) throw new Error(`${url} answered ${status}`)
}
