import { contender, counted, interleaved, median, rounds, scaled } from '../measure.js'

const kinds = new Map([['of one class', true], ['each of a class of its own', false]])

/** What a registry keeps of each check of a very large subset, when all have run many times. */
export default async function subsetMemory () {
  const size = scaled(10_000)
  const found = await interleaved(kinds, async oneClass => {
    const { call, close } = await contender('registry.js', 'keptChecks', { size, oneClass })
    const { heap: before } = await call('memory')
    await call('run', 1)
    const { heap: once } = await call('memory')
    await call('run', 100)
    const { heap: often } = await call('memory')
    await close()
    return { once: (once - before) / size, often: (often - before) / size }
  }, Math.min(rounds, 3))
  return [...found].map(([kind, values]) => counted({
    question: `a subset of ${size} checks, ${kind}, after 101 runs`,
    against: 'itself after one',
    unit: 'bytes of heap a check',
    ours: median(values.map(({ often }) => often)),
    theirs: median(values.map(({ once }) => once)),
  }))
}
