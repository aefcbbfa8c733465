import { counted, interleaved, median, quantile, scaled, withContenders } from '../measure.js'

const size = 500
const formats = ['json', 'plain', 'health+json', 'html', 'openmetrics', null]

/** The longest turn of the event loop that a probe of a large subset makes. */
export default async function eventLoopTurns () {
  return await withContenders('turns.js', ['manyChecks'], { size }, async contenders => {
    const { call } = contenders.get('manyChecks')
    const [first] = [await call('longest', 'json', 1)]
    for (const format of formats) await call('warmUp', format, scaled(500))
    const found = await interleaved(new Map(formats.map(format => [format])), async (_, format) => await call('longest', format, scaled(20)))
    const row = (format, values) => counted({
      question: format === null ? `a route that sends a list of ${size}` : `a subset of ${size} checks, as ${format}`,
      against: 'its shortest and its longest round',
      unit: 'ms of the longest turn of 20 probes',
      ours: median(values),
      theirs: `${quantile(values, 0).toFixed(1)}, ${quantile(values, 1).toFixed(1)}`,
      aim: format === null ? undefined : { atMost: 5 },
    })
    return [
      ...[...found].map(([format, values]) => row(format, values)),
      counted({ question: `a subset of ${size} checks, as json`, unit: 'ms of the longest turn of the first probe of a process', ours: first }),
    ]
  })
}
