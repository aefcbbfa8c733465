import Fastify from 'fastify'
import { test } from 'tap'
import { parse } from 'yaml'
import fastifyHealth from '../../lib/index.js'
import { kubernetes } from '../../lib/manifests/kubernetes.js'
import { everySubset, inputOf, taking } from '../helpers/manifests.js'

async function containerOf (...args: Parameters<typeof inputOf>) {
  return parse(kubernetes(await inputOf(...args))).spec.template.spec.containers[0]
}

test('a web app is asked over HTTP, with the timeouts that its checks need', async t => {
  t.strictSame(parse(kubernetes(await inputOf(everySubset, { port: 8080 }))), {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'shop' },
    spec: {
      template: {
        spec: {
          containers: [{
            name: 'shop',
            startupProbe: { httpGet: { path: '/healthcheck/liveness', port: 8080 }, periodSeconds: 10, timeoutSeconds: 3, failureThreshold: 12 },
            livenessProbe: { httpGet: { path: '/healthcheck/liveness', port: 8080 }, periodSeconds: 10, timeoutSeconds: 3, failureThreshold: 3 },
            readinessProbe: { httpGet: { path: '/healthcheck/readiness', port: 8080 }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
          }],
        },
      },
    },
  })
})

test('a worker is asked through the command, less often', async t => {
  const exec = (subset: string) => ({ command: ['node_modules/.bin/fastify-health', '--subset', subset] })
  t.strictSame(await containerOf(everySubset, { kind: 'worker' }), {
    name: 'shop',
    startupProbe: { exec: exec('liveness'), periodSeconds: 10, timeoutSeconds: 3, failureThreshold: 12 },
    livenessProbe: { exec: exec('liveness'), periodSeconds: 30, timeoutSeconds: 3, failureThreshold: 3 },
    readinessProbe: { exec: exec('readiness'), periodSeconds: 30, timeoutSeconds: 6, failureThreshold: 3 },
  })
})

test('a probe is never due again before the one before it has timed out', async t => {
  const { readinessProbe } = await containerOf({ subsets: { readiness: [taking(45_000)] } })
  t.equal(readinessProbe.timeoutSeconds, 46)
  t.equal(readinessProbe.periodSeconds, 46)
})

test('the deadline is what counts where it is shorter than the checks', async t => {
  const { readinessProbe } = await containerOf({ ...everySubset, deadline: 900 })
  t.equal(readinessProbe.timeoutSeconds, 2)
})

test('what cannot be asked is said to be left out', async t => {
  const text = kubernetes(await inputOf({}))
  t.match(text, '# No readinessProbe: there is no subset named readiness.')
  t.notMatch(parse(text).spec.template.spec.containers[0], { readinessProbe: {} })
})

test('a configuration that has nothing to ask is refused', async t => {
  const input = await inputOf({ subsets: { integrations: [] } }, { kind: 'worker' })
  t.throws(() => kubernetes(input), { code: 'FST_HEALTH_USAGE', message: 'There is nothing that a probe of a worker could ask: make a subset named liveness or readiness.' })
  const web = await inputOf({ livenessPath: false })
  t.throws(() => kubernetes(web), { message: /^There is nothing that a probe of a web app could ask/ })
})

test('the app that runs with the same options answers on the paths that the probes ask', async t => {
  const options = { ...everySubset, prefix: '/prüfung/o\'clock"$s"', livenessPath: '/am/leben' } as const
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyHealth, options)
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const { livenessProbe, readinessProbe } = await containerOf(options)
  for (const { httpGet: { path } } of [livenessProbe, readinessProbe]) t.equal((await fetch(`${address}${path}`)).status, 200, path)
})

test('a probe that is missing for `livenessPath: false` says so', async t => {
  t.match(kubernetes(await inputOf({ livenessPath: false, subsets: { readiness: [] } })), /# No livenessProbe: `livenessPath: false` switches it off, and there is no subset named liveness\.\n/)
  t.match(kubernetes(await inputOf({ livenessPath: false, subsets: { readiness: [] } }, { kind: 'worker' })), /# No livenessProbe: there is no subset named liveness\.\n/)
})

test('a worker that listens for its probes is asked over HTTP, as often as a web app', async t => {
  t.match(await containerOf(everySubset, { kind: 'worker', port: 9000 }), {
    livenessProbe: { httpGet: { path: '/healthcheck/liveness', port: 9000 }, periodSeconds: 10, timeoutSeconds: 3 },
    readinessProbe: { httpGet: { path: '/healthcheck/readiness', port: 9000 }, periodSeconds: 10, timeoutSeconds: 5 },
  })
})

test('a gRPC server is asked by the names of its subsets', async t => {
  t.strictSame(await containerOf(everySubset, { grpc: true }), {
    name: 'shop',
    startupProbe: { grpc: { port: 50_051, service: 'liveness' }, periodSeconds: 10, timeoutSeconds: 2, failureThreshold: 12 },
    livenessProbe: { grpc: { port: 50_051, service: 'liveness' }, periodSeconds: 10, timeoutSeconds: 2, failureThreshold: 3 },
    readinessProbe: { grpc: { port: 50_051, service: 'readiness' }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
  })
  t.match(kubernetes(await inputOf({ subsets: { readiness: [] } }, { grpc: true })), '# No livenessProbe: there is no subset named liveness.')
  const nothing = await inputOf({}, { grpc: true })
  t.throws(() => kubernetes(nothing), { message: /^There is nothing that a probe of a gRPC server could ask/ })
})
