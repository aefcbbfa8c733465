import { compared, interleaved, scaled, withContenders } from '../measure.js'

/** With helmet, cors, cookie, session, jwt, rate-limit, compress, under-pressure and an auth hook registered after it. */
export default async function livenessInAFullApp () {
  const amount = scaled(50_000)
  return await withContenders('full-app.js', ['fullApp', 'emptyApp'], {}, async contenders => {
    const found = await interleaved(contenders, async ({ call }) => await call('probe', amount) / amount * 1000)
    return [compared({
      question: 'liveness in a full app',
      against: 'itself in an empty app',
      unit: 'CPU ns a request',
      ours: found.get('fullApp'),
      theirs: found.get('emptyApp'),
      aim: { atMost: 1.03 },
    })]
  })
}
