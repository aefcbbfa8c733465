import { test } from 'tap'
import { commandFor, needsHttp, needsNoGrpc, questionOf, servedSubsets } from '../../lib/manifests/questions.js'
import { everySubset, inputOf, taking } from '../helpers/manifests.js'

test('a prober waits longer than the slowest answer takes', async t => {
  for (const [time, seconds] of [[0, 1], [500, 1], [501, 2], [3000, 4], [3500, 4], [3501, 5]] as const) {
    const input = await inputOf({ subsets: { readiness: time === 0 ? [] : [taking(time)] } })
    t.equal(questionOf(input, 'readiness')!.timeoutSeconds, seconds)
    t.equal(servedSubsets(input)[0]!.timeoutSeconds, seconds)
    t.ok(seconds * 1000 > time)
  }
})

test('a command gets time to start on top', async t => {
  const input = await inputOf(everySubset, { kind: 'worker' })
  t.strictSame(questionOf(input, 'readiness'), { subset: 'readiness', path: undefined, timeoutSeconds: 6 })
  t.strictSame(commandFor(input, 'readiness'), ['node_modules/.bin/fastify-health', '--subset', 'readiness'])
})

test('liveness of a web app is its own path; a subset of that name is asked where there is none', async t => {
  t.strictSame(questionOf(await inputOf(everySubset), 'liveness'), { subset: 'liveness', path: '/healthcheck/liveness', timeoutSeconds: 3 })
  t.strictSame(questionOf(await inputOf({ livenessPath: '/alive' }), 'liveness'), { subset: 'liveness', path: '/alive', timeoutSeconds: 3 })
  t.strictSame(questionOf(await inputOf({ ...everySubset, livenessPath: false }), 'liveness'), { subset: 'liveness', path: '/healthcheck/liveness', timeoutSeconds: 2 })
  t.strictSame(questionOf(await inputOf({ ...everySubset, livenessPath: '/alive' }, { kind: 'worker' }), 'liveness'), { subset: 'liveness', path: undefined, timeoutSeconds: 3 })
})

test('what is not there cannot be asked', async t => {
  t.equal(questionOf(await inputOf({ livenessPath: false }), 'liveness'), undefined)
  t.equal(questionOf(await inputOf({}), 'readiness'), undefined)
  t.equal(questionOf(await inputOf({}, { kind: 'worker' }), 'liveness'), undefined)
})

test('the subset whose path is liveness is not served, and a worker serves none', async t => {
  const served = async (...args: Parameters<typeof inputOf>) => servedSubsets(await inputOf(...args)).map(({ subset }) => subset.name)
  t.strictSame(await served(everySubset), ['readiness', 'integrations'])
  t.strictSame(await served({ ...everySubset, livenessPath: '/alive' }), ['liveness', 'readiness', 'integrations'])
  t.strictSame(await served(everySubset, { kind: 'worker' }), [])
})

test('only Kubernetes asks over gRPC', async t => {
  const input = await inputOf(everySubset, { grpc: true })
  const refused = { code: 'FST_HEALTH_USAGE', message: 'HAProxy does not ask over gRPC: leave --grpc out, which is for kubernetes.' }
  t.throws(() => needsHttp(input, 'HAProxy'), refused)
  t.throws(() => needsNoGrpc(input.over, 'HAProxy'), refused)
})
