import { compared, counted, interleaved, median, scaled, withContenders } from '../measure.js'

const formats = ['json', 'plain', 'health+json', 'html', 'openmetrics']

/** Rendering is all of a request but the run: negotiating, rendering, validating and sending. */
export default async function reportFormats () {
  const amount = scaled(3000)
  return await withContenders('formats.js', ['ours', 'bareRoute'], {}, async contenders => {
    const cost = async ({ call }, method, format, times = amount) => await call(method, format, times) / times
    const rendering = await interleaved(contenders, async contender => 1e6 / await cost(contender, 'rendering', 'json'))
    const ours = new Map([['ours', contenders.get('ours')]])
    const costOf = async measure => median((await interleaved(ours, measure)).get('ours'))
    const rows = [compared({
      question: 'rendering 100 checks as json',
      against: 'a bare route that returns the same object',
      unit: 'answers a CPU second',
      ours: rendering.get('ours'),
      theirs: rendering.get('bareRoute'),
      aim: { atLeast: 0.8 },
    })]
    for (const format of formats) {
      rows.push(counted({ question: `rendering 100 checks as ${format}`, unit: 'CPU µs', ours: await costOf(contender => cost(contender, 'rendering', format)) }))
    }
    rows.push(counted({ question: 'a whole answer of 100 checks that are kept, as json', unit: 'CPU µs', ours: await costOf(contender => cost(contender, 'answer', 'json')) }))
    for (const [method, against] of [['scrape', 'format openmetrics'], ['registryScrape', 'the registry of prom-client']]) {
      rows.push(counted({
        question: 'metrics of 100 checks in 3 subsets',
        against,
        unit: 'CPU ms a scrape',
        ours: await costOf(async ({ call }) => await call(method, scaled(200)) / scaled(200) / 1000),
        aim: { atMost: 5 },
      }))
    }
    return rows
  })
}
