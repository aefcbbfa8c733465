// How everything here is measured: each contender in a process of its own, in turn, and compared round by round.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export const rounds = Number(process.env.BENCH_ROUNDS ?? 15)

/** How much of everything a round does; a fraction of it is enough to see that a benchmark works. */
export const scaled = amount => Math.max(1, Math.round(amount * Number(process.env.BENCH_SCALE ?? 1)))

// V8 sizes its young generation by what happens at the start, and what a request costs changes by a third with that size. So it is the
// same in every process.
const execArgv = ['--expose-gc', '--min-semi-space-size=16', '--max-semi-space-size=16']

const host = fileURLToPath(new URL('./host.js', import.meta.url))

/** A process that holds what `contenders/<file>` exports as `name`; `call` asks one of its methods. */
export async function contender (file, name, options = {}) {
  const child = fork(host, [file, name, JSON.stringify(options)], { execArgv, env: { ...process.env, NODE_ENV: 'production' } })
  const answers = new Map()
  let asked = 0
  child.on('message', ({ id, value, error }) => {
    const { resolve, reject } = answers.get(id)
    answers.delete(id)
    if (error === undefined) resolve(value)
    else reject(new Error(`${file} ${name}: ${error}`))
  })
  child.on('exit', (code, signal) => {
    for (const { reject } of answers.values()) reject(new Error(`${file} ${name} ended with ${code ?? signal}`))
  })
  const call = async (method, ...args) => await new Promise((resolve, reject) => {
    answers.set(++asked, { resolve, reject })
    child.send({ id: asked, method, args })
  })
  await call('started')
  return {
    call,
    async close () {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** Gives `use` the contenders of one file by name, and ends them afterwards. */
export async function withContenders (file, names, options, use) {
  const started = new Map()
  try {
    for (const name of names) started.set(name, await contender(file, name, options))
    return await use(started)
  } finally {
    await Promise.all([...started.values()].map(async ({ close }) => await close()))
  }
}

/**
 * Measures the contenders in turn, A B A B, so that whatever else the machine does hits all of them alike. The first round warms up
 * and does not count.
 */
export async function interleaved (contenders, measure, count = rounds) {
  const found = new Map([...contenders.keys()].map(name => [name, []]))
  for (let round = -1; round < count; round++) {
    for (const [name, contender] of contenders) {
      const value = await measure(contender, name)
      if (round >= 0) found.get(name).push(value)
    }
  }
  return found
}

/**
 * Measures the contenders of one file in processes of their own, started anew for each round, in an order that is drawn anew as well. How
 * V8 happens to compile the same code makes one process slower than the next for all its life, so what counts is the median over
 * processes.
 */
export async function afresh (file, names, options, measure, count = rounds) {
  const found = new Map(names.map(name => [name, []]))
  for (let round = 0; round < count; round++) {
    for (const name of shuffled(names)) {
      const started = await contender(file, name, options)
      try {
        found.get(name).push(await measure(started, name))
      } finally {
        await started.close()
      }
    }
  }
  return found
}

function shuffled (names) {
  return names.map(name => [Math.random(), name]).sort(([a], [b]) => a - b).map(([, name]) => name)
}

export function quantile (values, fraction) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * fraction
  const below = sorted[Math.floor(at)]
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at))
}

export const median = values => quantile(values, 0.5)

/** A row of the table, from values that were measured in the same rounds. */
export function compared ({ question, against, unit, ours, theirs, aim }) {
  const ratios = ours.map((value, round) => value / theirs[round])
  const ratio = { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) }
  return { question, against, unit, ours: median(ours), theirs: median(theirs), ratio, aim, met: isMet(aim, ratio.median) }
}

/** A row of the table that is a count rather than a time: it has no spread. */
export function counted ({ question, against = '', unit = '', ours, theirs, aim, of = ours }) {
  return { question, against, unit, ours, theirs, aim, met: isMet(aim, of) }
}

function isMet (aim, value) {
  if (aim === undefined) return undefined
  return aim.atMost === undefined ? value >= aim.atLeast : value <= aim.atMost
}
