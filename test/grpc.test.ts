import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, credentials, Server, ServerCredentials, type ServiceError } from '@grpc/grpc-js'
import { test, type Test } from 'tap'
import { decodeListResponse, decodeResponse, encodeRequest } from '../lib/clients/grpc-health.js'
import { addHealthService, type HealthServiceOptions } from '../lib/grpc.js'
import { createHealth, defineCheck, ServiceUnavailable } from '../lib/index.js'
import { pythonWith } from './helpers/debian.js'
import { until as untilSoon } from './helpers/leaks.js'
import { recordedLog } from './helpers/recorded-log.js'

/** A thousand streams take a busy machine a while. */
const until = async (condition: () => boolean) => await untilSoon(condition, { timeout: 60_000 })

const serving = 1
const notServing = 2
const serviceUnknown = 3
const path = '/grpc.health.v1.Health'

async function setUp (t: Test, options: HealthServiceOptions = {}) {
  const database = { works: true, runs: 0, hangs: false }
  const check = defineCheck({
    identifier: 'Database',
    async check ({ signal }) {
      database.runs++
      if (database.hangs) await once(signal, 'abort')
      if (!database.works) throw new ServiceUnavailable('gone')
    },
  })
  const health = createHealth({ subsets: { readiness: [check], integrations: [check], empty: [] } }, { log: recordedLog().log })
  const server = new Server()
  const end = addHealthService(server, health, options)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => error === null ? resolve(port) : reject(error))
  })
  const address = `127.0.0.1:${port}`
  const client = new Client(address, credentials.createInsecure())
  t.teardown(async () => {
    client.close()
    server.forceShutdown()
    await health.close()
  })
  const ask = async (service: string, deadline?: number) => await new Promise<number>((resolve, reject) => {
    const metadata = deadline === undefined ? {} : { deadline: Date.now() + deadline }
    client.makeUnaryRequest(`${path}/Check`, (service: string) => encodeRequest({ service }), decodeResponse, service, metadata, (error, response) => {
      if (error === null) resolve((response as { status: number }).status)
      else reject(error)
    })
  })
  const list = async (deadline = Infinity) => await new Promise<object>((resolve, reject) => {
    client.makeUnaryRequest(`${path}/List`, () => Buffer.alloc(0), decodeListResponse, {}, { deadline: Date.now() + deadline }, (error, response) => error === null ? resolve((response as { statuses: object }).statuses) : reject(error))
  })
  const watch = (service: string) => {
    const seen: number[] = []
    const call = client.makeServerStreamRequest(`${path}/Watch`, (service: string) => encodeRequest({ service }), decodeResponse, service)
    let ended = false
    let error: ServiceError | undefined
    call.on('data', ({ status }: { status: number }) => seen.push(status)).on('error', failure => { error = failure as ServiceError }).on('end', () => { ended = true })
    return { call, seen, ended: () => ended, error: () => error }
  }
  return { database, health, server, address, end, check: ask, list, watch }
}

test('the name of a service is that of a subset, and the empty one is the overall subset', async t => {
  const { database, check } = await setUp(t)
  t.equal(await check('readiness'), serving)
  t.equal(await check(''), serving)
  database.works = false
  t.equal(await check('readiness'), notServing)
  t.equal(await check('empty'), serving)
  await t.rejects(check('ghost'), { code: 5, details: 'unknown service' })
})

test('the overall subset may be another one, and one that is not there is not found', async t => {
  const { database, check } = await setUp(t, { overall: 'empty' })
  database.works = false
  t.equal(await check(''), serving)
  const { check: checkOther, list } = await setUp(t, { overall: 'ghost' })
  await t.rejects(checkOther(''), { code: 5 })
  t.strictSame(Object.keys(await list()).sort(), ['empty', 'integrations', 'readiness'])
})

test('a subset that drains is not serving, and the others are', async t => {
  const { health, check } = await setUp(t)
  await health.drain()
  t.equal(await check('readiness'), notServing)
  t.equal(await check('integrations'), serving)
})

test('the answer is in time for the client\'s deadline, and for that of the settings', async t => {
  const { database, health, check, list } = await setUp(t)
  database.hangs = true
  t.equal(await check('readiness', 2_000), notServing)
  t.match(await list(2_000), { readiness: { status: notServing } })
  health.settings.timeout = 600_000
  health.settings.deadline = 50
  t.equal(await check('readiness', 500_000), notServing)
  t.equal(await check('readiness'), notServing)
})

test('all services are listed, up to a hundred', async t => {
  const { database, health, list } = await setUp(t)
  database.works = false
  t.strictSame({ ...await list() }, { '': { status: notServing }, readiness: { status: notServing }, integrations: { status: notServing }, empty: { status: serving } })
  for (let n = 0; n < 98; n++) health.add(`more-${n}`)
  await t.rejects(list(), { code: 8, details: 'too many services to list' })
})

test('a watch sends the first verdict, and then changes alone', async t => {
  const { database, health, watch } = await setUp(t, { watchInterval: 1_000_000 })
  const { call, seen } = watch('readiness')
  await until(() => seen.length === 1)
  await health.run('readiness')
  database.works = false
  await health.run('integrations')
  await health.run('readiness')
  await until(() => seen.length === 2)
  await health.run('readiness')
  database.works = true
  await health.run('readiness')
  await until(() => seen.length === 3)
  await health.drain()
  await until(() => seen.length === 4)
  t.strictSame(seen, [serving, notServing, serving, notServing])
  call.cancel()
})

test('a watch that is being answered when draining begins says nothing else after that', async t => {
  const { database, health, watch } = await setUp(t, { watchInterval: 20 })
  const { call, seen } = watch('readiness')
  await until(() => seen.length === 1)
  health.settings.timeout = 100
  database.hangs = true
  const { runs } = database
  await until(() => database.runs > runs)
  await health.drain()
  await pause(300)
  t.strictSame(seen, [serving, notServing])
  call.cancel()
})

test('a watch sees a change that no other probe finds', async t => {
  const { database, watch } = await setUp(t, { watchInterval: 20 })
  const { call, seen } = watch('')
  await until(() => seen.length === 1)
  database.works = false
  await until(() => seen.length === 2)
  t.strictSame(seen, [serving, notServing])
  call.cancel()
})

test('a service that is unknown is said to be, and watched until it is there', async t => {
  const { health, watch } = await setUp(t, { watchInterval: 20 })
  const { call, seen } = watch('later')
  await until(() => seen.length === 1)
  health.add('later')
  await until(() => seen.length === 2)
  t.strictSame(seen, [serviceUnknown, serving])
  call.cancel()
})

test('a thousand watchers cost one run, and leave nothing behind', async t => {
  const { database, health, watch } = await setUp(t, { watchInterval: 1_000_000 })
  const watches = Array.from({ length: 1000 }, () => watch('readiness'))
  await until(() => watches.every(({ seen }) => seen.length === 1))
  t.equal(database.runs, 1)
  t.equal(health.listenerCount('verdict'), 1)
  const other = watch('integrations')
  await until(() => other.seen.length === 1)
  t.equal(health.listenerCount('verdict'), 1)
  for (const { call } of watches) call.cancel()
  other.call.cancel()
  await until(() => health.listenerCount('verdict') === 0)
  const again = watch('readiness')
  await until(() => again.seen.length === 1)
  t.equal(database.runs, 3)
  again.call.cancel()
})

test('calls that are over before they are handled are not watched for ever', async t => {
  const { health, address, watch } = await setUp(t, { watchInterval: 50 })
  const session = connect(`http://${address}`)
  t.teardown(() => session.destroy())
  const { call, seen } = watch('readiness')
  await until(() => seen.length === 1)
  // The server answers each of them when its headers come, and hears of their ends later.
  for (const header of [{ 'grpc-timeout': 'soon' }, { 'grpc-timeout': '1m' }]) {
    const stream = session.request({ ':method': 'POST', ':path': `${path}/Watch`, 'content-type': 'application/grpc', te: 'trailers', ...header })
    const answered = once(stream, 'response')
    stream.write(Buffer.alloc(5))
    await answered
    stream.end()
  }
  await pause(300)
  call.cancel()
  await until(() => health.listenerCount('verdict') === 0)
})

test('watches end when they are told to, and the server then shuts down', async t => {
  const { health, server, end, watch } = await setUp(t)
  const watches = [watch('readiness'), watch('readiness'), watch('integrations')]
  await until(() => watches.every(({ seen }) => seen.length === 1))
  end()
  await until(() => watches.every(({ ended }) => ended()))
  t.strictSame(watches.map(({ error }) => error()), [undefined, undefined, undefined])
  t.equal(health.listenerCount('verdict'), 0)
  await new Promise<void>((resolve, reject) => server.tryShutdown(error => error === undefined ? resolve() : reject(error)))
})

test('an interval that is none is refused', async t => {
  const health = createHealth()
  t.throws(() => addHealthService(new Server(), health, { watchInterval: 0 }), { code: 'FST_HEALTH_INVALID_DURATION', message: '`watchInterval` must be a whole number of milliseconds, 1 or more; it is 0.' })
})

test('a client of another implementation gets the same answers', async t => {
  const { database, health, address } = await setUp(t, { watchInterval: 1_000_000 })
  const python = (method: string, service = '') => {
    const child = spawn(pythonWith('grpc'), [fileURLToPath(new URL('fixtures/grpc/client.py', import.meta.url)), address, method, service], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    return { child, lines: createInterface(child.stdout) }
  }
  const answer = async (...args: Parameters<typeof python>) => (await once(python(...args).lines, 'line'))[0]
  t.equal(await answer('Check', 'readiness'), 'SERVING')
  t.equal(await answer('Check'), 'SERVING')
  t.equal(await answer('Check', 'ghost'), 'NOT_FOUND')
  t.match(decodeListResponse(Buffer.from(await answer('List'), 'hex')), { statuses: { '': { status: serving }, empty: { status: serving } } })
  const seen: string[] = []
  const { child, lines } = python('Watch', 'readiness')
  lines.on('line', line => seen.push(line))
  await until(() => seen.length === 1)
  database.works = false
  await health.run('readiness')
  await until(() => seen.length === 2)
  t.strictSame(seen, ['SERVING', 'NOT_SERVING'])
  child.kill('SIGKILL')
  await until(() => health.listenerCount('verdict') === 0)
  t.equal(await answer('Watch', 'ghost'), 'SERVICE_UNKNOWN')
})
