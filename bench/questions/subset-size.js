import { compared, contender, rounds, scaled } from '../measure.js'

const sizes = [1, 10, 100, 1000]

/** Checks that do nothing: what the engine itself takes for each. */
export default async function subsetSize () {
  return [...await bySize('of one class', true), ...await bySize('each of a class of its own', false)]
}

async function bySize (kind, oneClass) {
  const { call, close } = await contender('registry.js', 'idleChecks', { sizes, oneClass })
  const checks = scaled(20_000)
  const found = new Map(sizes.map(size => [size, []]))
  for (let round = -1; round < rounds; round++) {
    for (const size of sizes) {
      const runs = Math.max(1, Math.round(checks / size))
      const { cpu } = await call('spent', 'run', size, runs)
      if (round >= 0) found.get(size).push(cpu / runs / size)
    }
  }
  await close()
  return sizes.slice(1).map(size => compared({
    question: `a subset of ${size} checks that do nothing, ${kind}`,
    against: 'a subset of 1',
    unit: 'CPU µs a check',
    ours: found.get(size),
    theirs: found.get(1),
    aim: { atMost: 1 },
  }))
}
