// npm run bench [question …]: asks every question, or those named, and prints one table.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { rounds } from './measure.js'

const here = import.meta.dirname
const wanted = process.argv.slice(2)

run('npm', ['run', 'build', '--silent'], `${here}/..`, `${here}/../dist/lib/index.js`)
run('npm', ['ci', '--silent'], here, `${here}/node_modules/lightship`)

const questions = readdirSync(`${here}/questions`).map(file => file.slice(0, -3)).filter(name => wanted.length === 0 || wanted.includes(name))
const before = loadavg()[0]
const rows = []
for (const name of questions) {
  const { default: ask } = await import(`./questions/${name}.js`)
  const begun = performance.now()
  try {
    rows.push(...await ask())
  } catch (error) {
    process.exitCode = 1
    process.stderr.write(`${name}: ${error.stack}\n`)
  }
  process.stderr.write(`${name}: ${Math.round((performance.now() - begun) / 1000)} s, load ${loadavg()[0].toFixed(1)}\n`)
}

const table = [
  ['question', 'measured against', 'unit', 'ours', 'theirs', 'ratio (quartiles)', 'aim', 'met'],
  Array(8).fill('---'),
  ...rows.map(({ question, against, unit, ours, theirs, ratio, aim, met }) => [
    question, against, unit, figure(ours), figure(theirs), ratioOf(ratio), aimOf(aim), met === undefined ? '' : met ? 'yes' : '**no**',
  ]),
]
console.log(table.map(cells => `| ${cells.join(' | ')} |`).join('\n'))
console.log(`\nNode.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}, ${rounds} rounds, load average ${before.toFixed(1)} before and ${loadavg()[0].toFixed(1)} after.`)

/** What a fresh clone does not have yet. */
function run (command, args, cwd, made) {
  if (existsSync(made)) return
  const { status } = spawnSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) process.exit(1)
}

function figure (value) {
  if (typeof value !== 'number') return value ?? ''
  return Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString()
}

function ratioOf (ratio) {
  return ratio === undefined ? '' : `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`
}

function aimOf (aim) {
  if (aim === undefined) return ''
  const { atMost, atLeast, unit = '' } = aim
  return `${atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`} ${unit}`.trim()
}
