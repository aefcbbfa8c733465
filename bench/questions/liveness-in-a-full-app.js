import { afresh, compared, scaled } from '../measure.js'

/** With helmet, cors, cookie, session, jwt, rate-limit, compress, under-pressure and an auth hook registered after it. */
export default async function livenessInAFullApp () {
  const amount = scaled(50_000)
  const found = await afresh('full-app.js', ['fullApp', 'emptyApp'], {}, async ({ call }) => {
    await call('probe', 3 * amount)
    return await call('probe', amount) / amount * 1000
  })
  return [compared({
    question: 'liveness in a full app',
    against: 'itself in an empty app',
    unit: 'CPU ns a request',
    ours: found.get('fullApp'),
    theirs: found.get('emptyApp'),
    aim: { atMost: 1.03 },
  })]
}
