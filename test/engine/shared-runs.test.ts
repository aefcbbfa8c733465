import { test } from 'tap'
import { SharedRuns } from '../../lib/engine/shared-runs.js'
import type { Report } from '../../types/report.js'

function setUp () {
  const runs = new SharedRuns()
  const answers: Array<() => void> = []
  const join = (subset = 's', terms: readonly unknown[] = []) => runs.join(subset, terms, async onAnswer => {
    answers.push(onAnswer)
    return { subset } as Report
  })
  return { answers, join }
}

test('a run is joined until one of its checks has answered', async t => {
  const { answers, join } = setUp()
  const first = join()
  t.equal(join(), first)
  answers[0]?.()
  const second = join()
  t.not(second, first)
  t.equal(join(), second)
  t.equal(answers.length, 2)
})

test('a run of another subset, or on other terms, is not joined', async t => {
  const { answers, join } = setUp()
  const first = join('s', [1, true])
  t.not(join('other', [1, true]), first)
  t.equal(join('s', [1, true]), first)
  t.not(join('s', [1, false]), first)
  t.equal(answers.length, 3)
})

test('a run that has answered at once is not joined', async t => {
  const runs = new SharedRuns()
  const start = async (onAnswer: () => void) => {
    onAnswer()
    return {} as Report
  }
  t.not(runs.join('s', [], start), runs.join('s', [], start))
})
