import { compared, contender, counted, interleaved, median, scaled } from '../measure.js'

const mebibyte = 1024 * 1024

/** A fresh process each round, after a full garbage collection. */
export default async function memory () {
  const found = await interleaved(new Map([['withHealth'], ['without']]), async (_, name) => {
    const { call, close } = await contender('memory.js', name)
    const booted = await call('memory')
    // The first probes load and compile what they need; what counts is whether it grows from there.
    await call('probes', scaled(20_000))
    const warm = await call('memory')
    await call('probes', scaled(100_000))
    const probed = await call('memory')
    await close()
    return { booted, warm, probed }
  })
  const [ours, theirs] = [found.get('withHealth'), found.get('without')]
  const inMiB = (runs, of) => runs.map(run => of(run) / mebibyte)
  const row = (question, unit, of) => {
    const [mine, bare] = [inMiB(ours, of), inMiB(theirs, of)]
    const more = median(mine.map((value, round) => value - bare[round]))
    return counted({ question, against: 'the app without the plugin', unit: `${unit}, ${more.toFixed(1)} more`, ours: median(mine), theirs: median(bare), aim: { atMost: 10, unit: 'MiB more' }, of: more })
  }
  return [
    row('memory after boot', 'MiB of heap', ({ booted }) => booted.heap),
    row('memory after boot', 'MiB resident', ({ booted }) => booted.rss),
    row('memory after 120,000 probes', 'MiB of heap', ({ probed }) => probed.heap),
    row('memory after 120,000 probes', 'MiB resident', ({ probed }) => probed.rss),
    row('memory after 120,000 probes', "MiB resident, without V8's young generation", ({ probed }) => probed.rss - probed.young),
    compared({
      question: 'memory after 120,000 probes',
      against: 'itself after 20,000',
      unit: 'MiB of heap',
      ours: inMiB(ours, ({ probed }) => probed.heap),
      theirs: inMiB(ours, ({ warm }) => warm.heap),
      aim: { atMost: 1.02 },
    }),
  ]
}
