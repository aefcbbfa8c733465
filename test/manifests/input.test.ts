import { test } from 'tap'
import { createHealth } from '../../lib/create-health.js'
import { toManifestInput } from '../../lib/manifests/input.js'
import { everySubset, inputOf, taking } from '../helpers/manifests.js'

test('a registry is a web app on port 3000 unless told', async t => {
  t.strictSame(await toManifestInput(createHealth({ subsets: { readiness: [taking(4000)] } })), {
    name: 'app',
    kind: 'web',
    over: 'http',
    port: 3000,
    node: 'node',
    command: ['node_modules/.bin/fastify-health'],
    livenessPath: '/healthcheck/liveness',
    subsets: [{ name: 'readiness', path: '/healthcheck/readiness', time: 4000 }],
  })
  t.match(await inputOf({}, { kind: 'worker', port: 8080, command: ['health'] }), { kind: 'worker', port: 8080, command: ['health'] })
})

test('paths are those of the settings', async t => {
  const paths = async (prefix: string) => (await inputOf({ ...everySubset, prefix })).subsets.map(({ path }) => path)
  t.strictSame(await paths('/probes'), ['/probes/liveness', '/probes/readiness', '/probes/integrations'])
  t.strictSame(await paths('/'), ['/liveness', '/readiness', '/integrations'])
  t.strictSame(await paths(''), ['/liveness', '/readiness', '/integrations'])
  t.equal((await inputOf({ livenessPath: false })).livenessPath, false)
  const { livenessPath, subsets } = await toManifestInput(createHealth({ subsets: { readiness: [] } }, { mountedAt: '/api' }))
  t.strictSame([livenessPath, subsets[0]?.path], ['/api/healthcheck/liveness', '/api/healthcheck/readiness'])
})

test('a subset takes as long as its slowest check, all of them one after another, or the deadline', async t => {
  const subsets = { readiness: [taking(1000), taking(4000)] }
  const time = async (options: object) => (await inputOf({ subsets, ...options })).subsets[0]!.time
  t.equal(await time({}), 4000)
  t.equal(await time({ sequential: true }), 5000)
  t.equal(await time({ deadline: 2500 }), 2500)
  t.equal(await time({ subsets: { readiness: [] } }), 0)
  t.equal(await time({ subsets: { readiness: [taking(1000, 'A'), [taking(4000), { after: 'A' }]] } }), 5000)
})

test('a check that runs in the background takes no time of a web app, and all of its own of a worker', async t => {
  const subsets = { liveness: [[taking(4000), { interval: 60_000 }] as const] }
  const time = async (kind: 'web' | 'worker') => (await inputOf({ subsets }, { kind })).subsets[0]?.time
  t.strictSame([await time('web'), await time('worker')], [0, 4000])
})

test('the name of a package becomes one that Kubernetes takes', async t => {
  const name = async (name: string) => (await inputOf({}, { name })).name
  t.equal(await name('@acme/Shop_front.end'), 'shop-front-end')
  t.equal(await name('-shop-'), 'shop')
  t.equal(await name(`${'a'.repeat(62)}-b`), 'a'.repeat(62))
  await t.rejects(name('商店'), { code: 'FST_HEALTH_USAGE', message: "'商店' cannot be the name of a service: it needs a letter of a-z or a digit." })
})

test('it is asked at its own listener, where that has a port', async t => {
  t.match(await inputOf({ listen: { port: 9000 } }), { over: 'http', port: 9000 })
  t.match(await inputOf({ listen: { port: 9000 } }, { port: 9090 }), { port: 9090 })
  t.match(await inputOf({ listen: { port: 9000 } }, { kind: 'worker' }), { over: 'http', port: 9000 })
  for (const listen of [{ port: 0 }, { path: '/run/health.sock' }]) t.match(await inputOf({ listen }), { over: 'http', port: 3000 })
  t.match(await inputOf({}, { kind: 'worker' }), { over: 'command' })
  t.match(await inputOf({ routes: false }, { kind: 'worker' }), { over: 'command' })
})

test('probes that no port leads to cannot be asked', async t => {
  const refused = (message: RegExp) => ({ code: 'FST_HEALTH_USAGE', message })
  await t.rejects(inputOf({ routes: false }), refused(/^`routes: false` takes the probes off the app's own listener, and `listen` is not there: give it one, or name it with --port\.$/))
  await t.rejects(inputOf({ routes: false, listen: { path: '/run/health.sock' } }), refused(/`listen` names no port/))
  t.match(await inputOf({ routes: false, listen: { port: 9000 } }), { port: 9000 })
  t.match(await inputOf({ routes: false }, { port: 9000 }), { port: 9000 })
})

test('gRPC has a port of its own', async t => {
  t.match(await inputOf({ listen: { port: 9000 } }, { grpc: true }), { over: 'grpc', port: 50_051 })
  t.match(await inputOf({ routes: false }, { grpc: true, kind: 'worker', port: 6000 }), { over: 'grpc', port: 6000 })
})
