// What a command costs, as the system accounts for it.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const bin = fileURLToPath(new URL('../dist/lib/cli/bin.js', import.meta.url))
const atExit = fileURLToPath(new URL('./fixtures/peak-memory.cjs', import.meta.url))

/** CPU time of all children that ended so far, in milliseconds. Linux keeps it in ticks of 10 ms, so it is good for many runs at once. */
function cpuOfChildren () {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(13, 15)
  return (Number(user) + Number(system)) * 10
}

/** Wall and CPU milliseconds a run, over `runs` of them, and MiB of memory at the peak. */
export function costOf ({ args, cwd, env = {} }, runs) {
  const options = { cwd, env: { ...process.env, ...env }, encoding: 'utf8' }
  const [cpu, begun] = [cpuOfChildren(), performance.now()]
  for (let n = 0; n < runs; n++) succeeded(spawnSync(process.execPath, args, options))
  const measured = { wall: (performance.now() - begun) / runs, cpu: (cpuOfChildren() - cpu) / runs }
  const { output } = succeeded(spawnSync(process.execPath, ['-r', atExit, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] }))
  return { ...measured, memory: Number(output[3]) / 1024 }
}

function succeeded (ended) {
  if (ended.status !== 0) throw new Error(`A command ended with ${ended.status}: ${ended.stdout}${ended.stderr}`)
  return ended
}
