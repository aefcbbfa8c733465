import t from 'tap'
import { TimeLimit } from '../../lib/cli/time-limit.js'

const never = new Promise<never>(() => {})

async function took (work: Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work.catch(() => {})
  return performance.now() - begun
}

t.test('what is there in time is as it is', async t => {
  for (const timeout of [undefined, 1000]) {
    const time = new TimeLimit(timeout)
    t.equal(await time.prepare(Promise.resolve('there')), 'there')
    await t.rejects(time.prepare(Promise.reject(new Error('broken'))), { message: 'broken' })
  }
})

t.test('what is not there in time is no bad usage, and says how long that was', async t => {
  await t.rejects(new TimeLimit(50).prepare(never, 10_000), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /within 50 ms/ })
  await t.rejects(new TimeLimit(undefined).prepare(never, 60), { code: 'FST_HEALTH_INVALID_CONFIGURATION', message: /within 60 ms/ })
})

t.test('what was spent is not left, and something always is', async t => {
  const time = new TimeLimit(100)
  t.ok(time.left() as number <= 100)
  await t.rejects(time.prepare(never))
  t.equal(time.left(), 1)
  t.equal(new TimeLimit(undefined).left(), undefined)
})

t.test('closing takes what is left, a second at most, and no failure of it counts', async t => {
  t.ok(await took(new TimeLimit(100).close(never)) < 900)
  const second = await took(new TimeLimit(undefined).close(never))
  t.ok(second >= 990 && second < 3000, `${second} ms`)
  await t.resolves(new TimeLimit(100).close(Promise.reject(new Error('broken'))))
})
