import { compared, contender, counted, interleaved, median, rounds, scaled } from '../measure.js'

const mebibyte = 1024 * 1024
const few = 20_000
const some = 200_000
const many = 1_000_000

/** Probes of an app with a check that flaps: a fresh process each round, after a full garbage collection. */
export default async function memory () {
  const found = await interleaved(new Map([['withHealth'], ['without']]), async (_, name) => {
    const { call, close } = await contender('memory.js', name)
    const booted = await call('memory')
    // The first probes load and compile what they need; what counts is whether it grows from there.
    await call('probes', scaled(few))
    const warm = await call('memory')
    await call('probes', scaled(some - few))
    const settled = await call('memory')
    await call('probes', scaled(many - some))
    const probed = await call('memory')
    await close()
    return { booted, warm, settled, probed }
  }, Math.min(rounds, 3))
  const [ours, theirs] = [found.get('withHealth'), found.get('without')]
  const inMiB = (runs, of) => runs.map(run => of(run) / mebibyte)
  const row = (question, unit, of, most = 10) => {
    const [mine, bare] = [inMiB(ours, of), inMiB(theirs, of)]
    const more = median(mine.map((value, round) => value - bare[round]))
    const aim = { atMost: most, unit: 'MiB more' }
    return counted({ question, against: 'the app without the plugin', unit: `${unit}, ${more.toFixed(1)} more`, ours: median(mine), theirs: median(bare), aim, of: more })
  }
  const question = `memory after ${many.toLocaleString('en')} probes`
  return [
    row('memory after boot', 'MiB of heap', ({ booted }) => booted.heap),
    row('memory after boot', 'MiB resident', ({ booted }) => booted.rss),
    row(question, 'MiB of heap', ({ probed }) => probed.heap, 3),
    row(question, 'MiB resident', ({ probed }) => probed.rss),
    row(question, "MiB resident, without V8's young generation", ({ probed }) => probed.rss - probed.young),
    // V8 compiles what runs often, and keeps that on the heap: it is at it until some hundred thousand probes were answered.
    ...[[few, ({ warm }) => warm], [some, ({ settled }) => settled]].map(([amount, of]) => compared({
      question,
      against: `itself after ${amount.toLocaleString('en')}`,
      unit: 'MiB of heap',
      ours: inMiB(ours, ({ probed }) => probed.heap),
      theirs: inMiB(ours, run => of(run).heap),
      aim: { atMost: 1.02 },
    })),
  ]
}
