import { compared, contender, interleaved } from '../measure.js'

/** Each round boots processes of its own. */
export default async function boot () {
  const found = await interleaved(new Map([['withHealth'], ['without']]), async (_, name) => {
    const { call, close } = await contender('boot.js', name)
    const measured = await call('run')
    await close()
    return measured
  })
  const ours = found.get('withHealth')
  const row = (question, unit, of, { runs = ours, aim } = {}) => compared({
    question, against: 'the import of Fastify', unit, ours: runs.map(of), theirs: runs.map(({ fastify }) => fastify[unit.startsWith('CPU') ? 'cpu' : 'wall']), aim,
  })
  const question = 'boot: `register` to `ready`, 3 subsets, 10 checks of 10 modules'
  const aim = { atMost: 0.5 }
  return [
    row(question, 'CPU ms', ({ readying }) => readying.cpu, { aim }),
    row(question, 'wall ms', ({ readying }) => readying.wall, { aim }),
    row('boot of an app without the plugin', 'CPU ms', ({ readying }) => readying.cpu, { runs: found.get('without') }),
    row('import of fastify-health, after Fastify', 'CPU ms', ({ importing }) => importing.cpu, { aim: { atMost: 0.2 } }),
  ]
}
