import { serverCost } from '../load.js'
import { afresh, compared, counted, median, scaled } from '../measure.js'

const names = ['withHealth', 'without', 'emptyHook']
const withoutPlugin = 'the same app without the plugin'
const emptyHook = 'the same app with a hook that does nothing'

/** Any other route of the app. */
export default async function otherRoutes () {
  return [...await overTheWire(), ...await inTheRouter()]
}

async function overTheWire () {
  const amount = scaled(10_000)
  const found = await afresh('other-routes.js', names, {}, async contender => {
    await serverCost(contender, amount)
    return await serverCost(contender, amount)
  })
  const unit = 'server CPU µs a request'
  return [row(found, unit, 'without', withoutPlugin, { atMost: 1.01 }), row(found, unit, 'emptyHook', emptyHook)]
}

async function inTheRouter () {
  const amount = scaled(50_000)
  const found = await afresh('other-routes.js', names, {}, async ({ call }) => {
    await call('probe', 3 * amount)
    return await call('probe', amount) / amount * 1000
  })
  const hook = await afresh('other-routes.js', ['withHealth'], {}, async ({ call }) => await call('hook', scaled(5_000_000)))
  const unit = 'CPU ns in the router'
  return [
    row(found, unit, 'without', withoutPlugin, { atMost: 1.01 }),
    row(found, unit, 'emptyHook', emptyHook),
    counted({ question: 'any other route', against: 'the hook alone', unit: 'CPU ns a call', ours: median(hook.get('withHealth')) }),
  ]
}

function row (found, unit, theirs, against, aim) {
  return compared({ question: 'any other route', against, unit, ours: found.get('withHealth'), theirs: found.get(theirs), aim })
}
